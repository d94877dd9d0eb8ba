from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fairlead.clock import SystemClock
from fairlead.database import Postgres, migrate
from fairlead.database.sql import parse
from fairlead.runs.journal import MIGRATIONS, Journal, load_queries
from fairlead.runs.run import NewRun, Reason, Status
from fairlead.telemetry.emit import silent
from tests.runs.conftest import Gate, OpenEngine

_SHORT_LEASE = {"lease": timedelta(milliseconds=400), "renew_every": timedelta(milliseconds=100)}


async def test_a_run_of_a_dead_worker_goes_on_where_it_stopped(engine: OpenEngine, gate: Gate) -> None:
    done: list[int] = []

    async def agent(input: Any, ctx: Any) -> list[int]:
        answers = [await ctx.step("add", lambda n=n: done.append(n) or n, n) for n in range(3)]
        await ctx.step("gate", gate)
        return answers

    running = await engine(agent=agent, workers=2)
    run = await running.submit("agent")
    await gate.reached()
    holder = next(w for w in running.workers if w.session and w.session.holdings)
    await running.crash(holder)
    gate.open.set()
    ended = await running.ended(run.id)
    assert (ended.status, ended.output, ended.deaths) == (Status.SUCCESS, [0, 1, 2], 1)
    assert done == [0, 1, 2]
    assert [event.seq for event in await running.events(run.id)] == list(range(1, ended.seq + 1))
    assert [event.data["after"] for event in await running.events(run.id, "started")] == [None, "lost"]


async def test_a_cancel_that_met_a_dead_worker_stops_the_run_at_the_next(engine: OpenEngine, gate: Gate) -> None:
    async def agent(input: Any, ctx: Any) -> None:
        await ctx.step("gate", gate)

    running = await engine(agent=agent)
    run = await running.submit("agent")
    await gate.reached()
    session = running.workers[0].session
    assert session is not None
    await session.stop()  # it holds the run and hears nothing any more
    await running.engine.control.cancel(run.id)
    await running.crash(running.workers[0])
    await running.start_worker()
    ended = await running.ended(run.id)
    assert (ended.status, ended.reason) == (Status.INTERRUPTED, Reason.CANCELLED)


async def test_a_run_that_is_claimed_after_its_deadline_ends_at_once(engine: OpenEngine) -> None:
    started: list[int] = []
    running = await engine(agent=lambda input: started.append(1))
    run = await running.submit("agent", deadline=datetime.now(UTC) - timedelta(seconds=1))
    ended = await running.ended(run.id)
    assert (ended.status, ended.reason, started) == (Status.TIMEOUT, Reason.DEADLINE, [])


async def test_a_drain_right_after_a_claim_hands_the_run_back(engine: OpenEngine) -> None:
    async def agent(input: Any, ctx: Any) -> None:
        await asyncio.Event().wait()

    running = await engine(agent=agent, workers=0)
    run = await running.submit("agent")
    worker = await running.start_worker()
    session = worker.session
    assert session is not None
    while not session.holdings:
        await asyncio.sleep(0)
    await running.stop_worker(worker)
    again = await running.engine.control.get(run.id)
    assert (again.status, again.reason, again.deaths) == (Status.PENDING, Reason.DRAINED, 0)


async def test_a_drain_keeps_what_is_done_and_waits_for_what_is_under_way(engine: OpenEngine, gate: Gate) -> None:
    later = Gate()

    async def agent(input: Any, ctx: Any) -> list[str]:
        return [await ctx.step("first", gate, "one"), await ctx.step("second", later, "two")]

    running = await engine(agent=agent)
    run = await running.submit("agent")
    await gate.reached()
    session = running.workers[0].session
    assert session is not None
    stopping = asyncio.ensure_future(running.stop_worker(running.workers[0]))
    while not session.holdings[run.id].draining:
        await asyncio.sleep(0)
    gate.open.set()
    await stopping
    assert (await running.engine.control.get(run.id)).reason is Reason.DRAINED
    assert [event.name for event in await running.events(run.id, "step")] == ["first"]
    later.open.set()
    await running.start_worker()
    assert (await running.ended(run.id)).output == ["one", "two"]
    assert (gate.passed, later.passed) == (1, 1)


