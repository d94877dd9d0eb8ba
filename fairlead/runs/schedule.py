"""What a schedule is, and what is decided about it: when it is due, and what becomes of times that have passed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from fairlead.errors import InvalidInput
from fairlead.runs.run import Asker

GRACE = timedelta(seconds=60)  # a time that passed longer ago has been missed
MOST_AT_ONCE = 100  # of the times that were missed; older ones are passed over


class Missed(StrEnum):
    """What becomes of times that passed while nobody looked."""

    SKIP = "skip"
    RUN_ONCE = "run_once"  # the last of them
    RUN_ALL = "run_all"


class Overlap(StrEnum):
    """What becomes of a time at which the run before it has not ended."""

    ALLOW = "allow"
    SKIP = "skip"
    QUEUE = "queue"  # one waits until that has ended
    CANCEL_RUNNING = "cancel_running"


@dataclass(frozen=True, slots=True)
class Work:
    """The run that is started, but for its time."""

    input: Any = None
    config: dict[str, Any] | None = None
    context: dict[str, Any] | None = None
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])
    webhook: str | None = None
    multitask: str = "enqueue"
    on_run_completed: str | None = None
    priority: int = 0
    budget_nano: int | None = None


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When. `timezone` None: UTC."""

    cron: str
    timezone: str | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None
    jitter: timedelta = timedelta(0)
    missed: Missed = Missed.RUN_ONCE
    overlap: Overlap = Overlap.ALLOW


@dataclass(frozen=True, slots=True)
class Schedule:
    tenant: str
    id: str
    assistant_id: str
    thread_id: str | None
    rhythm: Rhythm
    work: Work
    metadata: dict[str, Any]
    enabled: bool
    user: str | None
    asker: Asker | None
    created_by: str
    created_at: datetime
    updated_at: datetime
    version: int
    next_at: datetime | None
    last_at: datetime | None
    last_run_id: str | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class Due:
    """The times to start now, and the next one to look at."""

    starts: tuple[datetime, ...]
    next_at: datetime | None


def check(rhythm: Rhythm) -> None:
    """Raises `InvalidInput`."""
    _zone(rhythm.timezone)
    if len(rhythm.cron.split()) != 5:
        raise InvalidInput(
            "A schedule has five fields: minute, hour, day, month, weekday.", hint='Such as "0 9 * * 1".'
        )
    try:
        next(CronSim(rhythm.cron, datetime(2026, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration) as error:
        raise InvalidInput(f"The schedule {rhythm.cron!r} can't be read: {error}.") from None
    if rhythm.start_at and rhythm.end_at and rhythm.start_at >= rhythm.end_at:
        raise InvalidInput("The schedule ends before it starts.")


def times(rhythm: Rhythm, after: datetime) -> Iterator[datetime]:
    """When it is due after that moment, in UTC, without end unless it ends.

    An hour that a clock skips or repeats is as Debian's cron has it: a fixed time in the hour that is skipped is due
    when the clock has jumped, one in the hour that is repeated is due once; `*` in minutes or hours goes by real time.
    """
    if rhythm.start_at is not None and after < rhythm.start_at:
        after = rhythm.start_at - timedelta(microseconds=1)
    last = None
    for due in CronSim(rhythm.cron, after.astimezone(_zone(rhythm.timezone))):
        moment = due.astimezone(UTC)
        if rhythm.end_at is not None and moment > rhythm.end_at:
            return
        if moment > after and (last is None or moment > last):
            last = moment
            yield moment


def next_time(rhythm: Rhythm, after: datetime) -> datetime | None:
    return next(times(rhythm, after), None)


def due(schedule: Schedule, *, now: datetime, busy: bool) -> Due:
    """What to start of a schedule whose time has come. `busy`: the run before has not ended."""
    first, rhythm = schedule.next_at, schedule.rhythm
    if first is None or first > now:
        return Due((), first)
    if busy and rhythm.overlap is Overlap.QUEUE:
        return Due((), first)
    passed, upcoming = _passed(rhythm, first, now)
    if busy and rhythm.overlap is Overlap.SKIP:
        return Due((), upcoming)
    fresh = tuple(one for one in passed if now - one <= GRACE)
    late = passed[: len(passed) - len(fresh)]
    if rhythm.overlap is Overlap.QUEUE:  # the one that waited, and then the next
        chosen = (first, *_kept(rhythm.missed, late[1:] if late else (), fresh if late else fresh[1:]))
        return Due(chosen[:1], next_time(rhythm, first) if len(chosen) > 1 else upcoming)
    return Due(_kept(rhythm.missed, late, fresh), upcoming)


def spread(schedule_id: str, at: datetime, jitter: timedelta) -> datetime:
    """When the run of that time may start: always the same moment for the same time."""
    digest = hashlib.sha256(f"{schedule_id} {at.isoformat()}".encode()).digest()
    return at + jitter * (int.from_bytes(digest[:8]) / 2**64)


def _kept(missed: Missed, late: tuple[datetime, ...], fresh: tuple[datetime, ...]) -> tuple[datetime, ...]:
    match missed:
        case Missed.SKIP:
            return fresh
        case Missed.RUN_ONCE:
            return fresh or late[-1:]
        case Missed.RUN_ALL:
            return (*late, *fresh)


def _passed(rhythm: Rhythm, first: datetime, now: datetime) -> tuple[tuple[datetime, ...], datetime | None]:
    """Times from `first` to now, the oldest first; of more than MOST_AT_ONCE only the last ones."""
    found: list[datetime] = []
    begin = first
    if now - first > timedelta(days=2):  # of minutes that were missed for a year nobody wants to count all
        last = list(islice(times(rhythm, first), MOST_AT_ONCE + 1))
        if len(last) > MOST_AT_ONCE and last[-1] < now:
            begin = max(first, now - (last[-1] - first))
    if begin == first:
        found.append(first)
    for one in times(rhythm, begin):
        if one > now:
            return tuple(found[-MOST_AT_ONCE:]), one
        found.append(one)
    return tuple(found[-MOST_AT_ONCE:]), None


def _zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(f"There is no time zone {name!r}.", hint="Such as Europe/Vienna.") from None
