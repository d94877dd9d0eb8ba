"""What providers say in headers about their limits: pure functions from headers to our words. Nonsense counts as not
said, and nothing is believed to last longer than a day."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from fairlead.gateway.rate import Left

_MOST_WAIT = timedelta(days=1)
_MOST_COUNT = 10**12
_MICROSECOND = timedelta(microseconds=1)
_PIECE = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PLENTY = 4  # a quarter of a limit


class _Kind(NamedTuple):
    """The three headers of one limit."""

    remaining: str
    limit: str
    reset: str


def _kind(before: str, after: str = "") -> _Kind:
    return _Kind(f"{before}remaining{after}", f"{before}limit{after}", f"{before}reset{after}")


# OpenAI and those who do as it does, then Anthropic.
_REQUESTS = (_kind("x-ratelimit-", "-requests"), _kind("anthropic-ratelimit-requests-"))
_TOKENS = (
    _kind("x-ratelimit-", "-tokens"),
    _kind("anthropic-ratelimit-tokens-"),
    _kind("anthropic-ratelimit-input-tokens-"),
    _kind("anthropic-ratelimit-output-tokens-"),
)
_REMAINING = frozenset(kind.remaining for kind in (*_REQUESTS, *_TOKENS))


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How long the provider asks us to wait: `retry-after-ms`, or seconds or a date as RFC 9110 has it."""
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return _bounded(milliseconds / 1000)
    value = headers.get("retry-after", "").strip()
    seconds = _number(value)
    return _bounded(seconds) if seconds is not None else _until(_http_date(value), now)


def tells_what_is_left(headers: Mapping[str, str]) -> bool:
    """Many say nothing of limits, with every answer."""
    return not _REMAINING.isdisjoint(headers)


def left(headers: Mapping[str, str], now: datetime) -> Left | None:
    """What the provider says is left of its limits, once that is little; of several limits on tokens the one that is
    nearest its end."""
    requests, tokens = _least(headers, _REQUESTS), _least(headers, _TOKENS)
    if requests is None and tokens is None:
        return None
    return Left(
        requests=requests[0] if requests else None,
        tokens=tokens[0] if tokens else None,
        requests_limit=_count(headers.get(requests[1].limit)) if requests else None,
        requests_reset=_reset(headers.get(requests[1].reset, ""), now) // _MICROSECOND if requests else 0,
        tokens_reset=_reset(headers.get(tokens[1].reset, ""), now) // _MICROSECOND if tokens else 0,
    )


def _least(headers: Mapping[str, str], kinds: tuple[_Kind, ...]) -> tuple[int, _Kind] | None:
    least: tuple[int, _Kind] | None = None
    for kind in kinds:
        said = headers.get(kind.remaining)
        if said is None or (remaining := _count(said)) is None:
            continue
        limit = _count(headers.get(kind.limit))
        if limit is not None and remaining * _PLENTY > limit:
            continue
        if least is None or remaining < least[0]:
            least = remaining, kind
    return least


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
