"""The role's `once` is called by hand; when a schedule is due is moved in the table."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from fairlead import testing
from fairlead.access.key import NewKey
from fairlead.access.roles import Role
from fairlead.access.user import NewUser
from fairlead.clock import from_micros
from fairlead.database.sql import parse
from fairlead.errors import NotFound, UnknownAgent
from fairlead.runs.run import Asker, Run
from fairlead.runs.schedule import Missed, Overlap, Rhythm, Schedule, Work
from fairlead.runs.schedules import Schedules
from tests.runs.conftest import Gate, OpenEngine

DAILY = Rhythm("0 9 * * *", "Europe/Vienna", missed=Missed.RUN_ONCE)


async def greet(input: Any) -> str:
    return f"Hello, {input['name']}"


def book(running: testing.Running) -> Schedules:
    return running.engine.schedules


async def made(running: testing.Running, rhythm: Rhythm = DAILY, agent: str = "greet", **more: Any) -> Schedule:
    return await book(running).add(agent, rhythm, Work({"name": "Ada"}), tenant="default", by="me", **more)


async def fall_due(running: testing.Running, schedule: Schedule) -> None:
    """As if its next time had come just now."""
    database = running.engine.database
    now = "{now} / 60000000 * 60000000"
    query = parse(
        "due", f"UPDATE schedules SET next_at = {now}, version = version + 1 WHERE id = :id", database.dialect
    )
    await database.write(query, id=schedule.id)


async def runs_of(running: testing.Running, schedule: Schedule) -> list[Run]:
    return await running.engine.control.list(metadata={"cron_id": schedule.id})


async def test_each_time_starts_one_run_whoever_looks(engine: OpenEngine) -> None:
    running = await engine(greet=greet, workers=0)
    schedule = await made(running)
    await fall_due(running, schedule)
    await asyncio.gather(*(book(running).once() for _ in range(8)))
    await book(running).once()
    seen = await book(running).get(schedule.id, tenant="default")
    runs = await runs_of(running, schedule)
    assert [run.id for run in runs] == [seen.last_run_id]
    assert runs[0].metadata["due_at"] == (seen.last_at or schedule.created_at).isoformat()
    assert seen.next_at and seen.next_at > from_micros(running.engine.clock.micros()) and not seen.last_error


async def test_a_process_that_dies_before_it_moves_on_starts_nothing_twice(engine: OpenEngine) -> None:
    running = await engine(greet=greet, workers=0)
    schedule = await made(running)
    await fall_due(running, schedule)
    before = await book(running).get(schedule.id, tenant="default")
    await book(running).once()
    at = before.next_at
    assert at is not None
    database = running.engine.database
    back = parse("back", "UPDATE schedules SET next_at = :at, version = version + 1", database.dialect)
    await database.write(back, at=round(at.timestamp() * 1_000_000))
    await book(running).once()
    assert len(await runs_of(running, schedule)) == 1


async def test_overlap_cancels_the_run_before(engine: OpenEngine) -> None:
    gate = Gate()

    async def slow(input: Any) -> Any:
        return await gate()

    running = await engine(slow=slow, settings={"poll_every": timedelta(hours=1)})
    schedule = await made(running, Rhythm("* * * * *", overlap=Overlap.CANCEL_RUNNING), "slow")
    first = await book(running).run_now(schedule.id, tenant="default")
    database = running.engine.database
    last = parse("last", "UPDATE schedules SET last_run_id = :run, version = version + 1", database.dialect)
    await database.write(last, run=first.id)
    await gate.reached()
    await fall_due(running, schedule)
    await book(running).once()
    assert (await running.ended(first.id)).reason == "cancelled"
    assert len(await runs_of(running, schedule)) == 2


async def test_what_can_not_start_says_so_and_goes_on(engine: OpenEngine) -> None:
    running = await engine(greet=greet, workers=0)
    thread = await running.engine.threads.create("t-1", tenant="default")
    schedule = await made(running, thread_id=thread.id)
    await running.engine.threads.delete(thread.id, tenant="default")
    await fall_due(running, schedule)
    await book(running).once()
    seen = await book(running).get(schedule.id, tenant="default")
    assert "t-1" in (seen.last_error or "") and seen.next_at is not None
    assert [fields["schedule"] for name, fields in running.said if name == "schedule_failed"] == [schedule.id]


async def put(running: testing.Running, schedule: Schedule, column: str, value: Any) -> None:
    database = running.engine.database
    query = parse("put", f"UPDATE schedules SET {column} = :value WHERE id = :id", database.dialect)
    await database.write(query, value=value, id=schedule.id)


async def test_one_that_waits_for_its_run_does_not_stand_before_the_others(engine: OpenEngine) -> None:
    running = await engine(greet=greet, workers=0)
    waits = [await made(running, Rhythm("* * * * *", overlap=Overlap.QUEUE)) for _ in range(51)]
    for schedule in waits:
        run = await book(running).run_now(schedule.id, tenant="default")
        await put(running, schedule, "last_run_id", run.id)
        await fall_due(running, schedule)
    behind = await made(running, Rhythm("* * * * *"))
    await fall_due(running, behind)
    assert await book(running).once() is None, "there is nothing more to do at once"
    assert len(await runs_of(running, behind)) == 1
    assert all([len(await runs_of(running, schedule)) == 1 for schedule in waits])


async def test_one_that_can_not_be_read_is_set_aside_and_those_behind_it_start(engine: OpenEngine) -> None:
    running = await engine(greet=greet, workers=0)
    broken, behind = await made(running), await made(running)
    await fall_due(running, broken)
    await fall_due(running, behind)
    await put(running, broken, "timezone", "Nowhere/Atall")
    await book(running).once()
    assert len(await runs_of(running, behind)) == 1
    seen = await book(running).get(broken.id, tenant="default")
    assert seen.next_at is None and "Nowhere/Atall" in (seen.last_error or "")


async def test_what_a_key_left_to_be_done_ends_with_the_key(engine: OpenEngine) -> None:
    running = await engine(greet=greet, workers=0)
    keys = running.engine.books.keys
    key = (await keys.create(NewKey("night", role=Role.ADMIN), by="me")).key
    schedule = await made(running, Rhythm("* * * * *"), asker=Asker(key.name, key.id))
    await fall_due(running, schedule)
    await book(running).once()
    assert len(await runs_of(running, schedule)) == 1
    await keys.rotate("night", tenant="default", by="me")
    await book(running).run_now(schedule.id, tenant="default")
    await keys.revoke("night", tenant="default", by="me")
    await fall_due(running, schedule)
    await book(running).once()
    seen = await book(running).get(schedule.id, tenant="default")
    assert len(await runs_of(running, schedule)) == 2
    assert "the key was revoked" in (seen.last_error or "") and seen.next_at is not None


async def test_what_a_user_left_to_be_done_waits_until_they_may_come_in_again(engine: OpenEngine) -> None:
    running = await engine(greet=greet, workers=0)
    users = running.engine.books.users
    await users.create(NewUser("ada"), by="me")
    schedule = await made(running, Rhythm("* * * * *"), user="ada")
    await users.disable("ada", tenant="default", by="me")
    await fall_due(running, schedule)
    await book(running).once()
    assert await runs_of(running, schedule) == []
    await users.enable("ada", tenant="default", by="me")
    await fall_due(running, schedule)
    await book(running).once()
    assert len(await runs_of(running, schedule)) == 1


async def test_paused_starts_nothing_and_nothing_was_missed(engine: OpenEngine) -> None:
    running = await engine(greet=greet, workers=0)
    schedule = await made(running, Rhythm("* * * * *", missed=Missed.RUN_ALL))
    await book(running).change(schedule.id, rhythm={}, work={}, enabled=False, tenant="default", by="me")
    await fall_due(running, schedule)
    await book(running).once()
    resumed = await book(running).change(schedule.id, rhythm={}, work={}, enabled=True, tenant="default", by="me")
    await book(running).once()
    assert await runs_of(running, schedule) == []
    assert resumed.next_at and resumed.next_at > from_micros(running.engine.clock.micros())


async def test_a_tenant_sees_its_own(engine: OpenEngine) -> None:
    running = await engine(greet=greet, workers=0)
    schedule = await made(running)
    with pytest.raises(NotFound):
        await book(running).get(schedule.id, tenant="elsewhere")
    with pytest.raises(NotFound):
        await book(running).remove(schedule.id, tenant="elsewhere", by="me")
    with pytest.raises(UnknownAgent):
        await made(running, agent="nobody")
    await book(running).remove(schedule.id, tenant="default", by="me")
