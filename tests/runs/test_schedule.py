from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from fairlead.errors import InvalidInput
from fairlead.runs.schedule import Missed, Overlap, Rhythm, Schedule, Work, check, due, spread, times

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def hourly(**changed: Any) -> Rhythm:
    return Rhythm(**{"cron": "0 * * * *", **changed})


def schedule(rhythm: Rhythm, next_at: datetime | None) -> Schedule:
    return Schedule("t", "s", "a", None, rhythm, Work(), {}, True, None, None, "me", NOON, NOON, 1, next_at, None, None,
                    None)  # fmt: skip


@pytest.mark.parametrize("cron", ["", "* * * *", "* * * * * *", "61 * * * *", "0 0 30 2 *", "every day"])
def test_what_is_no_schedule_is_refused(cron: str) -> None:
    with pytest.raises(InvalidInput):
        check(Rhythm(cron))


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "", "\0"])
def test_what_is_no_time_zone_is_refused(zone: str) -> None:
    if zone:
        with pytest.raises(InvalidInput):
            check(hourly(timezone=zone))


@pytest.mark.parametrize(
    ("cron", "after", "wanted"),
    [
        # The night in which 02:30 is skipped: due when the clock has jumped, at 03:00 = 01:00 UTC.
        ("30 2 * * *", datetime(2030, 3, 30, 12, tzinfo=UTC), ["2030-03-31T01:00", "2030-04-01T00:30"]),
        # The night in which 02:30 comes twice: due once.
        ("30 2 * * *", datetime(2030, 10, 26, 12, tzinfo=UTC), ["2030-10-27T00:30", "2030-10-28T01:30"]),
        # What goes by the hour goes by real hours.
        ("0 * * * *", datetime(2030, 10, 26, 23, 30, tzinfo=UTC), ["2030-10-27T00:00", "2030-10-27T01:00"]),
    ],
)
def test_hours_that_are_skipped_or_repeated(cron: str, after: datetime, wanted: list[str]) -> None:
    found = list(islice(times(Rhythm(cron, "Europe/Vienna"), after), 2))
    assert [one.strftime("%Y-%m-%dT%H:%M") for one in found] == wanted


def test_it_begins_and_ends_when_it_is_told() -> None:
    rhythm = hourly(start_at=NOON + HOUR, end_at=NOON + 3 * HOUR)
    assert list(times(rhythm, NOON)) == [NOON + HOUR, NOON + 2 * HOUR, NOON + 3 * HOUR]


@pytest.mark.parametrize(
    ("missed", "starts"),
    [(Missed.SKIP, []), (Missed.RUN_ONCE, [2]), (Missed.RUN_ALL, [0, 1, 2])],
)
def test_what_becomes_of_times_that_were_missed(missed: Missed, starts: list[int]) -> None:
    found = due(schedule(hourly(missed=missed), NOON), now=NOON + timedelta(hours=2, minutes=30), busy=False)
    assert found.starts == tuple(NOON + n * HOUR for n in starts)
    assert found.next_at == NOON + 3 * HOUR


def test_a_time_that_has_just_come_was_not_missed() -> None:
    found = due(schedule(hourly(missed=Missed.SKIP), NOON), now=NOON + timedelta(seconds=5), busy=False)
    assert found.starts == (NOON,)


@pytest.mark.parametrize(
    ("overlap", "starts", "next_at"),
    [(Overlap.ALLOW, 1, NOON + HOUR), (Overlap.SKIP, 0, NOON + HOUR), (Overlap.CANCEL_RUNNING, 1, NOON + HOUR),
     (Overlap.QUEUE, 0, NOON)],
)  # fmt: skip
def test_what_becomes_of_a_time_while_the_run_before_goes_on(overlap: Overlap, starts: int, next_at: datetime) -> None:
    found = due(schedule(hourly(overlap=overlap), NOON), now=NOON, busy=True)
    assert (len(found.starts), found.next_at) == (starts, next_at)


def test_what_was_queued_starts_late_whatever_missed_says() -> None:
    rhythm = hourly(overlap=Overlap.QUEUE, missed=Missed.SKIP)
    assert due(schedule(rhythm, NOON), now=NOON + timedelta(minutes=50), busy=False).starts == (NOON,)


def test_a_year_of_missed_minutes_is_bounded() -> None:
    rhythm = Rhythm("* * * * *", missed=Missed.RUN_ALL)
    found = due(schedule(rhythm, NOON), now=NOON + timedelta(days=365), busy=False)
    assert len(found.starts) == 100 and found.starts[-1] == NOON + timedelta(days=365)


def test_jitter_is_always_the_same_for_the_same_time() -> None:
    jitter = timedelta(minutes=10)
    assert spread("s", NOON, jitter) == spread("s", NOON, jitter) != spread("other", NOON, jitter)
    assert NOON <= spread("s", NOON, jitter) <= NOON + jitter
