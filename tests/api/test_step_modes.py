"""The stream modes `tasks` and `checkpoints`: what is told as it happens is what the history has afterwards."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client

from fairlead import Context
from fairlead.agents import Agent, tool
from tests.api.serving import Serving, Told, listening, read_events, serving

HI: dict[str, Any] = {"messages": [{"role": "human", "content": "hi"}]}


@tool(safe_to_repeat=True)
async def look_up(word: str) -> str:
    """What a word means."""
    return f"{word}: a thing"


async def steps(input: Any, ctx: Context) -> Any:
    await ctx.step("a", lambda: 1)
    await ctx.step("b", lambda: {"b": 2})
    return {"done": True}


async def fail(input: Any, ctx: Context) -> None:
    await ctx.step("boom", lambda: 1 / 0)


async def ask(input: Any, ctx: Context) -> Any:
    return await ctx.interrupt("which?")


AGENTS = {
    "steps": steps, "fail": fail, "ask": ask, "chat": Agent("chat", "simulated/echo", tools=[look_up]),
}  # fmt: skip


async def _follow(client: httpx.AsyncClient, path: str, *modes: str, last: str = "") -> list[Told]:
    headers = {"last-event-id": last} if last else {}
    async with client.stream("GET", path, params={"stream_mode": list(modes)}, headers=headers) as answer:
        assert answer.status_code == 200
        return await read_events(answer)


async def _run(api: Serving, agent: str, **more: Any) -> str:
    thread = (await api.json("POST", "/threads", {}))["thread_id"]
    body = {"assistant_id": agent, "input": HI if agent == "chat" else {"x": 1}, **more}
    run = await api.json("POST", f"/threads/{thread}/runs", body)
    await api.json("GET", f"/threads/{thread}/runs/{run['run_id']}/join")
    return f"/threads/{thread}/runs/{run['run_id']}"


def _of(told: list[Told], event: str) -> list[Any]:
    return [one.data for one in told if one.event == event]


@pytest.mark.parametrize("agent", ["chat", "steps"])
async def test_checkpoints_are_the_history_of_the_thread(agent: str) -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, httpx.AsyncClient(base_url=url) as client:
        path = await _run(api, agent)
        thread = path.split("/")[2]
        await api.json("POST", f"/threads/{thread}/runs/wait", {"assistant_id": agent, "input": HI})
        history = await api.json("GET", f"/threads/{thread}/history?limit=100")
        for run in await api.json("GET", f"/threads/{thread}/runs"):
            run_id = run["run_id"]
            told = _of(await _follow(client, f"/threads/{thread}/runs/{run_id}/stream", "checkpoints"), "checkpoints")
            of_run = [one for one in reversed(history) if one["metadata"]["run_id"] == run_id]
            assert [{name: one[name] for name in of_run[0]} for one in told] == of_run
            assert told[-1]["config"]["configurable"]["checkpoint_id"] == run_id
            assert told[-1]["parent_config"] == {"configurable": told[-1]["parent_checkpoint"]}
        assert len(history) == (6 if agent == "chat" else 4)


async def test_the_nodes_of_a_native_agent_are_tasks_with_the_ids_of_the_history() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, httpx.AsyncClient(base_url=url) as client:
        told = await _follow(client, f"{await _run(api, 'chat')}/stream", "tasks", "checkpoints", "updates")
        tasks = _of(told, "tasks")
        assert [(one["name"], "result" in one) for one in tasks] == [
            ("model", False), ("model", True), ("tools", False), ("tools", True), ("model", False), ("model", True),
        ]  # fmt: skip
        assert [one["id"] for one in tasks[::2]] == [one["id"] for one in tasks[1::2]]
        coming = [task["id"] for one in _of(told, "checkpoints") for task in one["tasks"]]
        assert [one["id"] for one in tasks[::2]] == coming
        assert tasks[0]["input"]["messages"][0]["content"] == "hi"
        for one, update in zip(tasks[1::2], _of(told, "updates"), strict=True):
            changed = [{**message, "usage_metadata": None} for message in update[one["name"]]["messages"]]
            assert [{**message, "usage_metadata": None} for message in one["result"]["messages"]] == changed


async def test_a_pause_asks_nothing_and_what_was_to_come_is_begun_again() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, httpx.AsyncClient(base_url=url) as client:
        path = await _run(api, "chat", interrupt_before=["tools"])
        paused = _of(await _follow(client, f"{path}/stream", "tasks"), "tasks")
        assert [(one["name"], "result" in one) for one in paused[2:]] == [("tools", False)]
        await api.json("POST", f"/threads/{path.split('/')[2]}/runs/wait", {"assistant_id": "chat"})
        whole = _of(await _follow(client, f"{path}/stream", "tasks"), "tasks")
        assert [(one["name"], "result" in one) for one in whole[2:5]] == [
            ("tools", False), ("tools", False), ("tools", True)
        ]  # fmt: skip
        assert whole[3] == whole[2]


async def test_an_agent_and_each_of_its_steps_are_tasks() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, httpx.AsyncClient(base_url=url) as client:
        tasks = _of(await _follow(client, f"{await _run(api, 'steps')}/stream", "tasks"), "tasks")
        assert [one["name"] for one in tasks] == ["steps", "a", "a", "b", "b", "steps"]
        assert (tasks[0]["input"], tasks[2]["result"], tasks[4]["result"]) == ({"x": 1}, {"output": 1}, {"b": 2})
        assert (tasks[-1]["result"], tasks[-1]["error"], tasks[-1]["id"]) == ({"done": True}, None, tasks[0]["id"])
        assert set(tasks[1]) == {"id", "name", "input", "triggers", "interrupts"}


async def test_what_fails_says_its_error_and_no_checkpoint_follows() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, httpx.AsyncClient(base_url=url) as client:
        told = await _follow(client, f"{await _run(api, 'fail')}/stream", "tasks", "checkpoints")
        assert [(one["name"], one.get("error")) for one in _of(told, "tasks")] == [
            ("fail", None), ("boom", None), ("boom", "division by zero"), ("fail", "division by zero"),
        ]  # fmt: skip
        assert [one["next"] for one in _of(told, "checkpoints")] == [["fail"]]
        assert told[-1].event == "error"


async def test_what_asks_is_told_with_its_question_and_begun_again_when_answered() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, httpx.AsyncClient(base_url=url) as client:
        path = await _run(api, "ask")
        thread = path.split("/")[2]
        tasks = _of(await _follow(client, f"{path}/stream", "tasks"), "tasks")
        (asked,) = tasks[-1]["interrupts"]
        state = await api.json("GET", f"/threads/{thread}/state")
        assert (tasks[-1]["name"], tasks[-1]["id"], asked) == ("ask", state["tasks"][0]["id"], state["interrupts"][0])
        answer = {"assistant_id": "ask", "command": {"resume": "red"}, "stream_mode": ["tasks"]}
        async with client.stream("POST", f"/threads/{thread}/runs/stream", json=answer) as response:
            again = _of(await read_events(response), "tasks")
        assert (again[0]["id"], "result" in again[0]) == (tasks[-1]["id"], False)
        ended = next(one for one in again if one["id"] == tasks[-1]["id"] and "result" in one)
        assert ended["interrupts"] == [] and "red" in str(ended["result"])


@pytest.mark.parametrize("agent", ["chat", "steps", "fail"])
async def test_a_reader_that_comes_back_gets_exactly_the_rest(agent: str) -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, httpx.AsyncClient(base_url=url) as client:
        path, modes = f"{await _run(api, agent)}/stream", ("tasks", "checkpoints", "values")
        whole = (await _follow(client, path, *modes))[1:]
        assert len({one.id for one in whole}) == len(whole)
        for place, one in enumerate(whole):
            assert (await _follow(client, path, *modes, last=one.id))[1:] == whole[place + 1 :]


async def test_langgraphs_client_reads_both_of_a_run_without_a_thread() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, get_client(url=url) as client:
        modes: Any = ["tasks", "checkpoints"]
        parts: Any = [
            part async for part in client.runs.stream(
                None, "chat", input=HI, stream_mode=modes, stream_subgraphs=True, version="v2"
            )
        ]  # fmt: skip
        assert [part["type"] for part in parts[1:]].count("tasks") == 6
        assert all(part["ns"] == [] for part in parts)
        last = [part["data"] for part in parts if part["type"] == "checkpoints"][-1]
        assert (last["next"], last["values"]["output"][:9]) == ([], "Simulated")
        assert last["config"]["configurable"]["thread_id"] == parts[0]["data"]["run_id"]
