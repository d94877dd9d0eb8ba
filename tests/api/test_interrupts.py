"""Runs that wait for a person, through LangGraph's own client: questions, values, pauses, and going elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from httpx import HTTPStatusError
from langgraph_sdk import get_client

from fairlead.agents import Agent, Context, tool
from tests.api.serving import listening, serving


@tool(safe_to_repeat=True)
def count_words(text: str) -> int:
    """How many words there are."""
    return len(text.split())


async def ask(input: Any, ctx: Context) -> Any:
    decision = await ctx.approve("May I?", data={"sum": 3})
    return {"approved": decision.approved, "comment": decision.comment, "by": bool(decision.by)}


async def want(input: Any, ctx: Context) -> Any:
    name = await ctx.interrupt({"want": "a name"})
    return {"name": name}


async def want_two(input: Any, ctx: Context) -> Any:
    import asyncio

    return await asyncio.gather(ctx.interrupt("first?"), ctx.interrupt("second?"))


def sync_want(input: Any, ctx: Any) -> Any:
    return [ctx.interrupt("which?")]


AGENTS = {
    "chat": Agent("chat", "simulated/echo", tools=[count_words]), "ask": ask, "want": want, "want_two": want_two,
    "sync_want": sync_want,
}  # fmt: skip
HI = {"messages": [{"role": "human", "content": "use count_words on a b c"}]}


def _ids(values: Any) -> list[str]:
    return [one["id"] for one in values["messages"]]


async def test_an_approval_is_an_interrupt_that_resume_answers(database_url: str | None) -> None:
    async with (
        serving(AGENTS, database_url=database_url) as api,
        listening(api.app) as url,
        get_client(url=url) as client,
    ):
        thread_id = (await client.threads.create())["thread_id"]
        asked: Any = await client.runs.wait(thread_id, "ask", input=None)
        (interrupt,) = asked["__interrupt__"]
        assert interrupt["value"]["question"] == "May I?" and interrupt["value"]["data"] == {"sum": 3}
        thread: Any = await client.threads.get(thread_id)
        assert thread["status"] == "interrupted" and [*thread["interrupts"].values()] == [[interrupt]]
        state: Any = await client.threads.get_state(thread_id)
        assert state["next"] == ["ask"] and state["tasks"][0]["interrupts"] == [interrupt] == state["interrupts"]
        with pytest.raises(HTTPStatusError, match="true, false"):
            await client.runs.wait(thread_id, "ask", command={"resume": "perhaps"})
        said = {"approved": True, "comment": "fine"}
        answered: Any = await client.runs.wait(thread_id, "ask", command={"resume": said})
        assert answered == {**said, "by": True}
        with pytest.raises(HTTPStatusError, match="409"):
            await client.runs.wait(thread_id, "ask", command={"resume": True})


async def test_any_value_answers_an_interrupt_and_the_stream_goes_on_from_there(database_url: str | None) -> None:
    async with (
        serving(AGENTS, database_url=database_url) as api,
        listening(api.app) as url,
        get_client(url=url) as client,
    ):
        for agent, expected in (("want", {"name": {"first": "Ada"}}), ("sync_want", {"output": [{"first": "Ada"}]})):
            thread_id = (await client.threads.create())["thread_id"]
            first = [part async for part in client.runs.stream(thread_id, agent, input=None)]
            value = first[-1].data["__interrupt__"][0]["value"]
            assert value in ({"want": "a name"}, "which?")
            answer: Any = {"resume": {"first": "Ada"}}
            again = [part async for part in client.runs.stream(thread_id, agent, command=answer)]
            assert again[-1].event == "values" and again[-1].data == expected
            assert not any("__interrupt__" in (part.data or {}) for part in again)


async def test_several_questions_are_answered_by_their_ids() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, get_client(url=url) as client:
        thread_id = (await client.threads.create())["thread_id"]
        asked: Any = await client.runs.wait(thread_id, "want_two", input=None)
        ids = {one["value"]: one["id"] for one in asked["__interrupt__"]}
        with pytest.raises(HTTPStatusError, match="2 questions"):
            await client.runs.wait(thread_id, "want_two", command={"resume": 1})
        left: Any = await client.runs.wait(thread_id, "want_two", command={"resume": {ids["second?"]: 2}})
        assert [one["value"] for one in left["__interrupt__"]] == ["first?"]
        done: Any = await client.runs.wait(thread_id, "want_two", command={"resume": {ids["first?"]: 1}})
        assert done == {"output": [1, 2]}


async def test_a_run_pauses_before_its_tools_and_goes_on_without_input(database_url: str | None) -> None:
    async with (
        serving(AGENTS, database_url=database_url) as api,
        listening(api.app) as url,
        get_client(url=url) as client,
    ):
        thread_id = (await client.threads.create())["thread_id"]
        parts = [part async for part in client.runs.stream(thread_id, "chat", input=HI, interrupt_before=["tools"])]
        assert parts[-1].data["__interrupt__"] == []
        assert [one["type"] for one in parts[-1].data["messages"]] == ["human", "ai"]
        state: Any = await client.threads.get_state(thread_id)
        assert (state["next"], state["interrupts"]) == (["tools"], [])
        assert _ids(state["values"]) == _ids(parts[-1].data)
        done: Any = await client.runs.wait(thread_id, "chat", input=None)
        assert [one["type"] for one in done["messages"]] == ["human", "ai", "tool", "ai"]
        assert done["messages"][:2] == state["values"]["messages"]
        after: Any = await client.threads.get_state(thread_id)
        assert (after["next"], after["values"]) == ([], done)


async def test_a_run_pauses_at_every_edge_and_a_callable_before_it_begins() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, get_client(url=url) as client:
        thread_id = (await client.threads.create())["thread_id"]
        nexts: list[Any] = []
        await client.runs.wait(thread_id, "chat", input=HI, interrupt_before="*")
        for _ in range(3):
            nexts.append((await client.threads.get_state(thread_id))["next"])
            last: Any = await client.runs.wait(thread_id, "chat", input=None, interrupt_before="*")
        assert nexts == [["model"], ["tools"], ["model"]] and "__interrupt__" not in last
        other = (await client.threads.create())["thread_id"]
        await client.runs.wait(other, "want", input=None, interrupt_before=["want"])
        assert (await client.threads.get_state(other))["next"] == ["want"]
        asked: Any = await client.runs.wait(other, "want", command={"resume": "go"})
        assert asked["__interrupt__"][0]["value"] == {"want": "a name"}
        with pytest.raises(HTTPStatusError, match="asks a question"):
            await client.runs.wait(other, "want", input=None)


async def test_who_goes_elsewhere_gives_no_answer() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, get_client(url=url) as client:
        thread_id = (await client.threads.create())["thread_id"]
        await client.runs.wait(thread_id, "chat", input=HI)
        before: Any = await client.threads.get_state(thread_id)
        await client.runs.wait(thread_id, "chat", input=HI, interrupt_before=["model"])
        ended: Any = await client.runs.wait(thread_id, "chat", command={"goto": "__end__"})
        after: Any = await client.threads.get_state(thread_id)
        assert after["next"] == [] and len(after["values"]["messages"]) >= len(before["values"]["messages"])
        assert ended["output"] == before["values"]["output"]
        for refused in ({"goto": "nowhere"}, {"goto": ["model", "tools"]}, {"resume": 1, "update": {"a": 1}}):
            with pytest.raises(HTTPStatusError, match=r"422|409"):
                await client.runs.wait(thread_id, "chat", command=refused)  # type: ignore[arg-type]
        with pytest.raises(HTTPStatusError, match="no node"):
            await client.runs.wait(thread_id, "chat", input=HI, interrupt_after=["nowhere"])
        with pytest.raises(HTTPStatusError, match="404"):
            await client.runs.wait("nowhere", "ask", command={"resume": True})


async def test_an_update_goes_into_the_state_that_the_run_begins_with() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, get_client(url=url) as client:
        thread_id = (await client.threads.create())["thread_id"]
        said = {"messages": [{"role": "user", "content": "hello there", "id": "mine"}], "colour": "blue"}
        done: Any = await client.runs.wait(thread_id, "chat", command={"update": said})
        assert [(one["type"], one["content"]) for one in done["messages"]] == [
            ("human", "hello there"), ("ai", ""), ("tool", "2"),
            ("ai", "Simulated answer after 1 tool calls. Last result: 2"),
        ]  # fmt: skip
        assert done["messages"][0]["id"] == "mine"
