"""What the simulated provider can be told to do wrong: at a rate, from a seed, or for the next N calls."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, cast

from fairlead.errors import InvalidInput


class Fault(StrEnum):
    RATE_LIMIT = "rate_limit"  # 429 with Retry-After
    SERVER_ERROR = "server_error"  # 500
    TIMEOUT = "timeout"  # never answers
    CUT = "cut"  # half an answer
    MALFORMED = "malformed"  # half of the JSON, sent as if it were all
    SLOW = "slow"  # one byte at a time


@dataclass
class Faults:
    """`rates` are 0..1 and add up to 1 at most; `next` comes first, one fault for each call."""

    rates: Mapping[Fault, float] = field(default_factory=dict[Fault, float])
    seed: int = 0
    next: deque[Fault] = field(default_factory=deque[Fault])
    retry_after: timedelta = timedelta(seconds=1)
    gap: timedelta = timedelta(milliseconds=200)  # between two bytes of a slow answer

    def __post_init__(self) -> None:
        if any(not 0 <= rate <= 1 for rate in self.rates.values()) or sum(self.rates.values()) > 1.000001:
            raise InvalidInput("The rates of faults must be 0 to 1 and add up to 1 at most.")
        self._random = random.Random(self.seed)

    def draw(self) -> Fault | None:
        """What goes wrong with the call that comes now."""
        if self.next:
            return self.next.popleft()
        if not self.rates:
            return None
        point = self._random.random()
        for fault, rate in self.rates.items():
            if point < rate:
                return fault
            point -= rate
        return None


def parse_faults(value: Mapping[str, Any]) -> Faults:
    """Faults from JSON or options:

        {"rates": {"rate_limit": 0.2}, "seed": 7, "next": {"timeout": 1}, "retry_after": 2, "gap": 0.2}

    Durations are seconds. An unknown key or fault is an InvalidInput that names it.
    """
    for name in value:
        if name not in ("rates", "seed", "next", "retry_after", "gap"):
            raise InvalidInput(f"Unknown key {name!r}.", hint="Known: rates, seed, next, retry_after, gap.")
    planned: deque[Fault] = deque()
    for name, count in _table(value, "next").items():
        planned.extend([_fault(name)] * int(_number(name, count)))
    return Faults(
        rates={_fault(name): _number(name, rate) for name, rate in _table(value, "rates").items()},
        seed=int(_number("seed", value.get("seed", 0))),
        next=planned,
        retry_after=timedelta(seconds=_number("retry_after", value.get("retry_after", 1))),
        gap=timedelta(seconds=_number("gap", value.get("gap", 0.2))),
    )


def _table(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    table = value.get(name, {})
    if not isinstance(table, dict):
        raise InvalidInput(f"{name!r} must be an object.")
    return cast("dict[str, Any]", table)


def _fault(name: str) -> Fault:
    try:
        return Fault(name)
    except ValueError:
        raise InvalidInput(f"Unknown fault {name!r}.", hint=f"Known: {', '.join(Fault)}.") from None


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1_000_000:
        raise InvalidInput(f"{name} must be a number from 0 to 1000000, not {value!r}.")
    return value
