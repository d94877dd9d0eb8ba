"""What figures can tell, and how often they are wrong."""

from __future__ import annotations

import math
import random

import pytest

from fairlead.ship.evidence import Counts, above, over, quantile, rank_sum, worse_rate, worse_values
from fairlead.ship.rehearsal import Behaviour
from fairlead.ship.verdict import Figures, Limits, Look, Verdict, judge, verdict_of
from tests.ship.canaries import outcome


def test_a_rank_sum_is_that_of_the_textbook() -> None:
    """Lehmann (1975), 1.2: ranks 2, 4, 5 of 5, of which the sum is 11 against 9 expected, variance 3."""
    assert rank_sum({1: 1, 3: 1}, {2: 1, 4: 1, 5: 1}) == pytest.approx((11 - 9) / math.sqrt(3))
    assert rank_sum({1: 5}, {1: 5}) == 0.0
    assert rank_sum({}, {1: 5}) == 0.0
    assert rank_sum({1: 10}, {2: 10}) > 4 > -4 > rank_sum({2: 10}, {1: 10})


def test_quantiles_and_what_lies_beyond_are_of_whole_buckets() -> None:
    histogram = {1.0: 90, 60.0: 5, math.inf: 5}
    assert (quantile(histogram, 0.5), quantile(histogram, 0.95), quantile(histogram, 0.99)) == (1.0, 60.0, math.inf)
    assert quantile({}, 0.5) is None
    assert over(histogram, 60.0) == Counts(100, 5)


def test_evidence_grows_with_what_is_wrong_and_not_with_looking() -> None:
    fair = [(Counts(900, 9), Counts(100, 1))]
    assert worse_rate(fair * 10) < 1 and worse_rate([]) == 1.0
    assert worse_rate([(Counts(900, 9), Counts(100, 10))]) > 1000
    assert worse_rate([(Counts(900, 90), Counts(100, 0))]) < 1
    assert above(0.05, [Counts(100, 5)]) < 5 < 200 < above(0.05, [Counts(100, 20)])
    assert worse_values([({1.0: 3}, {9.0: 3})]) == 1.0, "too few to be ranked"
    assert worse_values([({1.0: 3}, {9.0: 3})] * 3) > 10, "until there are enough together"


def test_of_equal_releases_few_are_ever_called_worse_however_often_one_looks() -> None:
    """Ville's inequality: 1 in 20 at most passes 20."""
    wrong, trials = 0, 400
    for seed in range(trials):
        rng = random.Random(seed)
        looks: list[tuple[Counts, Counts]] = []
        for _ in range(60):
            looks.append((Counts(90, _bad(rng, 90)), Counts(10, _bad(rng, 10))))
            if worse_rate(looks) >= 20:
                wrong += 1
                break
    assert wrong / trials <= 0.05


def _bad(rng: random.Random, of: int) -> int:
    return sum(rng.random() < 0.02 for _ in range(of))


@pytest.mark.parametrize("bad", [Behaviour(error_rate=0.10), Behaviour(latency=3.0), Behaviour(cost=0.06)])
async def test_bad_releases_are_found_in_a_hundred_of_a_hundred(bad: Behaviour) -> None:
    """Ten times the errors, three times the latency, three times the cost; 300 requests of the canary."""
    assert [await outcome(bad, seed=seed) for seed in range(100)] == [Verdict.FAIL] * 100


async def test_good_releases_pass_and_few_are_failed() -> None:
    told = [await outcome(Behaviour(), seed=seed) for seed in range(200)]
    assert told.count(Verdict.PASS) + told.count(Verdict.FAIL) == 200
    assert told.count(Verdict.FAIL) <= 4


async def test_nothing_passes_on_few_figures_or_none() -> None:
    few = [await outcome(Behaviour(), seed=seed, rate=1.0) for seed in range(50)]
    assert set(few) <= {Verdict.UNCLEAR, Verdict.FAIL} and few.count(Verdict.FAIL) <= 1
    assert await outcome(Behaviour(silent=True), seed=1) is Verdict.COULD_NOT_ASK
    assert verdict_of([]) is Verdict.COULD_NOT_ASK
    assert verdict_of(judge([Look(Figures(0, 0), Figures(0, 0))], Limits())) is Verdict.UNCLEAR
