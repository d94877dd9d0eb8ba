"""Following runs: every durable event exactly once, whatever happens to the connection."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from fairlead.agents import Agent, tool
from tests.api.serving import Told, listening, read_events, serving


async def steps(input: Any, ctx: Any) -> dict[str, Any]:
    ctx.log("begun", n=1)
    for name in ("a", "b", "c"):
        await ctx.step(name, lambda: name)  # noqa: B023 it is called at once
    return {"done": True}


async def fail(input: Any) -> None:
    raise ValueError("no such luck")


async def hang(input: Any) -> None:
    await asyncio.Event().wait()


async def ask(input: Any, ctx: Any) -> bool:
    return (await ctx.approve("Sure?")).approved


@tool(safe_to_repeat=True)
async def look_up(word: str) -> str:
    """What a word means."""
    return f"{word}: a thing"


AGENTS = {"steps": steps, "fail": fail, "hang": hang, "ask": ask, "chat": Agent("chat", "simulated/echo")}


def body(agent: str, *modes: str, **more: Any) -> dict[str, Any]:
    return {"assistant_id": agent, "stream_mode": list(modes) or ["values"], **more}


async def follow(
    client: httpx.AsyncClient, run_id: str, *modes: str, after: str = "", most: int = 10_000
) -> list[Told]:
    headers = {"Last-Event-ID": after} if after else {}
    params = {"stream_mode": list(modes)}
    async with client.stream("GET", f"/runs/{run_id}/stream", params=params, headers=headers) as response:
        assert response.status_code == 200
        return await read_events(response, most=most)


async def test_a_started_run_is_told_from_metadata_to_its_values_and_the_stream_ends(database_url: str | None) -> None:
    async with serving(AGENTS, database_url=database_url) as api, listening(api.app) as url:
        async with httpx.AsyncClient(base_url=url) as client, client.stream(
            "POST", "/runs/stream", json=body("steps", "values", "updates", "custom", input={"x": 1})
        ) as response:  # fmt: skip
            told = await read_events(response)
        assert [one.event for one in told] == ["metadata", "values", "custom", *["updates"] * 4, "values"]
        assert (told[1].data, told[-1].data) == ({"x": 1}, {"done": True})
        assert [one.data for one in told[3:7]] == [{"a": "a"}, {"b": "b"}, {"c": "c"}, {"steps": {"done": True}}]
        run_id = told[0].data["run_id"]
        assert told[0].data["attempt"] == 1
        assert response.headers["content-location"] == f"/runs/{run_id}"
        assert response.headers["location"].startswith(f"/runs/{run_id}/stream?stream_mode=values")


@pytest.mark.parametrize("modes", [("values", "updates", "debug", "custom", "events"), ("debug",)])
async def test_a_reader_that_comes_back_gets_exactly_the_rest(modes: tuple[str, ...]) -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, httpx.AsyncClient(base_url=url) as client:
        run = await api.running.run("steps")
        whole = (await follow(client, run.id, *modes))[1:]
        assert len({one.id for one in whole}) == len(whole)
        for place, one in enumerate(whole):
            assert (await follow(client, run.id, *modes, after=one.id))[1:] == whole[place + 1 :]


async def test_a_connection_that_falls_again_and_again_loses_and_repeats_nothing() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, httpx.AsyncClient(base_url=url) as client:
        run = await api.running.submit("steps")
        seen: list[Told] = []
        while not seen or not (seen[-1].event == "values" and seen[-1].data == {"done": True}):
            more = await follow(client, run.id, "values", "debug", after=seen[-1].id if seen else "", most=2)
            seen += [one for one in more if one.id]
        assert seen == (await follow(client, run.id, "values", "debug"))[1:]


async def test_a_forged_event_id_is_refused_and_a_future_one_tells_nothing() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, httpx.AsyncClient(base_url=url) as client:
        run = await api.running.run("steps")
        for forged in ("abc", "1;drop", "9" * 40, "-7", "1-"):
            answer = await client.get(f"/runs/{run.id}/stream", headers={"Last-Event-ID": forged})
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
        assert [one.event for one in await follow(client, run.id, "debug", after="999999999")] == ["metadata"]
        assert await follow(client, run.id, "values", after="-1") == await follow(client, run.id, "values")


async def test_a_failure_and_a_question_end_the_stream() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, httpx.AsyncClient(base_url=url) as client:
        failed = await api.running.submit("fail")
        assert (await follow(client, failed.id, "updates"))[-1].data == {
            "error": "ValueError",
            "message": "no such luck",
        }
        waiting = await api.running.submit("ask")
        last = (await follow(client, waiting.id, "updates"))[-1]
        assert last.event == "updates" and last.data["__interrupt__"][0]["value"]["question"] == "Sure?"


async def test_a_conversation_is_told_in_messages() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, httpx.AsyncClient(base_url=url) as client:
        given = {"messages": [{"role": "user", "content": "hi", "id": "mine"}]}
        async with client.stream(
            "POST", "/runs/stream", json=body("chat", "values", "messages-tuple", "updates", input=given)
        ) as response:  # fmt: skip
            told = await read_events(response)
        values = [one.data for one in told if one.event == "values"]
        assert values[0]["messages"][0]["id"] == "mine"
        whole = [one.data[0] for one in told if one.event == "messages"][-1]
        assert whole["type"] == "ai" and whole == values[-1]["messages"][-1]
        updates = [one.data for one in told if one.event == "updates"]
        assert updates == [{"model": {"messages": [whole]}}]
        assert all(not one.id for one in told if one.event == "messages" and one.data[0]["type"] == "AIMessageChunk")


@pytest.mark.parametrize("path", ["/runs/stream", "/runs/wait"])
async def test_a_reader_that_leaves_cancels_only_if_it_said_so(path: str) -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, httpx.AsyncClient(base_url=url) as client:
        for wanted in ("continue", "cancel"):
            asked = client.stream("POST", path, json=body("hang", on_disconnect=wanted), timeout=0.3)
            try:
                async with asked as response:
                    await read_events(response, most=1)
            except httpx.ReadTimeout:
                pass
            (run,) = await api.running.engine.control.list(limit=1)
            if wanted == "cancel":
                assert (await api.running.ended(run.id)).reason == "cancelled"
            else:
                await api.running.until(run.id, "started")
                assert (await api.running.engine.control.get(run.id)).status == "running"


async def test_a_reader_that_takes_nothing_harms_nobody() -> None:
    async def talk(input: Any, ctx: Any) -> str:
        for n in range(200):
            ctx.log("x" * 10_000, n=n)
            await ctx.step(f"s{n}", lambda: 1)
        return "done"

    async with serving({"talk": talk}) as api, listening(api.app) as url, httpx.AsyncClient(base_url=url) as client:
        run = await api.running.submit("talk")
        async with client.stream("GET", f"/runs/{run.id}/stream") as stuck:
            assert stuck.status_code == 200  # and it reads no further
            told = await follow(client, run.id, "custom", "values")
            assert told[-1].data["output"] == "done"
            assert len([one for one in told if one.event == "custom"]) == 200


async def test_open_streams_end_when_the_server_stops_and_can_be_taken_up_again() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, httpx.AsyncClient(base_url=url) as client:
        run = await api.running.submit("hang")
        async with client.stream("GET", f"/runs/{run.id}/stream") as response:
            api.stopping.set()
            with pytest.raises(httpx.RemoteProtocolError):
                await read_events(response)
        assert (await api.running.engine.control.get(run.id)).reason is None


async def test_streams_are_counted_while_open() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, httpx.AsyncClient(base_url=url) as client:
        run = await api.running.run("steps")
        await follow(client, run.id, "values")
        assert len(api.said("connection_opened")) == len(api.said("connection_closed")) == 1
        (request,) = api.said("http_request")
        assert (request["endpoint"], request["status_code"]) == ("/runs/{run_id}/stream", 200)