async def test_a_claim_that_is_cut_off_by_the_drain_leaves_no_run_behind(engine: OpenEngine) -> None:
    running = await engine(agent=lambda input: input, workers=0)
    runs = [(await running.submit("agent", n)).id for n in range(5)]
    worker = await running.start_worker()
    worker.stop()  # while the first claim is under way
    await running.stop_worker(worker)
    held = [r.id for r in await running.engine.control.list() if r.status is Status.RUNNING]
    assert held == []
    await running.start_worker()
    assert [(await running.ended(run)).deaths for run in runs] == [0] * 5


async def test_runs_that_carry_a_workers_name_unknown_to_it_go_back(engine: OpenEngine) -> None:
    # A claim whose answer was lost on the way.
    running = await engine(agent=lambda input: input, settings=_SHORT_LEASE)
    worker = running.workers[0]
    assert worker.session is not None
    others = [NewRun("agent", n, release="other") for n in range(3)]
    runs = [(await running.engine.control.submit(new))[0].id for new in others]
    journal = worker.session._journal
    claimed = await journal.claim(release="other", agents=["agent"], slots=3, total=100)
    assert len(claimed) == 3
    async with asyncio.timeout(10):
        for run in runs:
            await running.until(run, "drained")


async def test_a_paused_worker_finds_itself_fenced_and_begins_anew(engine: OpenEngine, gate: Gate) -> None:
    seen: list[int] = []

    async def agent(input: Any, ctx: Any) -> int:
        seen.append(ctx.attempt)
        if ctx.attempt == 1:
            await ctx.step("gate", gate)
            await ctx.step("stale", seen.append, -1)
        return ctx.attempt

    running = await engine(agent=agent, settings=_SHORT_LEASE)
    run = await running.submit("agent")
    await gate.reached()
    paused = running.workers[0].session
    assert paused is not None
    await paused._roles.stop()  # neither renews nor hears
    await running.start_worker()
    ended = await running.ended(run.id)
    assert (ended.status, ended.output) == (Status.SUCCESS, 2)
    gate.open.set()
    await asyncio.wait([held.task for held in paused.holdings.values() if held.task] or [asyncio.sleep(0)])  # type: ignore[type-var]
    assert [event.name for event in await running.events(run.id, "step")] == []
    assert "worker_fenced" in [event for event, _ in running.said]
    await paused._renew()
    async with asyncio.timeout(10):
        while running.workers[0].session is paused or running.workers[0].session.holdings:
            await asyncio.sleep(0.01)
    assert await running.engine.oversight.workers()


async def test_a_run_whose_workers_keep_dying_is_poison_and_can_be_retried(engine: OpenEngine) -> None:
    gates = [Gate() for _ in range(4)]

    async def agent(input: Any, ctx: Any) -> str:
        await ctx.step("gate", gates[min(ctx.attempt, 4) - 1])
        return "mended"

    running = await engine(agent=agent, settings={"max_attempts": 3})
    run = await running.submit("agent")
    for turn in range(3):
        await gates[turn].reached()
        await running.crash(running.workers[0])
        await running.start_worker()
    ended = await running.ended(run.id)
    assert (ended.status, ended.reason, ended.deaths) == (Status.ERROR, Reason.POISON, 3)
    assert ended.error is not None and ended.error["error"] == "poison"
    assert (await running.engine.oversight.queue()).poisoned == 1
    gates[3].open.set()
    await running.engine.control.retry(run.id)
    assert (await running.ended(run.id)).output == "mended"


async def test_a_trouble_of_the_workers_own_does_not_leave_a_run_running_for_ever(engine: OpenEngine) -> None:
    running = await engine(agent=lambda input: input, settings=_SHORT_LEASE)
    broken = running.engine.payloads.blobs

    class Full:
        """A folder without room, once."""

        times = 0

        async def put(self, scope: str, data: bytes) -> str:
            self.times += 1
            if self.times == 2:  # the first is the input, the second the output
                raise OSError(28, "No space left on device")
            return await broken.put(scope, data)

        get, delete_scope = broken.get, broken.delete_scope

    run_input = "x" * 40
    running.engine.payloads.blobs = Full()  # type: ignore[assignment]
    running.engine.payloads.threshold = 30
    run = await running.submit("agent", run_input)
    assert (await running.ended(run.id)).output == run_input


async def test_a_worker_takes_only_runs_of_its_own_release(engine: OpenEngine) -> None:
    running = await engine(agent=lambda input: input)
    other = await running.submit("agent", release="v2")
    mine = await running.run("agent")
    assert mine.status is Status.SUCCESS
    assert (await running.engine.control.get(other.id)).status is Status.PENDING
    assert [(one.release, one.runs) for one in await running.engine.oversight.unserved()] == [("v2", 1)]
    assert await running.engine.control.move("dev", from_release="v2") == [other.id]
    assert (await running.ended(other.id)).release == "dev"
    assert await running.engine.oversight.unserved() == []


