"""What we promise, and whether it was kept. Pure.

Each objective is a share of good events: of 1000 requests 990 must not fail, of 100 reads 95 must take under 500 ms.
What is left of it is the error budget; the burn rate says how many times faster than allowed it is used. Budgets and
burn rates over an hour and six are those of https://sre.google/workbook/alerting-on-slos/.

Where nothing happened there is no data; that is not the same as met.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from fairlead.errors import InvalidInput

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Of the buckets of times, in seconds; the last bucket has no end."""
OK, BAD = 0, 1  # the buckets of what succeeds or fails
BURNS = (timedelta(hours=1), timedelta(hours=6))
LONGEST = timedelta(days=90)
_WINDOW = re.compile(r"(\d{1,4})([mhd])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


class State(StrEnum):
    MET = "met"
    MISSED = "missed"
    NO_DATA = "no_data"


@dataclass(frozen=True, slots=True)
class Objective:
    """`good`: the share that must be. `under`: seconds within which an event is good; None: it is when it succeeds."""

    level: str
    of: str
    good: float
    said: str
    under: float | None = None


OBJECTIVES = (
    Objective("error_rate", "requests", 0.99, "< 1 % of requests fail"),
    Objective("error_rate", "runs", 0.99, "< 1 % of runs fail"),
    Objective("api_p95", "submit", 0.95, "P95 < 500 ms", 0.5),
    Objective("api_p95", "read", 0.95, "P95 < 500 ms", 0.5),
    Objective("availability", "api", 0.999, "> 99.9 % of the time"),
    Objective("database_p95", "query", 0.95, "P95 < 100 ms", 0.1),
)


@dataclass(frozen=True, slots=True)
class Events:
    """So many, and how many of them were not good. Of availability: seconds. `p95`: of times, in seconds."""

    total: float
    bad: float
    p95: float | None = None

    @property
    def share(self) -> float | None:
        return self.bad / self.total if self.total else None


@dataclass(frozen=True, slots=True)
class Window:
    """`known_since`: when the first process was there, where that is later than `since`. `died`: processes that ended
    without being asked: of each, what it saw in its last minute is missing."""

    since: datetime
    until: datetime
    known_since: datetime | None = None
    died: int = 0


@dataclass(frozen=True, slots=True)
class Budget:
    """In events, or in seconds. `left`: share of it; less than 0: overdrawn."""

    allowed: float
    used: float
    left: float


@dataclass(frozen=True, slots=True)
class Measure:
    """How one objective fared. `burn`: by the window it is of, None where nothing happened."""

    objective: Objective
    state: State
    events: Events
    budget: Budget | None
    burn: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Report:
    window: Window
    measures: Sequence[Measure]

    def level(self, name: str) -> State:
        """Of all that it is promised of: missed when one is; met when one is, and none is missed."""
        told = {one.state for one in self.measures if one.objective.level == name}
        for state in (State.MISSED, State.MET):
            if state in told:
                return state
        return State.NO_DATA

    @property
    def levels(self) -> dict[str, State]:
        return {name: self.level(name) for name in dict.fromkeys(one.objective.level for one in self.measures)}

    def to_json(self) -> dict[str, Any]:
        window = self.window
        return {
            "since": window.since.isoformat(), "until": window.until.isoformat(),
            "known_since": None if window.known_since is None else window.known_since.isoformat(),
            "processes_died": window.died, "levels": {name: state.value for name, state in self.levels.items()},
            "objectives": [_measure_json(one) for one in self.measures],
        }  # fmt: skip


def judge(window: Window, seen: Mapping[str, Events], lately: Mapping[str, Mapping[str, Events]]) -> Report:
    """`seen`: in the window, by what the events are of. `lately`: the same in the windows of burn rates, by name."""
    return Report(window, [_measure(one, seen, lately) for one in OBJECTIVES])


def events_of(counts: Mapping[int, int], under: float | None) -> Events:
    """`counts` by bucket."""
    total = sum(counts.values())
    if under is None:
        return Events(total, counts.get(BAD, 0))
    bad = sum(count for bucket, count in counts.items() if bucket > BOUNDS.index(under))
    return Events(total, bad, _quantile(counts, 0.95) if total else None)


def bucket_of(seconds: float) -> int:
    for bucket, bound in enumerate(BOUNDS):
        if seconds <= bound:
            return bucket
    return len(BOUNDS)


def parse_window(text: str) -> timedelta:
    """Raises `InvalidInput`."""
    found = _WINDOW.fullmatch(text.strip())
    length = timedelta(0) if found is None else int(found[1]) * _UNITS[found[2]]
    if not timedelta(minutes=5) <= length <= LONGEST:
        raise InvalidInput(f"{text[:20]!r} is no window.", hint="Such as 1h, 24h, 7d, 30d; from 5m to 90d.")
    return length


def shown(length: timedelta) -> str:
    """As `parse_window` reads it."""
    name = next(one for one in ("d", "h", "m") if length % _UNITS[one] == timedelta(0))
    return f"{length // _UNITS[name]}{name}"


def _measure(one: Objective, seen: Mapping[str, Events], lately: Mapping[str, Mapping[str, Events]]) -> Measure:
    events, allowed = seen.get(one.of, Events(0, 0)), 1 - one.good
    share = events.share
    burn = {name: _burn(of.get(one.of), allowed) for name, of in lately.items()}
    if share is None:
        return Measure(one, State.NO_DATA, events, None, burn)
    # "P95 < 500 ms" holds when 5 % take longer; "< 1 %" does not hold at 1 %.
    met = share <= allowed + 1e-12 if one.under is not None else share < allowed - 1e-12
    budget = Budget(events.total * allowed, events.bad, 1 - share / allowed)
    return Measure(one, State.MET if met else State.MISSED, events, budget, burn)


def _burn(events: Events | None, allowed: float) -> float | None:
    share = None if events is None else events.share
    return None if share is None else share / allowed


def _quantile(counts: Mapping[int, int], wanted: float) -> float:
    """Between the ends of its bucket, as Prometheus' histogram_quantile has it; in the last one, where that begins."""
    rank, before = wanted * sum(counts.values()), 0
    for bucket in sorted(counts):
        if before + counts[bucket] >= rank and counts[bucket]:
            if bucket >= len(BOUNDS):
                return BOUNDS[-1]
            low = BOUNDS[bucket - 1] if bucket else 0.0
            return low + (BOUNDS[bucket] - low) * (rank - before) / counts[bucket]
        before += counts[bucket]
    return BOUNDS[-1]


def _measure_json(one: Measure) -> dict[str, Any]:
    budget = one.budget
    return {
        "level": one.objective.level, "of": one.objective.of, "objective": one.objective.said, "state": one.state.value,
        "total": one.events.total, "bad": one.events.bad, "bad_share": one.events.share, "p95": one.events.p95,
        "budget": budget and {"allowed": budget.allowed, "used": budget.used, "left": budget.left}, "burn": one.burn,
    }  # fmt: skip
