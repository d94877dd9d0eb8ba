"""A group of lines, as the engine counts them. Pure values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import exp
from typing import Any


class Part(StrEnum):
    KEPT = "kept"
    OLDER = "older"  # than what was asked for
    TIMELESS = "timeless"  # nobody can say whether it is older
    STRANGE = "strange"  # no line of its format


@dataclass(frozen=True, slots=True)
class Slow:
    """`moment` in ms since 1970, `took` in ms. `id`: of the request."""

    id: str | None
    name: str
    status: str | None
    moment: int | None
    took: float


@dataclass(frozen=True, slots=True)
class Group:
    """`hour` since 1970; `first` and `last` in ms since 1970; `took` and `longest` in ms. `course`: how many lines took
    how long, by bucket."""

    part: Part
    event: str
    name: str
    status: str
    hour: int | None
    wrong: str | None
    lines: int
    timed: int
    took: float
    longest: float
    course: Mapping[int, int]
    tokens: float
    cost: float
    first: int | None
    last: int | None
    slow: Sequence[Slow]


BUCKETS = 50
"""To a factor of e: a bucket is 2 % wide, so that what is said of its middle is right to 1 %."""


def middle(bucket: int) -> float:
    """In ms."""
    return exp((bucket + 0.5) / BUCKETS)


def group_of(row: Sequence[Any]) -> Group:
    """A row of the table `groups`."""
    part, event, name, status, hour, wrong, lines, timed, took, longest, course, tokens, cost, first, last, slow = row
    return Group(
        Part(part), event or "", name or "", status or "", hour, wrong, lines, timed, took or 0.0, longest or 0.0,
        course or {}, tokens or 0.0, cost or 0.0, first, last, tuple(Slow(**one) for one in slow or ()),
    )  # fmt: skip
