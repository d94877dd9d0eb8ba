"""The stream of a thread: runs that come, an id to come back with, and ids that nobody gave out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from fairlead import Context
from fairlead.agents import Agent
from tests.api.serving import Serving, listening, serving

HI = {"messages": [{"role": "human", "content": "hi"}]}
CHAT = {"assistant_id": "chat", "input": HI, "if_not_exists": "create"}


async def ask(input: Any, ctx: Context) -> Any:
    return await ctx.interrupt("which?")


AGENTS = {"chat": Agent("chat", "simulated/echo"), "ask": ask}


async def _frames(answer: httpx.Response) -> AsyncIterator[tuple[str, str, Any]]:
    told: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if not line and "data" in told:
            yield told["event"], told.get("id", ""), orjson.loads(told["data"])
        if not line:
            told = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            told[name] = value


async def _until(
    url: str,
    ended: int,
    *,
    last: str = "",
    joined: asyncio.Event | None = None,
    paused: asyncio.Event | None = None,
    **query: Any,
) -> list[tuple[str, str, Any]]:
    """What is told until so many runs have ended or asked. `paused`: set with the first of these."""
    query.setdefault("stream_mode", ["run_modes", "lifecycle"])
    found: list[tuple[str, str, Any]] = []
    headers = {"last-event-id": last} if last else {}
    async with (
        asyncio.timeout(10),
        httpx.AsyncClient(timeout=None) as client,
        client.stream("GET", url, params=query, headers=headers) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        if joined is not None:
            joined.set()
        async for frame in _frames(answer):
            found.append(frame)
            rests = frame[0] == "lifecycle" and frame[2]["status"] != "started"
            ended -= rests
            if rests and paused is not None:
                paused.set()
            if not ended:
                break
    return found


async def _runs(api: Serving, count: int) -> list[str]:
    for _ in range(count):
        await api.json("POST", "/threads/t/runs/wait", CHAT)
    return [run["run_id"] for run in reversed(await api.json("GET", "/threads/t/runs"))]


async def test_runs_that_come_are_told_one_after_the_other() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url:
        await api.json("POST", "/threads", {"thread_id": "t"})
        joined = asyncio.Event()
        following = asyncio.create_task(_until(f"{url}/threads/t/stream", 2, joined=joined))
        await joined.wait()
        runs = await _runs(api, 2)
        told = await following
        assert [(data["run_id"], data["status"]) for event, _, data in told if event == "lifecycle"] == [
            (runs[0], "started"), (runs[0], "success"), (runs[1], "started"), (runs[1], "success"),
        ]  # fmt: skip
        assert {"metadata", "values", "updates", "messages"} <= {event for event, _, _ in told}


async def test_whoever_comes_back_gets_exactly_the_rest() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url:
        await api.json("POST", "/threads", {"thread_id": "t"})
        await _runs(api, 3)
        whole = [one for one in await _until(f"{url}/threads/t/stream", 3, last="-1") if one[1]]
        run_modes = [one for one in whole if one[0] != "lifecycle"]
        for place in (0, 3, len(run_modes) // 2, len(run_modes) - 2):
            runs = {one[1].split(":")[0] for one in run_modes[place + 1 :]}
            rest = await _until(f"{url}/threads/t/stream", len(runs), last=run_modes[place][1])
            assert [one for one in rest if one[1] and one[0] != "lifecycle"] == run_modes[place + 1 :]


async def test_a_run_that_asks_goes_on_in_the_same_stream() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url:
        await api.json("POST", "/threads/a/runs/wait", {"assistant_id": "ask", "if_not_exists": "create"})
        paused, wanted = asyncio.Event(), ["lifecycle", "state_update"]
        following = asyncio.create_task(_until(f"{url}/threads/a/stream", 2, paused=paused, stream_mode=wanted))
        await paused.wait()
        answered = await api.json("POST", "/threads/a/runs/wait", {"assistant_id": "ask", "command": {"resume": "red"}})
        assert answered["output"] == "red"
        told = await following
        assert [data["status"] for event, _, data in told if event == "lifecycle"][-1] == "success"


@pytest.mark.parametrize(
    "forged", ["x", ":", "a:b", "-2", "1e9:1", "é:1", f"{'9' * 300}:1", "run:-1", "run:1-", "run:1:x"]
)
@pytest.mark.parametrize("path", ["/threads/t/stream", "/threads/t/runs/{run}/stream", "/runs/{run}/stream"])
async def test_a_forged_id_gets_a_clear_answer(path: str, forged: str) -> None:
    async with serving(AGENTS) as api:
        run = await api.json("POST", "/threads/t/runs", CHAT)
        await api.json("GET", f"/threads/t/runs/{run['run_id']}/join")
        headers = {"last-event-id": forged.encode()}
        async with asyncio.timeout(5):
            answer = await api.client.get(path.format(run=run["run_id"]), headers=headers)
        assert answer.status_code == 422 and "Last-Event-ID" in answer.json()["detail"]


async def test_the_id_of_a_run_of_somewhere_else_tells_what_is_newer() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url:
        runs = await _runs(api, 1)
        told = await _until(f"{url}/threads/t/stream", 1, last="00000000-0000-7000-8000-000000000000:7")
        assert {data["run_id"] for event, _, data in told if event == "lifecycle"} == set(runs)
        await api.json("GET", "/threads/none/stream", status=404)
