"""Whether a release is good enough, by what came of its trials. Pure.

    outcomes ──► accuracy: the interval beside the least ──► pass | fail | unclear
                 cost: all of it, beside the most        ──► pass | fail
                 latency: p95, beside the most           ──► pass | fail

A pass is wrong in 1 of 20 evaluations at most, and so is a fail. What could not be asked is neither: for a fail it is
taken for passed, and nothing passes while there is any.

The accuracy is that of the suite: were its cases asked for ever, such a share of the answers would pass. Of questions
that are not in it nothing is said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fairlead.errors import InvalidInput
from fairlead.ship.evaluation import binomial
from fairlead.ship.evaluation.outcome import Outcome, cost_nano, p95, passed
from fairlead.ship.verdict import Finding, Verdict

DOUBT = 0.05  # on each side
NANO = 1_000_000_000
_MOST_TRIALS = 100  # of a case, that are advised


@dataclass(frozen=True, slots=True)
class Bounds:
    """Dollars for the whole evaluation; seconds for 95 % of the answers. Raises `InvalidInput`."""

    min_accuracy: float = 0.85
    max_cost: float = 2.0
    max_latency: float = 30.0

    def __post_init__(self) -> None:
        if not 0 <= self.min_accuracy < 1:  # NaN too
            raise InvalidInput(
                f"The least accuracy is from 0 to below 1, and not {self.min_accuracy:g}.",
                hint="No number of trials shows that all answers are right: ask for 0.95 or 0.99.",
            )
        if not 0 <= self.max_cost < math.inf:
            raise InvalidInput(f"The most it may cost is 0 or more dollars, and not {self.max_cost:g}.")
        if not 0 < self.max_latency < math.inf:
            raise InvalidInput(f"The longest an answer may take is more than 0 seconds, and not {self.max_latency:g}.")

    @property
    def max_cost_nano(self) -> int:
        return round(self.max_cost * NANO)

    @property
    def least_outcomes(self) -> int:
        """So many, all passed, are enough to pass."""
        if self.min_accuracy == 0:
            return 1
        return math.ceil(math.log(DOUBT) / math.log(self.min_accuracy) - 1e-9)


def trials_of(cases: int, bounds: Bounds) -> int:
    """The fewest of each case with which the suite can pass."""
    return math.ceil(bounds.least_outcomes / cases)


def judge(outcomes: Sequence[Outcome], bounds: Bounds, *, planned: int) -> list[Finding]:
    """`planned`: how many outcomes there should be. One finding each: accuracy, cost, latency."""
    return [_accuracy(outcomes, bounds, planned), _cost(outcomes, bounds), _latency(outcomes, bounds)]


def trials_to_pass(good: int, of: int, cases: int, bounds: Bounds) -> int | None:
    """How many of each case would pass, if as large a share of them is right. None: not even very many."""
    for trials in range(math.ceil(of / cases), _MOST_TRIALS + 1):
        more = trials * cases
        if _clears(math.floor(more * good / of), more, bounds.min_accuracy):
            return trials
    return None


def _accuracy(outcomes: Sequence[Outcome], bounds: Bounds, planned: int) -> Finding:
    good, asked = passed(outcomes), sum(one.asked for one in outcomes)
    lost, missing = len(outcomes) - asked, planned - asked
    if asked == 0:
        return Finding("accuracy", Verdict.COULD_NOT_ASK, f"none of {planned} answers could be had")
    low, high = binomial.interval(good, asked, DOUBT)
    said = f"{good / asked:.1%} of {asked} answers, so between {low:.1%} and {high:.1%}"
    said += f"; at least {bounds.min_accuracy:.1%} is wanted"
    if binomial.at_most(good + missing, planned, bounds.min_accuracy) <= DOUBT:
        return Finding("accuracy", Verdict.FAIL, said)
    if lost:
        return Finding("accuracy", Verdict.COULD_NOT_ASK, f"{said}; {lost} could not be had")
    if _clears(good, planned, bounds.min_accuracy):
        return Finding("accuracy", Verdict.PASS, said)
    return Finding("accuracy", Verdict.UNCLEAR, said)


def _clears(good: int, of: int, least: float) -> bool:
    return least == 0 or binomial.at_least(good, of, least) <= DOUBT + 1e-12


def _cost(outcomes: Sequence[Outcome], bounds: Bounds) -> Finding:
    spent = cost_nano(outcomes)
    said = f"${spent / NANO:.4g}, at most ${bounds.max_cost:.4g}"
    if spent > bounds.max_cost_nano:
        return Finding("cost", Verdict.FAIL, said)
    return Finding("cost", Verdict.PASS if any(one.asked for one in outcomes) else Verdict.COULD_NOT_ASK, said)


def _latency(outcomes: Sequence[Outcome], bounds: Bounds) -> Finding:
    found = p95(outcomes)
    if found is None:
        return Finding("latency", Verdict.COULD_NOT_ASK, "no answer")
    said = f"p95 {found:.3g} s, at most {bounds.max_latency:g} s"
    return Finding("latency", Verdict.FAIL if found > bounds.max_latency else Verdict.PASS, said)
