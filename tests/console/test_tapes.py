"""What is kept of the runs that are looked at: whose it is, how much of it, and that it tells what was read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fairlead.errors import DatabaseUnavailable
from fairlead.runs.run import Event, Run
from fairlead.testing import MovableClock
from fairlead.web.console import steps
from fairlead.web.console.format import Format
from fairlead.web.console.glances import Glances
from fairlead.web.console.pages import run as page
from fairlead.web.console.tapes import LASTS, Tapes
from fairlead.web.console.waterfall import Waterfall
from tests.console.gallery import Tape, make_run, refund
from tests.console.memory_door import GalleryDoor

AT = datetime(2026, 11, 22, 9, 2, 11, tzinfo=UTC)


class CountingDoor(GalleryDoor):
    """Remembers how many events it gave."""

    given = 0

    async def events(self, run_id: str, *, after: int = 0) -> Sequence[Event]:
        found = await super().events(run_id, after=after)
        self.given += len(found)
        await asyncio.sleep(0)
        return found


def _door(number: int = 1) -> tuple[CountingDoor, str]:
    door = CountingDoor(AT)
    run, events, approvals = refund(number, AT)
    door.put(run, events, approvals)
    return door, run.id


async def test_events_are_read_once_and_then_what_has_come() -> None:
    door, run_id = _door()
    tapes = Tapes(MovableClock(AT))
    await asyncio.gather(*(tapes.read(door, "default", run_id) for _ in range(3)))
    before = len(door.tapes[run_id])
    assert door.given == before
    door.happen(door.all[run_id], Event(run_id, door.tapes[run_id][-1].seq + 1, "log", AT))
    tape = await tapes.read(door, "default", run_id)
    assert door.given == before + 1
    assert tape.events == door.tapes[run_id]


async def test_a_story_grows_as_if_it_were_told_anew() -> None:
    run, events, _ = refund(1, AT)
    door, tapes = CountingDoor(AT), Tapes(MovableClock(AT))
    door.put(run, [])
    for event in events:
        door.happen(run, event)
        tape = await tapes.read(door, "default", run.id)
        for over in (True, False):
            assert tape.story(over=over) == steps.fold(tape.events, over=over)
            assert tape.story({"x": "y"}, over=over) == steps.fold(tape.events, {"x": "y"}, over=over)


async def test_no_tenant_is_told_what_another_reads() -> None:
    mine, run_id = _door()
    theirs = CountingDoor(AT)
    theirs.put(make_run(1, AT))
    tapes = Tapes(MovableClock(AT))
    assert (await tapes.read(mine, "mine", run_id)).events
    assert (await tapes.read(theirs, "theirs", run_id)).events == []


async def test_what_is_kept_is_read_anew_after_a_while() -> None:
    door, run_id = _door()
    clock = MovableClock(AT)
    tapes = Tapes(clock)
    await tapes.read(door, "default", run_id)
    door.tapes[run_id] = door.tapes[run_id][:3]  # retention
    clock.move(LASTS + timedelta(seconds=1))
    assert len((await tapes.read(door, "default", run_id)).events) == 3


@pytest.mark.parametrize("bounds", [{"most_runs": 1}, {"most_bytes": 20_000}])
async def test_the_run_that_was_looked_at_longest_ago_makes_room(bounds: dict[str, int]) -> None:
    door, first = _door(1)
    run, events, approvals = refund(2, AT)
    door.put(run, events, approvals)
    tapes = Tapes(MovableClock(AT), **bounds)
    for run_id in (first, run.id, first):
        await tapes.read(door, "default", run_id)
    assert door.given == 2 * len(door.tapes[first]) + len(events)


async def test_a_page_that_is_open_keeps_what_is_too_large_for_all() -> None:
    door, run_id = _door()
    tapes = Tapes(MovableClock(AT), most_bytes=1)
    held = await tapes.read(door, "default", run_id)
    assert await tapes.read(door, "default", run_id, held) is held
    assert door.given == len(held.events)


def _said(run_id: str, seq: int, **given: Any) -> Event:
    return Event(run_id, seq, "step", AT, kind="tool", name="read", key=f"said-{seq}", **given)


async def test_what_a_follower_was_told_is_not_read_again() -> None:
    door, run_id = _door()
    tape = await Tapes(MovableClock(AT)).read(door, "default", run_id)
    last, before = tape.events[-1].seq, door.given
    assert await tape.hear([_said(run_id, last), _said(run_id, last + 1), _said(run_id, last + 2)])
    assert await tape.hear([])
    assert [event.seq for event in tape.events[-3:]] == [last, last + 1, last + 2]
    assert {f"said-{last + 1}", f"said-{last + 2}"} <= {step.key for step in tape.story().steps}
    assert door.given == before


@pytest.mark.parametrize(
    ("ahead", "data"), [(2, None), (1, {"request": {"messages": ["a digest"]}})], ids=["a gap", "messages not read"]
)
async def test_what_does_not_fit_a_tape_is_left_to_be_read(ahead: int, data: Any) -> None:
    door, run_id = _door()
    tape = await Tapes(MovableClock(AT)).read(door, "default", run_id)
    known = list(tape.events)
    assert not await tape.hear([_said(run_id, known[-1].seq + ahead, data=data)])
    assert tape.events == known


async def test_a_page_that_is_open_reads_of_a_step_nothing_but_what_it_was_told() -> None:
    door, run_id = _door(2)
    asked: list[str] = []

    class Listening(CountingDoor):
        async def run(self, run_id: str) -> Run:
            asked.append(run_id)
            return await super().run(run_id)

    door.__class__ = Listening
    clock = MovableClock(AT)
    reading = page.Reading(door, Tapes(clock), clock, again=timedelta(seconds=5), glances=Glances(clock))
    known = await reading.read(run_id, [])
    told = _said(run_id, known.events[-1].seq + 1)
    assert (await reading.read(run_id, [told])).events[-1] == told
    assert len(asked) == 1
    await reading.read(run_id, [replace(told, type="parked", seq=told.seq + 1)])
    assert len(asked) == 2  # it tells of more than steps
    clock.move(timedelta(seconds=6))
    await reading.read(run_id, [])
    assert len(asked) == 3  # some things change without an event


async def test_a_page_that_is_open_asks_again_for_nothing_that_an_event_would_have_told() -> None:
    door, run_id = _door(2)
    asked: list[str] = []

    class Listening(CountingDoor):
        async def children(self, run_id: str) -> Sequence[Run]:
            asked.append("children")
            return await super().children(run_id)

        async def events(self, run_id: str, *, after: int = 0) -> Sequence[Event]:
            asked.append("events")
            return await super().events(run_id, after=after)

    door.__class__ = Listening
    clock = MovableClock(AT)
    reading = page.Reading(door, Tapes(clock), clock, again=timedelta(seconds=5), glances=Glances(clock))
    known = await reading.read(run_id, [])
    asked.clear()
    clock.move(timedelta(seconds=6))
    told = _said(run_id, known.events[-1].seq + 1)
    assert (await reading.read(run_id, [told])).events[-1] == told
    assert asked == []
    await reading.read(run_id, [replace(told, kind="child", seq=told.seq + 1)])
    assert "children" in asked


async def test_what_could_not_be_read_is_asked_for_again() -> None:
    door, run_id = _door()
    tapes = Tapes(MovableClock(AT))
    door.broken.add("events")
    with pytest.raises(DatabaseUnavailable):
        await tapes.read(door, "default", run_id)
    door.broken.clear()
    assert (await tapes.read(door, "default", run_id)).events == door.tapes[run_id]


async def test_a_picture_is_drawn_anew_when_the_run_or_what_is_asked_has_changed() -> None:
    run = make_run(1, AT, finished_at=AT + timedelta(seconds=400))
    made = Tape(run)
    for number in range(300):
        made.tool("read", number, number + 1, {}, None, key=f"step-{number}")
    door, tapes = CountingDoor(AT), Tapes(MovableClock(AT))
    door.put(run, made.events)
    fmt = Format(AT + timedelta(hours=1))

    async def draw(**params: str) -> Waterfall:
        material = await page.read(door, tapes, run.id)
        drawn = page.shape(material, page.select(run.id, params, []), fmt).chart
        assert drawn is not None
        return drawn

    async def chart(**params: str) -> tuple[int, int]:
        drawn = await draw(**params)
        return drawn.steps, len(drawn.rows)

    assert await chart() == (300, 100)
    assert await draw() is await draw(step="step-7")
    assert await chart(rows="350") == (300, 300)
    assert await chart() == (300, 100)
    door.tapes[run.id].append(Event(run.id, 9000, "step", AT, kind="tool", name="read", key="late"))
    assert await chart() == (301, 100)
