from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from fairlead.runs.run import NewRun, Reason, Status
from tests.runs.conftest import Gate, OpenEngine

_OFTEN = {"lease": timedelta(milliseconds=400), "renew_every": timedelta(milliseconds=100)}


class Witness:
    """An agent that notes which runs of a thread are at work."""

    def __init__(self) -> None:
        self.at_work: list[Any] = []
        self.order: list[Any] = []
        self.overlaps = 0
        self.gates: dict[Any, Gate] = {}

    async def __call__(self, input: Any, ctx: Any) -> Any:
        self.overlaps += bool(self.at_work)
        self.at_work.append(input)
        self.order.append(input)
        try:
            if input in self.gates:
                await ctx.step("gate", self.gates[input])
            await asyncio.sleep(0)
        finally:
            self.at_work.remove(input)
        if input == "fails":
            raise ValueError("as told")
        return input


async def test_runs_of_a_thread_go_one_at_a_time_in_order(engine: OpenEngine) -> None:
    witness = Witness()
    running = await engine(agent=witness, workers=2)
    runs = [await running.submit("agent", n, thread_id="t") for n in range(8)]
    for run in runs:
        assert (await running.ended(run.id)).status is Status.SUCCESS
    assert (witness.order, witness.overlaps) == (list(range(8)), 0)


async def test_threads_do_not_wait_for_each_other(engine: OpenEngine, gate: Gate) -> None:
    witness = Witness()
    witness.gates["held"] = gate
    running = await engine(agent=witness)
    held = await running.submit("agent", "held", thread_id="one")
    await gate.reached()
    behind = await running.submit("agent", "behind", thread_id="one")
    assert (await running.run("agent", "other", thread_id="two")).status is Status.SUCCESS
    assert (await running.engine.control.get(behind.id)).reason is Reason.THREAD
    gate.open.set()
    await running.ended(held.id)
    assert (await running.ended(behind.id)).status is Status.SUCCESS


async def test_a_failed_run_lets_the_next_one_start(engine: OpenEngine) -> None:
    running = await engine(agent=Witness())
    runs = [await running.submit("agent", what, thread_id="t") for what in ("fails", "next")]
    assert [(await running.ended(run.id)).status for run in runs] == [Status.ERROR, Status.SUCCESS]


async def test_a_cancelled_run_lets_the_next_one_start(engine: OpenEngine, gate: Gate) -> None:
    witness = Witness()
    witness.gates["first"] = gate
    running = await engine(agent=witness)
    runs = [await running.submit("agent", what, thread_id="t") for what in ("first", "second", "third")]
    await gate.reached()
    await running.engine.control.cancel(runs[1].id)  # waits in the thread
    await running.engine.control.cancel(runs[0].id)  # holds it
    assert (await running.ended(runs[2].id)).output == "third"
    assert witness.order == ["first", "third"]


async def test_a_retried_run_waits_for_its_turn(engine: OpenEngine, gate: Gate) -> None:
    witness = Witness()
    witness.gates["second"] = gate
    running = await engine(agent=witness)
    first, second = [await running.submit("agent", what, thread_id="t") for what in ("fails", "second")]
    await gate.reached()
    again = await running.engine.control.retry(first.id)
    assert (again.status, again.reason) == (Status.PENDING, Reason.THREAD)
    gate.open.set()
    await running.ended(second.id)
    await running.ended(first.id)
    assert (witness.order, witness.overlaps) == (["fails", "second", "fails"], 0)


async def test_a_poisoned_run_lets_the_next_one_start(engine: OpenEngine, gate: Gate) -> None:
    witness = Witness()
    witness.gates["kills"] = gate
    running = await engine(agent=witness, settings={"max_attempts": 1})
    first, second = [await running.submit("agent", what, thread_id="t") for what in ("kills", "next")]
    await gate.reached()
    await running.crash(running.workers[0])
    await running.start_worker()
    assert (await running.ended(second.id)).status is Status.SUCCESS
    assert (await running.engine.control.get(first.id)).reason is Reason.POISON


async def test_a_thread_whose_process_died_before_it_was_freed_is_freed(engine: OpenEngine) -> None:
    running = await engine(agent=Witness(), workers=0, settings=_OFTEN)
    first, second = [await running.submit("agent", what, thread_id="t") for what in ("first", "second")]
    # The first half of a cancellation; its process dies before the second.
    await running.engine.database.write(
        running.engine.queries["cancel"], tenant="default", id=first.id, actor="", thread_id=None, beside=None,
        discard=None,
    )  # fmt: skip
    await running.start_worker()
    assert (await running.ended(second.id)).status is Status.SUCCESS


async def test_submitting_again_what_has_ended_does_not_take_the_thread(engine: OpenEngine) -> None:
    running = await engine(agent=Witness())
    new = NewRun("agent", "first", id="mine", thread_id="t")
    first, _ = await running.engine.control.submit(new)
    await running.ended(first.id)
    assert (await running.engine.control.submit(new))[1] is False
    assert (await running.run("agent", "second", thread_id="t")).status is Status.SUCCESS


async def test_the_thread_keeps_what_its_runs_said_and_set(engine: OpenEngine) -> None:
    async def agent(input: Any, ctx: Any) -> list[Any]:
        before = await ctx.memory.get("count", 0)
        await ctx.memory.set("count", before + 1)
        return [before, len(await ctx.memory.messages())]

    running = await engine(agent=agent)
    outputs = [(await running.run("agent", "hello", thread_id="user@example.com")).output for _ in range(3)]
    assert outputs == [[0, 0], [1, 2], [2, 4]]


async def test_a_state_too_large_for_a_row_is_kept_whatever_the_threads_name(engine: OpenEngine) -> None:
    async def agent(input: Any, ctx: Any) -> int:
        before = await ctx.memory.get("big", "")
        await ctx.memory.set("big", "x" * 100_000)
        return len(before)

    running = await engine(agent=agent)
    outputs = [(await running.run("agent", thread_id="../user@example.com")).output for _ in range(2)]
    assert outputs == [0, 100_000]
