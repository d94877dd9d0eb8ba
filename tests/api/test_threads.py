"""Threads over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

from fairlead.agents import Agent
from tests.api.serving import serving

CHAT = {"chat": Agent("chat", "simulated/echo")}


async def test_a_thread_remembers_what_its_runs_said(database_url: str | None) -> None:
    async with serving(CHAT, database_url=database_url) as api:
        thread = await api.json("POST", "/threads", {"metadata": {"user": "ada"}})
        path = f"/threads/{thread['thread_id']}"
        assert (thread["status"], thread["values"]) == ("idle", {})
        assert await api.json("GET", f"{path}/history") == []
        for said in ("one", "two"):
            await api.json("POST", f"{path}/runs/wait", {"assistant_id": "chat", "input": {"messages": [
                {"role": "user", "content": said}]}})  # fmt: skip
        state = await api.json("GET", f"{path}/state")
        assert [one["type"] for one in state["values"]["messages"]] == ["human", "ai", "human", "ai"]
        assert state["next"] == [] and state["checkpoint"]["thread_id"] == thread["thread_id"]
        past = await api.json("POST", f"{path}/history", {"limit": 5})
        assert past[0] == state
        assert [(len(one["values"]["messages"]), one["next"]) for one in past] == [
            (4, []), (3, ["model"]), (2, []), (1, ["model"]),
        ]  # fmt: skip
        assert len(await api.json("GET", f"{path}/runs")) == 2


async def test_threads_are_found_by_what_was_said_of_them(database_url: str | None) -> None:
    async with serving(CHAT, workers=0, database_url=database_url) as api:
        await api.json("POST", "/threads", {"thread_id": "t1", "metadata": {"user": "ada", "n": 1}})
        await api.json("POST", "/threads", {"thread_id": "t2", "metadata": {"user": "bob", "deep": {"a": [1, None]}}})
        await api.json("PATCH", "/threads/t1", {"metadata": {"n": 2, "on": True, "text": 'q"q', "none": None}})

        async def found(**by: Any) -> list[str]:
            return [one["thread_id"] for one in await api.json("POST", "/threads/search", by)]

        assert await found() == ["t1", "t2"]
        assert await found(metadata={"user": "bob"}) == ["t2"]
        assert await found(metadata={"n": 2}) == ["t1"]
        assert await found(ids=["t2", "t9"]) == ["t2"]
        assert await found(status="busy") == []
        assert (await api.json("GET", "/threads/t1"))["metadata"] == {
            "user": "ada", "n": 2, "on": True, "text": 'q"q', "none": None
        }  # fmt: skip
        assert await found(limit=1, offset=1) == ["t2"]


async def test_a_thread_is_described_by_the_address_of_its_state_too(database_url: str | None) -> None:
    async with serving(CHAT, workers=0, database_url=database_url) as api:
        await api.json("POST", "/threads", {"thread_id": "t1", "metadata": {"user": "ada", "n": 1}})
        await api.json("POST", "/threads/t1/state", {"values": {"kept": True}})
        before = await api.json("GET", "/threads/t1/state")
        patched = await api.json("PATCH", "/threads/t1/state", {"metadata": {"n": 2, "none": None}})
        assert patched["metadata"] == {"user": "ada", "n": 2, "none": None}
        after = await api.json("GET", "/threads/t1/state")
        assert (after["values"], after["checkpoint"]) == (before["values"], before["checkpoint"])
        assert len(await api.json("GET", "/threads/t1/history")) == 1
        assert (after["metadata"]["n"], after["metadata"]["user"]) == (2, "ada")
        for bad in ({}, {"metadata": None}, {"metadata": {}, "ttl": 5}, {"values": {"kept": False}}):
            await api.json("PATCH", "/threads/t1/state", bad, status=422)
        await api.json("PATCH", "/threads/none/state", {"metadata": {"n": 2}}, status=404)


async def test_a_thread_exists_once() -> None:
    async with serving(CHAT, workers=0) as api:
        await api.json("POST", "/threads", {"thread_id": "t"})
        assert (await api.json("POST", "/threads", {"thread_id": "t"}, status=409))["code"] == "conflict"
        await api.json("POST", "/threads", {"thread_id": "t", "if_exists": "do_nothing"})
        await api.json("POST", "/threads", {"thread_id": "../etc"}, status=422)


async def test_a_run_wants_a_thread_that_is_there_or_may_be_made() -> None:
    async with serving(CHAT, workers=0) as api:
        body = {"assistant_id": "chat", "input": "hi"}
        assert (await api.json("POST", "/threads/new/runs", body, status=404))["code"] == "not_found"
        run = await api.json("POST", "/threads/new/runs", {**body, "if_not_exists": "create"})
        assert run["thread_id"] == "new"
        thread = await api.json("GET", "/threads/new")
        assert (thread["status"], thread["metadata"]["graph_id"]) == ("busy", "chat")


async def test_a_busy_thread_queues_or_refuses_and_is_not_forgotten() -> None:
    async with serving(CHAT, workers=0) as api:
        await api.json("POST", "/threads", {"thread_id": "t"})
        body = {"assistant_id": "chat", "input": "hi"}
        await api.json("POST", "/threads/t/runs", body)
        second = await api.json("POST", "/threads/t/runs", body)
        assert second["reason"] == "thread"
        await api.json("POST", "/threads/t/runs", {**body, "multitask_strategy": "reject"}, status=409)
        await api.json("DELETE", "/threads/t", status=409)


async def test_a_thread_is_forgotten_and_its_runs_stay(database_url: str | None) -> None:
    async with serving(CHAT, database_url=database_url) as api:
        await api.json("POST", "/threads", {"thread_id": "t"})
        await api.json("POST", "/threads/t/runs/wait", {"assistant_id": "chat", "input": "hi"})
        await api.json("DELETE", "/threads/t", status=204)
        await api.json("GET", "/threads/t", status=404)
        assert len(await api.json("GET", "/runs?thread_id=t")) == 1


async def test_a_thread_shows_the_question_its_run_asks() -> None:
    async def ask(input: Any, ctx: Any) -> str:
        return "yes" if (await ctx.approve("Sure?")).approved else "no"

    async with serving({"ask": ask}) as api:
        await api.json("POST", "/threads", {"thread_id": "t"})
        async with asyncio.timeout(10):
            await api.json("POST", "/threads/t/runs/wait", {"assistant_id": "ask", "input": "x"})
        state = await api.json("GET", "/threads/t/state")
        assert state["next"] == ["ask"]
        assert state["tasks"][0]["interrupts"][0]["value"]["question"] == "Sure?"
        thread = await api.json("GET", "/threads/t")
        assert thread["status"] == "interrupted" and len(thread["interrupts"]) == 1


async def test_a_search_extracts_by_paths_and_refuses_what_is_none_whatever_there_is() -> None:
    async with serving(CHAT) as api:
        wrong = ("", "a..b", "[0]", "a[x]", "values.é", "a." + "b" * 500)
        for path in wrong:
            await api.json("POST", "/threads/search", {"extract": {"it": path}}, status=422)
        await api.json("POST", "/threads", {"thread_id": "t", "metadata": {"owner": "ada"}})
        await api.json("POST", "/threads/t/runs/wait", {"assistant_id": "chat", "input": "hi"})
        for path in wrong:
            await api.json("POST", "/threads/search", {"extract": {"it": path}}, status=422)
        wanted = {
            "owner": "metadata.owner",
            "first": "values.messages[0].content",
            "none": "values.messages[9].content",
        }
        (found,) = await api.json("POST", "/threads/search", {"extract": wanted})
        assert found["extracted"] == {"owner": "ada", "first": "hi", "none": None}
