"""A period as a person writes it: dates, moments, or how long ago. Everything is in UTC and in whole hours."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from fairlead.errors import InvalidInput

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
_AGO = re.compile(r"(\d{1,6}) ?(m|min|h|d|w)")
_UNITS = {"m": timedelta(minutes=1), "min": timedelta(minutes=1), "h": HOUR, "d": DAY, "w": timedelta(weeks=1)}
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LONGEST = timedelta(days=3660)


@dataclass(frozen=True, slots=True)
class Period:
    """From the beginning of an hour to the beginning of another, which is not part of it."""

    since: datetime
    until: datetime

    @property
    def length(self) -> timedelta:
        return self.until - self.since


def parse_period(since: str | None, until: str | None, *, now: datetime) -> Period:
    """The last 24 hours where nothing is said. Raises `InvalidInput`.

    "2026-11-01", "2026-11-01T14:00", "2026-11-01T14:00+09:00", "today", "yesterday", "now", "24h", "7d", "2w".
    A day given as the end is part of the period; an hour that has begun counts as a whole one.
    """
    end = now if until is None else _parse("to", until, now, as_end=True)
    begin = end - DAY if since is None else _parse("from", since, now, as_end=False)
    if begin >= end:
        raise InvalidInput(
            f"The period ends ({_told(end)}) before it begins ({_told(begin)}).", hint="Times are in UTC."
        )
    if begin < _EARLIEST or end - begin > _LONGEST:
        raise InvalidInput("The period is longer than ten years.", hint="Begin it later.")
    return Period(_hour(begin), _hour(end - timedelta(microseconds=1)) + HOUR)


def _parse(name: str, text: str, now: datetime, *, as_end: bool) -> datetime:
    said = text.strip().lower()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if said == "now":
        return now
    if said in ("today", "yesterday"):
        day = midnight if said == "today" else midnight - DAY
        return day + DAY if as_end else day
    if ago := _AGO.fullmatch(said):
        return _earlier(now, int(ago[1]) * _UNITS[ago[2]])
    try:
        return _of_iso(text.strip(), as_end=as_end)
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"`{name}`: {text[:60]!r} is no time.",
            hint="Write 2026-11-01, 2026-11-01T14:00, today, yesterday, or how long ago: 24h, 7d, 2w.",
        ) from None


def _of_iso(text: str, *, as_end: bool) -> datetime:
    if len(text) == 10:
        day = date.fromisoformat(text)
        return datetime(day.year, day.month, day.day, tzinfo=UTC) + (DAY if as_end else timedelta())
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _earlier(now: datetime, ago: timedelta) -> datetime:
    try:
        return now - ago
    except OverflowError:
        return _EARLIEST - DAY


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _told(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
