"""Exact statistics of passes among trials, and of differences in pairs. Pure.

The interval is that of Clopper and Pearson (Biometrika 26, 1934). It holds for trials of *different* cases too, which
pass with different probabilities: such a sum is spread less than the binomial one of the same mean (Hoeffding, Annals
of Mathematical Statistics 27, 1956), so it is too wide for the mean rather than too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction


def at_least(passed: int, of: int, rate: float) -> float:
    """How probable so many passes or more are at this rate."""
    return math.fsum(_probability(k, of, rate) for k in range(passed, of + 1)) if passed > 0 else 1.0


def at_most(passed: int, of: int, rate: float) -> float:
    """How probable so many passes or fewer are at this rate."""
    return math.fsum(_probability(k, of, rate) for k in range(passed + 1)) if passed < of else 1.0


def interval(passed: int, of: int, doubt: float) -> tuple[float, float]:
    """Rates between which the true one is; on each side it is beyond with a probability of `doubt` at most."""
    low = 0.0 if passed == 0 else _root(lambda rate: at_least(passed, of, rate) <= doubt)
    high = 1.0 if passed == of else _root(lambda rate: at_most(passed, of, rate) > doubt)
    return low, high


def in_pairs(differences: Sequence[Fraction]) -> float:
    """How probable a sum as far from 0 as this is when each difference might as well have the other sign (Fisher's
    permutation test, two-sided, exact). Of differences of one size it is McNemar's exact test."""
    told = [one for one in differences if one]
    scale = math.lcm(*(one.denominator for one in told))
    sizes = [abs(int(one * scale)) for one in told]
    sums = {0: 1}
    for size in sizes:
        more: dict[int, int] = {}
        for total, ways in sums.items():
            for sign in (size, -size):
                more[total + sign] = more.get(total + sign, 0) + ways
        sums = more
    found = abs(int(sum(told) * scale))
    return float(Fraction(sum(ways for total, ways in sums.items() if abs(total) >= found), 2 ** len(sizes)))


def _probability(k: int, of: int, rate: float) -> float:
    if rate <= 0.0 or rate >= 1.0:
        return float(k == (0 if rate <= 0.0 else of))
    ways = math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1)
    return math.exp(ways + k * math.log(rate) + (of - k) * math.log1p(-rate))


def _root(below: Callable[[float], bool]) -> float:
    """Where it changes from true to false on the way from 0 to 1."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return (low + high) / 2
