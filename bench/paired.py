"""What one thing costs more than another, where a shared machine is as fast as it likes from second to second.

Both are done in turn, in blocks that read the same forwards and backwards, so that a machine that grows slower grows
slower for both. Of the differences of the blocks, the estimate of Hodges and Lehmann: the median of the means of all
pairs of them, which a few disturbed blocks do not move, and which needs two thirds of the blocks that a median needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement
from math import sqrt

_TWO_SIDED_95 = 1.96


def interval(differences: Sequence[float]) -> list[float]:
    """The estimate, and what holds it with 95 % (from the signed ranks of Wilcoxon): least, estimate, greatest."""
    means = sorted((one + other) / 2 for one, other in combinations_with_replacement(differences, 2))
    count, middle = len(differences), len(means) / 2
    reach = _TWO_SIDED_95 * sqrt(count * (count + 1) * (2 * count + 1) / 24)
    low = max(0, round(middle - reach))
    half = (len(means) - 1) // 2
    return [means[low], (means[half] + means[-1 - half]) / 2, means[-1 - low]]
