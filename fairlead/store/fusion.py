"""One order out of two: reciprocal rank fusion, which needs no scores that could be compared.

Cormack, Clarke and Büttcher: Reciprocal rank fusion outperforms Condorcet and individual rank learning methods, SIGIR
2009. A thing at rank r of a list gets 1 / (60 + r) from it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import TypeVar

Thing = TypeVar("Thing", bound=Hashable)
K = 60


def fused(*lists: Sequence[Thing]) -> list[tuple[Thing, float]]:
    """Each thing once, the best first, with its score. Who is best in a list goes first where scores are equal."""
    scores: defaultdict[Thing, float] = defaultdict(float)
    for ranked in lists:
        for rank, thing in enumerate(ranked, 1):
            scores[thing] += 1 / (K + rank)
    return sorted(scores.items(), key=lambda one: -one[1])