async def test_higher_priority_goes_first_then_the_oldest(engine: OpenEngine) -> None:
    order: list[Any] = []
    running = await engine(agent=order.append, workers=0, settings={"worker_concurrency": 1})
    runs = [await running.submit("agent", [p, n], priority=p) for p, n in [(0, 1), (5, 1), (0, 2), (-1, 1), (5, 2)]]
    await running.start_worker()
    for run in runs:
        await running.ended(run.id)
    assert order == [[5, 1], [5, 2], [0, 1], [0, 2], [-1, 1]]


async def test_a_worker_holds_no_more_than_its_slots(engine: OpenEngine) -> None:
    now, most = 0, 0
    full = asyncio.Event()

    async def agent(input: Any, ctx: Any) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        if now == 3:
            full.set()
        await full.wait()
        await asyncio.sleep(0.005)
        now -= 1

    running = await engine(agent=agent, settings={"worker_concurrency": 3})
    for run in [await running.submit("agent") for _ in range(12)]:
        await running.ended(run.id)
    assert most == 3


async def test_all_workers_together_hold_no_more_than_the_total(engine: OpenEngine) -> None:
    now, most = 0, 0
    full = asyncio.Event()

    async def agent(input: Any, ctx: Any) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        if now == 4:
            full.set()
        await full.wait()
        await asyncio.sleep(0.005)
        now -= 1

    total = {"max_concurrent_agents": 4, "worker_concurrency": 3, "poll_every": timedelta(seconds=30)}
    running = await engine(agent=agent, workers=3, settings=total)
    async with asyncio.timeout(15):  # a place that falls free is taken at once, not at the next look
        for run in [await running.submit("agent") for _ in range(24)]:
            await running.ended(run.id)
    assert most == 4


async def test_claims_that_come_together_take_no_more_than_the_total(engine: OpenEngine) -> None:
    running = await engine(agent=lambda input: input, workers=0)
    parts = running.engine
    journals: list[Journal] = []
    for number in range(6):
        journals.append(Journal(parts.database, dict(parts.queries), parts.payloads, worker=f"w-{number}",
                                clock=parts.clock, emit=silent))  # fmt: skip
        await parts.database.write(
            parts.queries["register"], id=f"w-{number}", release="together", host="here", agents='["agent"]', pid=1,
            slots=3, lease_us=60_000_000,
        )  # fmt: skip
    for total in range(5, 45, 5):  # what was claimed in earlier rounds counts
        for n in range(9):
            await parts.control.submit(NewRun("agent", n, release="together"))
        claim = {"release": "together", "agents": ["agent"], "slots": 3, "total": total}
        claimed = await asyncio.gather(*(journal.claim(**claim) for journal in journals))
        ids = [run.id for runs in claimed for run, _ in runs]
        assert len(ids) == len(set(ids)) == 5


@pytest.mark.postgres
async def test_to_look_for_work_where_there_is_none_writes_nothing(postgres_url: str) -> None:
    database = await Postgres.open(postgres_url, clock=SystemClock(), connections=2)
    await migrate(database, (MIGRATIONS,))
    queries = load_queries("postgres")
    await database.write(queries["register"], id="w", release="dev", host="here", agents="[]", pid=1, slots=1,
                         lease_us=60_000_000)  # fmt: skip
    given = {"worker": "w", "release": "dev", "agents": "[]", "slots": 1, "total": 9}
    xmax = parse("xmax", "SELECT xmax::text AS locked FROM workers", "postgres")
    before = (await database.read(xmax))[0]["locked"]
    assert list(await database.write(queries["claim"], **given)) == []
    assert (await database.read(xmax))[0]["locked"] == before
    await database.close()


async def test_a_run_starts_no_earlier_than_asked(engine: OpenEngine) -> None:
    running = await engine(agent=lambda input: input)
    start = datetime.now(UTC) + timedelta(milliseconds=300)
    run = await running.submit("agent", start_at=start)
    assert (run.status, run.reason, run.wake_at) == (Status.PENDING, Reason.LATER, start)
    ended = await running.ended(run.id)
    assert ended.started_at is not None and ended.started_at >= start
