"""What providers say in headers about their limits: pure functions from headers to our words. Nonsense counts as not
said, and nothing is believed to last longer than a day."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from fairlead.gateway.rate import Left

_MOST_WAIT = timedelta(days=1)
_MOST_COUNT = 10**12
_MICROSECOND = timedelta(microseconds=1)
_PIECE = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
# Names before and after "remaining", "limit", "reset": OpenAI and those who do as it does, then Anthropic.
_REQUESTS = (("x-ratelimit-", "-requests"), ("anthropic-ratelimit-requests-", ""))
_TOKENS = (
    ("x-ratelimit-", "-tokens"),
    ("anthropic-ratelimit-tokens-", ""),
    ("anthropic-ratelimit-input-tokens-", ""),
    ("anthropic-ratelimit-output-tokens-", ""),
)
_TELLING = tuple(f"{before}remaining{after}" for before, after in (*_REQUESTS, *_TOKENS))


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How long the provider asks us to wait: `retry-after-ms`, or seconds or a date as RFC 9110 has it."""
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return _bounded(milliseconds / 1000)
    value = headers.get("retry-after", "").strip()
    seconds = _number(value)
    return _bounded(seconds) if seconds is not None else _until(_http_date(value), now)


def left(headers: Mapping[str, str], now: datetime) -> Left | None:
    """What the provider says is left of its limits; of several limits on tokens the one that is nearest its end."""
    if not any(name in headers for name in _TELLING):
        return None
    requests = [_said(headers, names, now) for names in _REQUESTS]
    tokens = [_said(headers, names, now) for names in _TOKENS]
    fewest = min((said for said in requests if said), default=None)
    least = min((said for said in tokens if said), default=None)
    if fewest is None and least is None:
        return None
    return Left(
        requests=fewest[0] if fewest else None,
        tokens=least[0] if least else None,
        requests_limit=(fewest[2] or None) if fewest else None,
        requests_reset=fewest[1] if fewest else 0,
        tokens_reset=least[1] if least else 0,
    )


def _said(headers: Mapping[str, str], names: tuple[str, str], now: datetime) -> tuple[int, int, int] | None:
    """(remaining, reset in microseconds, limit) of one kind of limit."""
    before, after = names
    remaining = _count(headers.get(f"{before}remaining{after}"))
    if remaining is None:
        return None
    reset = _reset(headers.get(f"{before}reset{after}", ""), now)
    return remaining, reset // _MICROSECOND, _count(headers.get(f"{before}limit{after}")) or 0


def _reset(value: str, now: datetime) -> timedelta:
    """ "6m0s", "120ms", "1.5", or a time as RFC 3339 has it."""
    value = value.strip()
    if (seconds := _number(value)) is not None:
        return _bounded(seconds) or timedelta(0)
    pieces = _PIECE.findall(value)
    if pieces and "".join(number + unit for number, unit in pieces) == value:
        return _bounded(sum(float(number) * _UNITS[unit] for number, unit in pieces)) or timedelta(0)
    return _until(_iso_date(value), now) or timedelta(0)


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if 0 <= number < math.inf else None


def _count(value: str | None) -> int | None:
    number = None if value is None else _number(value)
    return None if number is None or number > _MOST_COUNT else int(number)


def _bounded(seconds: float) -> timedelta:
    return timedelta(seconds=min(seconds, _MOST_WAIT.total_seconds()))


def _http_date(value: str) -> datetime | None:
    try:
        return parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return None


def _iso_date(value: str) -> datetime | None:
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def _until(date: datetime | None, now: datetime) -> timedelta | None:
    if date is None:
        return None
    aware = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    return min(max(aware - now, timedelta(0)), _MOST_WAIT)
