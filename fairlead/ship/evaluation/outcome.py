"""What came of one trial of one case, and the figures of many."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Result(StrEnum):
    PASSED = "passed"
    FAILED = "failed"  # the agent failed, or a scorer says no
    COULD_NOT_ASK = "could_not_ask"  # it says nothing of the agent: nobody answered, or a scorer broke


@dataclass(frozen=True, slots=True)
class Outcome:
    """`digest`: of the case, as it was then. `why`: what is against it, in words. `scores`: by scorer. `kept`: the run
    that the case was kept from; empty for one of the suite's file."""

    case: str
    digest: str
    trial: int  # from 1
    result: Result
    why: str = ""
    scores: Mapping[str, bool | float | str] = field(default_factory=dict[str, bool | float | str])
    seconds: float = 0.0
    cost_nano: int = 0
    judge_nano: int = 0  # what the models cost that judged it
    run_id: str = ""
    release: str = ""
    output: Any = None
    kept: str = ""
    expected: Any = None

    @property
    def asked(self) -> bool:
        return self.result is not Result.COULD_NOT_ASK


def by_case(outcomes: Iterable[Outcome]) -> dict[str, list[Outcome]]:
    """In the order of their first trials."""
    found: dict[str, list[Outcome]] = {}
    for one in outcomes:
        found.setdefault(one.case, []).append(one)
    return found


def passed(outcomes: Iterable[Outcome]) -> int:
    return sum(one.result is Result.PASSED for one in outcomes)


def cost_nano(outcomes: Iterable[Outcome]) -> int:
    """All of it: the agent's and the judges'."""
    return sum(one.cost_nano + one.judge_nano for one in outcomes)


def p95(outcomes: Iterable[Outcome]) -> float | None:
    """Seconds that 95 % of the answers took at most, by nearest rank: of 19 and fewer, the slowest. None of none."""
    return nearest_rank(sorted(one.seconds for one in outcomes if one.asked), 0.95)


def nearest_rank(ordered: Sequence[float], share: float) -> float | None:
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None
