"""Timers, children and people: what is waited for holds no worker."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from fairlead import testing
from fairlead.errors import Conflict
from fairlead.runs.holding import Wait
from fairlead.runs.run import Approval, Reason, Run, Status
from tests.runs.conftest import Gate, OpenEngine


async def asked(running: testing.Running, run: Run) -> Approval:
    await running.until(run.id, "parked")
    [approval] = await running.engine.control.approvals(run_id=run.id)
    return approval


async def agent(input: Any, ctx: Any) -> list[Any]:
    decision = await ctx.approve(
        "Pay?", data={"amount": 5}, expires=timedelta(seconds=(input or {}).get("expires", 60))
    )
    return [decision.approved, decision.by, decision.comment, decision.expired]


async def test_an_answer_wakes_the_run_that_asked(engine: OpenEngine) -> None:
    running = await engine(agent=agent)
    run = await running.submit("agent")
    approval = await asked(running, run)
    assert (approval.question, approval.data) == ("Pay?", {"amount": 5})
    waiting = await running.engine.control.get(run.id)
    assert (waiting.status, waiting.reason, waiting.owner) == (Status.INTERRUPTED, Reason.APPROVAL, None)
    with pytest.raises(Conflict, match="approval"):
        await running.engine.control.resume(run.id)
    await running.engine.control.answer(approval.id, True, by="ada", comment="fine")
    assert (await running.ended(run.id)).output == [True, "ada", "fine", False]
    with pytest.raises(Conflict, match="ada"):
        await running.engine.control.answer(approval.id, False, by="bob")


async def test_a_no_is_a_no(engine: OpenEngine) -> None:
    running = await engine(agent=agent)
    run = await running.submit("agent")
    await running.engine.control.answer((await asked(running, run)).id, False, by="ada")
    assert (await running.ended(run.id)).output == [False, "ada", None, False]


async def test_no_answer_in_time_is_a_no(engine: OpenEngine) -> None:
    running = await engine(agent=agent)
    run = await running.submit("agent", {"expires": 1.3})
    approval = await asked(running, run)
    await running.until(run.id, "finished")
    assert (await running.engine.control.get(run.id)).output == [False, None, None, True]
    with pytest.raises(Conflict):
        await running.engine.control.answer(approval.id, True, by="late")


async def test_a_cancelled_run_waits_for_nobody(engine: OpenEngine) -> None:
    running = await engine(agent=agent)
    run = await running.submit("agent")
    approval = await asked(running, run)
    assert (await running.engine.control.cancel(run.id)).reason is Reason.CANCELLED
    with pytest.raises(Conflict):
        await running.engine.control.answer(approval.id, True, by="late")


async def test_an_answer_that_comes_while_the_run_still_runs_is_heard(engine: OpenEngine, gate: Gate) -> None:
    async def both(input: Any, ctx: Any) -> Any:
        return (await asyncio.gather(agent(input, ctx), ctx.step("gate", gate, 1)))[0]

    running = await engine(agent=both)
    run = await running.submit("agent")
    await running.until(run.id, "waiting")
    await gate.reached()
    while not (found := await running.engine.control.approvals(run_id=run.id)):
        await asyncio.sleep(0)
    await running.engine.control.answer(found[0].id, True, by="ada")
    await running.until(run.id, "step", kind="approval")
    gate.open.set()
    assert (await running.ended(run.id)).output == [True, "ada", None, False]
    assert await running.events(run.id, "parked") == []


async def test_a_run_parks_only_when_no_branch_is_at_work(engine: OpenEngine, gate: Gate) -> None:
    async def both(input: Any, ctx: Any) -> Any:
        return await asyncio.gather(agent(input, ctx), ctx.step("gate", gate, 1), ctx.sleep(timedelta(seconds=30)))

    running = await engine(agent=both)
    run = await running.submit("agent")
    await gate.reached()
    await asyncio.sleep(0.15)  # three times as long as idle runs linger
    assert await running.events(run.id, "parked") == []
    gate.open.set()
    approval = await asked(running, run)
    await running.engine.control.answer(approval.id, True, by="ada")
    await running.until(run.id, "parked", times=2)
    assert (await running.engine.control.get(run.id)).reason is Reason.TIMER
    assert gate.passed == 1


async def test_a_timer_is_kept_over_a_crash_and_rings_once(engine: OpenEngine) -> None:
    async def sleeper(input: Any, ctx: Any) -> str:
        await ctx.sleep(timedelta(seconds=1.4))
        return "awake"

    running = await engine(agent=sleeper)
    run = await running.submit("agent")
    await running.until(run.id, "parked")
    parked = await running.engine.control.get(run.id)
    assert (parked.status, parked.reason, parked.owner) == (Status.PENDING, Reason.TIMER, None)
    await running.crash(running.workers[0])
    await running.start_worker()
    ended = await running.ended(run.id)
    assert ended.output == "awake" and ended.executing < timedelta(seconds=1)
    [waiting] = await running.events(run.id, "waiting")
    assert ended.finished_at is not None and (ended.finished_at.timestamp() * 1e6) >= waiting.data["due_at"]


async def child(input: Any, ctx: Any) -> Any:
    if isinstance(input, dict) and "fail" in input:
        raise ValueError("as told")
    if isinstance(input, dict) and "sleep" in input:
        await ctx.sleep(timedelta(seconds=input["sleep"]))
    return input


async def test_many_children_give_each_its_answer(engine: OpenEngine) -> None:
    async def parent(input: Any, ctx: Any) -> list[Any]:
        return await asyncio.gather(*(ctx.call("child", n) for n in range(input)))

    running = await engine(parent=parent, child=child, workers=2, settings={"worker_concurrency": 5})
    parents = [await running.submit("parent", 12) for _ in range(3)]
    for run in parents:
        assert (await running.ended(run.id)).output == list(range(12))
    assert len(await running.engine.control.list(parent_id=parents[0].id)) == 12


async def test_children_stand_beside_their_parent_in_lists_and_queues(engine: OpenEngine) -> None:
    async def parent(input: Any, ctx: Any) -> Any:
        return await asyncio.gather(*(ctx.call("child", n) for n in range(3)))

    running = await engine(parent=parent, child=child)
    old = await running.run("parent")
    new = await running.run("child")
    runs = await running.engine.control.list()
    assert runs[0].id == new.id and {run.root_id for run in runs[1:]} == {old.id} and len(runs) == 5


async def test_children_that_end_while_their_parent_parks_wake_it(engine: OpenEngine) -> None:
    # Children end about when idle parents are put down, in both orders.
    async def slow(input: Any, ctx: Any) -> Any:
        await asyncio.sleep(input)
        return input

    async def parent(input: Any, ctx: Any) -> Any:
        return await ctx.call("slow", input)

    running = await engine(parent=parent, slow=slow, workers=2, settings={"worker_concurrency": 30})
    runs = [await running.submit("parent", 0.035 + n * 0.002) for n in range(30)]
    for run in runs:
        async with asyncio.timeout(5):
            assert (await running.ended(run.id)).status is Status.SUCCESS


async def test_the_failure_of_a_child_is_an_error_of_its_parent(engine: OpenEngine) -> None:
    async def parent(input: Any, ctx: Any) -> Any:
        return await ctx.call("child", {"fail": 1})

    running = await engine(parent=parent, child=child)
    ended = await running.run("parent")
    assert ended.error is not None and ended.error["error"] == "run_failed" and "as told" in ended.error["message"]


async def test_cancelling_a_parent_cancels_what_it_started(engine: OpenEngine, gate: Gate) -> None:
    async def parent(input: Any, ctx: Any) -> Any:
        return await asyncio.gather(ctx.call("child", {"sleep": 600}), ctx.call("held", 1), ctx.call("middle", 1))

    async def middle(input: Any, ctx: Any) -> Any:
        return await ctx.call("child", {"sleep": 600})

    async def held(input: Any, ctx: Any) -> Any:
        return await ctx.step("gate", gate)

    running = await engine(parent=parent, child=child, middle=middle, held=held)
    run = await running.submit("parent")
    await gate.reached()
    while len(runs := await running.engine.control.list()) < 5:
        await asyncio.sleep(0.01)
    await running.until(run.id, "parked")
    await running.engine.control.cancel(run.id)
    for one in runs:
        assert (await running.ended(one.id)).reason is Reason.CANCELLED


async def test_a_cancelled_child_is_an_error_of_its_parent(engine: OpenEngine) -> None:
    async def parent(input: Any, ctx: Any) -> Any:
        return await ctx.call("child", {"sleep": 600})

    running = await engine(parent=parent, child=child)
    run = await running.submit("parent")
    await running.until(run.id, "parked")
    [started] = await running.engine.control.list(parent_id=run.id)
    await running.engine.control.cancel(started.id)
    await running.until(run.id, "finished")
    ended = await running.ended(run.id)
    assert ended.error is not None and ended.error["error"] == "run_failed"


async def test_a_wake_up_that_was_heard_does_not_wake_the_next_wait(engine: OpenEngine) -> None:
    async def kid(input: Any, ctx: Any) -> Any:
        return 1

    async def agent(input: Any, ctx: Any) -> Any:
        await ctx.call("kid", 1)
        return (await ctx.approve("Go on?")).approved

    running = await engine(agent=agent, kid=kid)
    run = await running.submit("agent")
    await running.until(run.id, "parked")
    (asked,) = await running.engine.control.approvals(run_id=run.id)
    started = [event.type for event in await running.events(run.id)].count("started")
    await running.engine.control.answer(asked.id, True, by="ada")
    assert (await running.ended(run.id)).output is True
    assert [event.type for event in await running.events(run.id)].count("started") == started + 1


async def test_a_retry_does_failed_children_again(engine: OpenEngine) -> None:
    tried: list[int] = []

    async def kid(input: Any, ctx: Any) -> Any:
        tried.append(1)
        if len(tried) == 1:
            raise RuntimeError("not today")
        return "done"

    async def agent(input: Any, ctx: Any) -> Any:
        return await ctx.call("kid", 1)

    running = await engine(agent=agent, kid=kid)
    run = await running.submit("agent")
    assert (await running.ended(run.id)).status is Status.ERROR
    await running.engine.control.retry(run.id)
    assert (await running.ended(run.id)).output == "done"


async def test_a_run_is_not_parked_before_all_it_waits_for_has_been_looked_for(engine: OpenEngine, gate: Gate) -> None:
    """An answer may have come before this claim: parked then, the run would sleep on it."""

    async def idles(_: Any, ctx: Any) -> str:
        return await gate("done")

    running = await engine(idles=idles)
    run = await running.submit("idles")
    await gate.reached()
    [worker] = running.workers
    assert worker.session is not None
    held = worker.session.holdings[run.id]
    looked = asyncio.Event()

    async def nothing_yet() -> None:
        return None

    async def found_late() -> str:
        await looked.wait()
        return "answered before"

    quick = asyncio.create_task(held.until("quick", Wait(Reason.APPROVAL, None), nothing_yet))
    slow = asyncio.create_task(held.until("slow", Wait(Reason.APPROVAL, None), found_late))
    await asyncio.sleep(0.2)  # four times as long as a run that only waits is kept
    assert held.ending is None
    looked.set()
    assert await slow == "answered before"
    quick.cancel()
    gate.open.set()
    assert (await running.ended(run.id)).output == "done"
