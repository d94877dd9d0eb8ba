"""How a run ends, what it may spend, and how long it may take."""

from __future__ import annotations

import asyncio
import sys
import threading
from datetime import timedelta
from typing import Any

import pytest

from fairlead.agents.spec import Limits, spec_of
from fairlead.runs.run import Reason, Status
from tests.runs.conftest import Gate, OpenEngine

HELLO = [{"role": "user", "content": "hello"}]


@pytest.mark.parametrize("bad", [float("nan"), {1, 2}, b"x", object()], ids=["nan", "set", "bytes", "object"])
async def test_an_output_that_is_no_json_is_an_error_that_says_so(engine: OpenEngine, bad: Any) -> None:
    running = await engine(agent=lambda input: {"deep": [bad]})
    ended = await running.run("agent")
    assert (ended.status, ended.output) == (Status.ERROR, None)
    assert ended.error is not None and ended.error["error"] == "not_json" and "deep" in ended.error["message"]


async def test_an_agent_that_tries_to_end_the_process_fails_alone(engine: OpenEngine) -> None:
    async def agent(input: Any, ctx: Any) -> Any:
        if input == "exit":
            sys.exit(3)
        return input

    running = await engine(agent=agent, threaded=lambda input: sys.exit(3))
    for name in ("agent", "threaded"):
        ended = await running.run(name, "exit")
        assert ended.status is Status.ERROR and "end the process" in (ended.error or {})["message"]
    assert (await running.run("agent", "fine")).output == "fine"


async def test_a_large_output_and_large_steps_come_back_whole(engine: OpenEngine, gate: Gate) -> None:
    large = ["ä" * 1000] * 300

    async def agent(input: Any, ctx: Any) -> Any:
        answer = await ctx.step("large", lambda: large)
        await ctx.step("gate", gate)
        return {"step": answer, "input": input}

    running = await engine(agent=agent)
    run = await running.submit("agent", large)
    await gate.reached()
    await running.crash(running.workers[0])
    gate.open.set()
    await running.start_worker()
    assert (await running.ended(run.id)).output == {"step": large, "input": large}


async def test_a_sync_tool_that_never_returns_holds_nobody_else(engine: OpenEngine) -> None:
    for_ever = threading.Event()
    limits = Limits(timeout=timedelta(milliseconds=300))
    running = await engine(stuck=spec_of("stuck", lambda input: for_ever.wait(), limits), agent=lambda input: input)
    stuck = await running.submit("stuck")
    assert (await running.run("agent", 1)).output == 1
    assert (await running.ended(stuck.id)).status is Status.TIMEOUT
    for_ever.set()


async def test_the_timeout_counts_executing_over_all_attempts_and_no_waiting(engine: OpenEngine, gate: Gate) -> None:
    async def agent(input: Any, ctx: Any) -> str:
        await ctx.sleep(timedelta(seconds=1.2))  # parked: does not count
        await ctx.step("gate", gate)
        return "in time"

    limits = Limits(timeout=timedelta(seconds=0.9))
    running = await engine(agent=spec_of("agent", agent, limits))
    run = await running.submit("agent")
    await gate.reached()
    gate.open.set()
    ended = await running.ended(run.id)
    assert ended.output == "in time" and timedelta(0) < ended.executing < timedelta(seconds=0.9)


async def test_the_budget_of_a_run_is_exact_and_a_lost_call_is_charged(engine: OpenEngine, gate: Gate) -> None:
    costs: list[int] = []

    async def agent(input: Any, ctx: Any) -> Any:
        first = await ctx.model(HELLO, model="simulated/x")
        costs.append(first.cost_nano)
        await ctx.step("gate", gate)
        return [first.cost_nano]

    running = await engine(agent=agent)
    run = await running.submit("agent")
    await gate.reached()
    await running.crash(running.workers[0])
    gate.open.set()
    await running.start_worker()
    ended = await running.ended(run.id)
    assert ended.cost_nano == sum(ended.output) > 0
    assert costs == [costs[0]] * 2
    assert len(await running.events(run.id, "intent")) == 1  # asked, and so paid, once


async def test_a_run_that_may_spend_nothing_asks_nothing(engine: OpenEngine) -> None:
    async def agent(input: Any, ctx: Any) -> Any:
        return (await ctx.model(HELLO, model="simulated/x")).cost_nano

    running = await engine(agent=agent)
    ended = await running.run("agent", budget_nano=1)
    assert (ended.status, ended.reason, ended.cost_nano) == (Status.ERROR, Reason.BUDGET, 0)


async def test_a_childs_money_is_part_of_its_parents(engine: OpenEngine) -> None:
    async def child(input: Any, ctx: Any) -> int:
        return (await ctx.model(HELLO, model="simulated/x")).cost_nano

    async def parent(input: Any, ctx: Any) -> list[int]:
        return [await ctx.call("child", n) for n in range(3)]  # each takes half; what it does not spend comes back

    running = await engine(parent=parent, child=child)
    ended = await running.run("parent", budget_nano=200_000_000)
    assert ended.status is Status.SUCCESS, ended.error
    assert ended.cost_nano == sum(ended.output)
    children = await running.engine.control.list(parent_id=ended.id)
    assert sorted((one.budget_nano or 0 for one in children), reverse=True) == [
        (200_000_000 - n * ended.output[0]) // 2 for n in range(3)
    ]


async def test_events_follow_each_other_without_a_gap_whatever_happens_side_by_side(engine: OpenEngine) -> None:
    async def branch(ctx: Any, n: int) -> None:
        for turn in range(5):
            await ctx.step("work", int, turn)
            ctx.log("did", n=n)
            await ctx.now()

    async def agent(input: Any, ctx: Any) -> None:
        await asyncio.gather(*(branch(ctx, n) for n in range(8)))

    running = await engine(agent=agent)
    ended = await running.run("agent")
    events = await running.events(ended.id)
    assert [event.seq for event in events] == list(range(1, ended.seq + 1))
    assert (events[0].type, events[1].type, events[-1].type) == ("accepted", "started", "finished")
    assert len(events) == 8 * 15 + 3
