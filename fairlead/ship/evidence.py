"""How sure we may be that one release is worse than another, looked at as often as one likes. Pure.

All of it are e-values: what is multiplied up, look by look, stays below 20 in all but one of twenty cases in which
nothing is wrong, however often and whenever one looks (Ville's inequality). So a canary may be watched every half
minute without ten looks making ten times the false alarms.

- Errors: conditional on how many there were in all, those of the canary are hypergeometric when both releases are
  equal, whatever the rate is (Fisher's exact test); against it odds ratios of 1.5 to 20, mixed.
- A share that must not be passed: binomial against larger shares, mixed (Wald's sequential ratio).
- Latency and cost: the rank sum of Mann and Whitney over the buckets of two histograms, with ties, as a standard
  normal; against it shifts of 0.5 to 8 standard errors, mixed. Each look must have enough of both.

Ville (1939); Ramdas, Grünwald, Vovk, Shafer, Game-theoretic statistics and safe anytime-valid inference (2023).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

_ODDS = (1.5, 2.0, 3.0, 5.0, 10.0, 20.0)
_TIMES = (1.5, 2.0, 4.0, 8.0)  # of a share that must not be passed
_SHIFTS = (0.5, 1.0, 2.0, 4.0, 8.0)
_MOST = 1e12  # beyond it nobody asks how much
LEAST_RANKED = 8  # of each side, for a rank sum to be nearly normal

Histogram = Mapping[float, int]
"""How many fell into the bucket that ends at this value (inclusive); the last may end at infinity."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Of so many, so many were bad."""

    of: int
    bad: int


def worse_rate(looks: Iterable[tuple[Counts, Counts]]) -> float:
    """Evidence that the second of each pair has the higher share of bad ones."""
    logs = [0.0] * len(_ODDS)
    for stable, canary in looks:
        for place, odds in enumerate(_ODDS):
            logs[place] += _hypergeometric(stable, canary, odds)
    return _mixed(logs)


def above(share: float, looks: Iterable[Counts]) -> float:
    """Evidence that more than this share of all are bad."""
    logs: list[float] = []
    counted = list(looks)
    of, bad = sum(one.of for one in counted), sum(one.bad for one in counted)
    for times in _TIMES:
        other = min(share * times, (1 + share) / 2)
        logs.append(bad * math.log(other / share) + (of - bad) * math.log((1 - other) / (1 - share)))
    return _mixed(logs)


def worse_values(looks: Iterable[tuple[Histogram, Histogram]]) -> float:
    """Evidence that values of the second of each pair are larger. Looks with too few of either are put together with
    the next one."""
    logs = [0.0] * len(_SHIFTS)
    stable, canary = dict[float, int](), dict[float, int]()
    for more_stable, more_canary in looks:
        stable, canary = merged(stable, more_stable), merged(canary, more_canary)
        if min(sum(stable.values()), sum(canary.values())) < LEAST_RANKED:
            continue
        z = rank_sum(stable, canary)
        for place, shift in enumerate(_SHIFTS):
            logs[place] += shift * z - shift * shift / 2
        stable, canary = {}, {}
    return _mixed(logs)


def rank_sum(first: Histogram, second: Histogram) -> float:
    """The standard score of the Mann-Whitney rank sum: positive when values of the second are larger. Ties (those in
    one bucket) share their rank. Lehmann, Nonparametrics (1975), 1.4."""
    n, m = sum(first.values()), sum(second.values())
    total = n + m
    if n == 0 or m == 0:
        return 0.0
    below, ranks, ties = 0, 0.0, 0
    for value in sorted(first.keys() | second.keys()):
        here = first.get(value, 0) + second.get(value, 0)
        ranks += second.get(value, 0) * (below + (here + 1) / 2)
        ties += here**3 - here
        below += here
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1))) if total > 1 else 0.0
    return (ranks - m * (total + 1) / 2) / math.sqrt(variance) if variance > 0 else 0.0


def merged(first: Histogram, second: Histogram) -> dict[float, int]:
    return {value: first.get(value, 0) + second.get(value, 0) for value in first.keys() | second.keys()}


def unstacked(upto: Mapping[float, float]) -> dict[float, int]:
    """A histogram as Prometheus counts it, in which each bucket holds those below it too, with each in one."""
    found, below = dict[float, int](), 0.0
    for end in sorted(upto):
        if (here := round(upto[end] - below)) > 0:
            found[end] = here
        below = upto[end]
    return found


def quantile(histogram: Histogram, share: float) -> float | None:
    """The end of the bucket in which it lies: an upper bound. None when there is nothing."""
    total, below = sum(histogram.values()), 0
    for value in sorted(histogram):
        below += histogram[value]
        if below >= share * total and below > 0:
            return value
    return None


def over(histogram: Histogram, bound: float) -> Counts:
    """How many lie wholly beyond the bound."""
    ends = sorted(histogram)
    begins = dict(zip(ends, [0.0, *ends], strict=False))
    return Counts(sum(histogram.values()), sum(count for end, count in histogram.items() if begins[end] >= bound))


@lru_cache(maxsize=4096)  # the looks of a watch are weighed again with each that follows
def _hypergeometric(stable: Counts, canary: Counts, odds: float) -> float:
    """The logarithm of how much likelier the canary's share of the bad ones is under these odds than under none."""
    bad = stable.bad + canary.bad
    if bad == 0 or stable.of == 0 or canary.of == 0:
        return 0.0
    low, high = max(0, bad - stable.of), min(bad, canary.of)
    weights = [_choose(canary.of, k) + _choose(stable.of, bad - k) for k in range(low, high + 1)]
    tilted = [weight + k * math.log(odds) for k, weight in enumerate(weights, low)]
    return canary.bad * math.log(odds) + _log_sum(weights) - _log_sum(tilted)


def _choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _log_sum(logs: Sequence[float]) -> float:
    most = max(logs)
    return most + math.log(sum(math.exp(one - most) for one in logs))


def _mixed(logs: Sequence[float]) -> float:
    value = _log_sum(logs) - math.log(len(logs))
    return _MOST if value >= math.log(_MOST) else math.exp(value)
