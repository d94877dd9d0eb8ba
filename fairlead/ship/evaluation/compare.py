"""Two evaluations of a suite, case by case: what has become better, what worse. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from fairlead.ship.evaluation import binomial
from fairlead.ship.evaluation.outcome import Outcome, by_case, cost_nano, p95, passed


@dataclass(frozen=True, slots=True)
class Pair:
    """Of one case: passed and asked, before and after."""

    case: str
    before: tuple[int, int]
    after: tuple[int, int]

    @property
    def difference(self) -> Fraction:
        return Fraction(*self.after) - Fraction(*self.before)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`pairs`: cases that both have, unchanged, and that both could ask. `chance`: how probable differences as large
    as these are if nothing has changed. `others`: cases that can't be compared. Costs are of one answer, without those
    of judges; None where there is none."""

    pairs: tuple[Pair, ...]
    chance: float
    others: tuple[str, ...]
    cost_nano: tuple[float | None, float | None]
    p95: tuple[float | None, float | None]

    @property
    def better(self) -> list[Pair]:
        return [one for one in self.pairs if one.difference > 0]

    @property
    def worse(self) -> list[Pair]:
        return [one for one in self.pairs if one.difference < 0]


def compare(before: Sequence[Outcome], after: Sequence[Outcome]) -> Comparison:
    old, new = _told(before), _told(after)
    shared = [case for case in old if case in new and old[case][0].digest == new[case][0].digest]
    pairs = tuple(Pair(case, _counts(old[case]), _counts(new[case])) for case in shared)
    others = dict.fromkeys(one.case for one in (*before, *after) if one.case not in shared)
    first, second = [one for case in shared for one in old[case]], [one for case in shared for one in new[case]]
    return Comparison(
        pairs, binomial.in_pairs([one.difference for one in pairs]), tuple(others), (_each(first), _each(second)),
        (p95(first), p95(second)),
    )  # fmt: skip


def _told(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    return by_case(one for one in outcomes if one.asked)


def _counts(outcomes: Sequence[Outcome]) -> tuple[int, int]:
    return passed(outcomes), len(outcomes)


def _each(outcomes: Sequence[Outcome]) -> float | None:
    judges = sum(one.judge_nano for one in outcomes)
    return (cost_nano(outcomes) - judges) / len(outcomes) if outcomes else None
