from __future__ import annotations

import math
import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.ship.evaluation import binomial


@pytest.mark.parametrize(
    ("passed", "of", "low", "high"),
    [  # Clopper-Pearson at 90 %, as tables have it
        (10, 10, 0.7411, 1.0),
        (0, 10, 0.0, 0.2589),
        (8, 10, 0.4931, 0.9632),
        (81, 263, 0.2609, 0.3583),
    ],
)
def test_the_interval_is_that_of_the_tables(passed: int, of: int, low: float, high: float) -> None:
    assert binomial.interval(passed, of, 0.05) == (pytest.approx(low, abs=2e-4), pytest.approx(high, abs=2e-4))


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.01, 0.99))
def test_tails_add_up(passed: int, more: int, rate: float) -> None:
    of = passed + more
    whole = binomial.at_least(passed + 1, of, rate) + binomial.at_most(passed, of, rate) if more else 1.0
    assert whole == pytest.approx(1.0, abs=1e-9)


def test_the_interval_holds_for_cases_that_differ() -> None:
    """Half of the cases always pass, the others now and then: the interval misses the mean less often than promised."""
    lucky, missed = random.Random(7), 0
    rates = [1.0] * 10 + [0.7] * 10
    for _ in range(2000):
        passed = sum(lucky.random() < rate for rate in rates)
        missed += binomial.interval(passed, 20, 0.05)[0] > 0.85
    assert missed / 2000 <= 0.05


@settings(deadline=None)
@given(st.lists(st.sampled_from([-1, 1]), max_size=14))
def test_pairs_of_one_size_are_mcnemars(signs: list[int]) -> None:
    better, of = signs.count(1), len(signs)
    least = min(better, of - better)
    exact = min(1.0, 2 * sum(math.comb(of, k) for k in range(least + 1)) / 2**of)
    assert binomial.in_pairs([Fraction(one) for one in signs]) == pytest.approx(exact)


@settings(deadline=None)
@given(st.lists(st.fractions(-1, 1, max_denominator=6), max_size=9))
def test_pairs_are_permuted_exactly(differences: list[Fraction]) -> None:
    found = abs(sum(differences))
    sums = [Fraction(0)]
    for one in differences:
        sums = [total + sign * one for total in sums for sign in (1, -1)]
    wanted = sum(abs(total) >= found for total in sums) / len(sums)
    assert binomial.in_pairs(differences) == pytest.approx(wanted)


def test_many_cases_are_no_trouble() -> None:
    assert binomial.in_pairs([Fraction(1, 7), Fraction(-2, 5)] * 300) < 1e-6
    assert binomial.interval(4500, 5000, 0.05)[0] == pytest.approx(0.8928, abs=1e-3)
