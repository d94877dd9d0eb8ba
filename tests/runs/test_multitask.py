"""What becomes of runs whose thread is at work when another comes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from fairlead.agents import Context
from fairlead.database.sql import parse
from fairlead.errors import Conflict, NotFound
from fairlead.runs.run import Discard, Multitask, NewRun, Reason, Status
from tests.runs.conftest import Gate, OpenEngine


class Chat:
    """Remembers what it was told; `held` waits at its gate."""

    def __init__(self) -> None:
        self.gates: dict[Any, Gate] = {}

    async def __call__(self, input: Any, ctx: Context) -> Any:
        seen = await ctx.memory.get("seen", [])
        await ctx.memory.set("seen", [*seen, input])
        if input in self.gates:
            await ctx.step("gate", self.gates[input])
        return [*seen, input]


async def _all_gone(running: Any, run_id: str) -> bool:
    database = running.engine.database
    for table in ("events", "messages", "approvals"):
        query = parse("left", f"SELECT count(*) AS n FROM {table} WHERE run_id = :id", database.dialect)
        if (await database.read(query, id=run_id))[0]["n"]:
            return False
    return True


async def test_an_interrupted_run_ends_and_keeps_what_it_has_and_the_new_one_goes_on(engine: OpenEngine) -> None:
    chat = Chat()
    gate = chat.gates["held"] = Gate()
    running = await engine(chat=chat)
    await running.run("chat", "first", thread_id="t")
    held = await running.submit("chat", "held", thread_id="t")
    await gate.reached()
    waiting = await running.submit("chat", "waiting", thread_id="t")
    new = await running.submit("chat", "new", thread_id="t", multitask=Multitask.INTERRUPT)
    assert (await running.ended(new.id)).output == ["first", "new"]
    for one in (held, waiting):
        now = await running.ended(one.id)
        assert (now.status, now.reason) == (Status.INTERRUPTED, Reason.CANCELLED)
    assert await running.events(held.id, "started")


async def test_a_run_rolled_back_leaves_no_trace(engine: OpenEngine) -> None:
    chat = Chat()
    gate = chat.gates["held"] = Gate()
    running = await engine(chat=chat)
    await running.run("chat", "first", thread_id="t")
    held = await running.submit("chat", "held", thread_id="t")
    await gate.reached()
    waiting = await running.submit("chat", "waiting", thread_id="t")
    new = await running.submit("chat", "new", thread_id="t", multitask=Multitask.ROLLBACK)
    assert (await running.ended(new.id)).output == ["first", "new"]
    for one in (held, waiting):
        await running.engine.feed.gone(one.id)
        with pytest.raises(NotFound):
            await running.engine.control.get(one.id)
        assert await _all_gone(running, one.id)


async def test_of_many_that_interrupt_each_other_one_is_left(engine: OpenEngine) -> None:
    chat = Chat()
    gate = chat.gates["held"] = Gate()
    running = await engine(chat=chat, workers=2)
    await running.submit("chat", "held", thread_id="t")
    await gate.reached()
    control = running.engine.control
    news = [NewRun("chat", n, thread_id="t", multitask=Multitask.INTERRUPT) for n in range(8)]
    runs = [run for run, _ in await asyncio.gather(*map(control.submit, news))]
    ended = [await running.ended(run.id) for run in runs]
    succeeded = [run for run in ended if run.status is Status.SUCCESS]
    assert succeeded and all(run.reason is Reason.CANCELLED for run in ended if run not in succeeded)
    assert (await control.list(thread_id="t", status=Status.PENDING)) == []


async def test_a_rejected_run_was_never_there(engine: OpenEngine) -> None:
    chat = Chat()
    gate = chat.gates["held"] = Gate()
    running = await engine(chat=chat)
    held = await running.submit("chat", "held", thread_id="t")
    await gate.reached()
    control = running.engine.control
    news = [NewRun("chat", n, thread_id="t", multitask=Multitask.REJECT, idempotency_key=f"k{n}") for n in range(3)]
    for refused in await asyncio.gather(*map(control.submit, news), return_exceptions=True):
        assert isinstance(refused, Conflict)
    assert [run.id for run in await control.list(thread_id="t")] == [held.id]
    gate.open.set()
    await running.ended(held.id)
    run, fresh = await control.submit(news[0])
    assert fresh and (await running.ended(run.id)).status is Status.SUCCESS


async def test_of_many_at_once_that_must_not_wait_one_is_taken(engine: OpenEngine) -> None:
    chat = Chat()
    gates = [chat.gates.setdefault(n, Gate()) for n in range(6)]
    running = await engine(chat=chat)
    news = [NewRun("chat", n, thread_id="t", multitask=Multitask.REJECT) for n in range(6)]
    answers = await asyncio.gather(*map(running.engine.control.submit, news), return_exceptions=True)
    taken = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert len(taken) == 1
    for gate in gates:
        gate.open.set()
    assert (await running.ended(taken[0][0].id)).status is Status.SUCCESS


async def test_the_same_key_again_stops_nobody(engine: OpenEngine) -> None:
    chat = Chat()
    gate = chat.gates["held"] = Gate()
    running = await engine(chat=chat)
    new = NewRun("chat", "held", thread_id="t", multitask=Multitask.ROLLBACK, idempotency_key="k")
    control = running.engine.control
    run, _ = await control.submit(new)
    await gate.reached()
    assert (await control.submit(new)) == (await control.get(run.id), False)
    gate.open.set()
    assert (await running.ended(run.id)).status is Status.SUCCESS


async def test_a_worker_that_dies_between_the_two_keeps_nobody_waiting(engine: OpenEngine) -> None:
    chat = Chat()
    gate = chat.gates["held"] = Gate()
    running = await engine(chat=chat)
    held = await running.submit("chat", "held", thread_id="t")
    await gate.reached()
    await running.crash(running.workers[0])
    new = await running.submit("chat", "new", thread_id="t", multitask=Multitask.ROLLBACK)
    assert (await running.engine.control.get(new.id)).reason is Reason.THREAD
    await running.start_worker()
    assert (await running.ended(new.id)).output == ["new"]
    await running.engine.feed.gone(held.id)
    with pytest.raises(NotFound):
        await running.engine.control.get(held.id)


async def test_a_parked_run_is_displaced_at_once(engine: OpenEngine) -> None:
    async def ask(input: Any, ctx: Context) -> Any:
        return (await ctx.approve("May I?")).approved if input == "ask" else input

    running = await engine(ask=ask)
    parked = await running.run("ask", "ask", thread_id="t")
    assert parked.reason is Reason.APPROVAL
    new = await running.run("ask", "else", thread_id="t", multitask=Multitask.INTERRUPT)
    assert new.output == "else"
    assert (await running.ended(parked.id)).reason is Reason.CANCELLED
    assert await running.engine.control.approvals() == []


async def test_a_run_for_later_holds_no_thread_and_comes_when_it_is_due(engine: OpenEngine) -> None:
    chat = Chat()
    gate = chat.gates["held"] = Gate()
    running = await engine(chat=chat)
    due = running.engine.clock.now() + timedelta(seconds=0.6)
    later = await running.submit("chat", "later", thread_id="t", start_at=due)
    assert (later.reason, later.wake_at) == (Reason.LATER, due)
    assert (await running.run("chat", "now", thread_id="t")).output == ["now"]
    held = await running.submit("chat", "held", thread_id="t")
    await gate.reached()
    while (await running.engine.control.get(later.id)).reason is not Reason.THREAD:
        await asyncio.sleep(0.05)
    gate.open.set()
    assert (await running.ended(later.id)).output == ["now", "held", "later"]
    assert (await running.ended(held.id)).status is Status.SUCCESS


async def test_what_nobody_wants_kept_goes_when_it_was_read(engine: OpenEngine) -> None:
    async def quick(input: Any) -> Any:
        return input

    running = await engine(quick=quick)
    run = await running.run("quick", 1, discard=Discard.ENDED)
    kept = await running.run("quick", 2)
    assert run.output == 1
    database = running.engine.database
    older = parse("older", "UPDATE runs SET finished_at = finished_at - 120000000 WHERE id = :id", database.dialect)
    await running.engine.retention.once()
    assert (await running.engine.control.get(run.id)).output == 1
    for one in (run, kept):
        await database.write(older, id=one.id)
    await running.engine.retention.once()
    with pytest.raises(NotFound):
        await running.engine.control.get(run.id)
    assert (await running.engine.control.get(kept.id)).output == 2


async def test_many_are_cancelled_at_once_and_an_ended_one_is_removed(engine: OpenEngine) -> None:
    chat = Chat()
    gate = chat.gates["held"] = Gate()
    running = await engine(chat=chat)
    control = running.engine.control
    done = await running.run("chat", "done", thread_id="t")
    held = await running.submit("chat", "held", thread_id="t")
    await gate.reached()
    waiting = await running.submit("chat", "waiting", thread_id="t")
    assert await control.cancel_many(tenant="other", run_ids=[held.id]) == []
    assert await control.cancel_many(thread_id="t", statuses=(Status.PENDING,)) == [waiting.id]
    with pytest.raises(Conflict):
        await control.delete(held.id)
    assert await control.cancel_many(run_ids=[done.id, held.id]) == [held.id]
    await running.ended(held.id)
    with pytest.raises(NotFound):
        await control.delete(done.id, tenant="other")
    await control.delete(done.id)
    assert await _all_gone(running, done.id)
