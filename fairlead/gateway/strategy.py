"""In which order the targets of a declared model are asked: a choice among values."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Strategy(StrEnum):
    FAILOVER = "failover"  # as they are declared
    ROUND_ROBIN = "round_robin"
    WEIGHTED = "weighted"
    RANDOM = "random"


@dataclass(frozen=True, slots=True)
class Target:
    """One model of one provider that may answer, and its share where the strategy is `weighted`."""

    model: str
    weight: float = 1.0


def order(strategy: Strategy, targets: Sequence[Target], *, turn: int, random: Callable[[], float]) -> tuple[str, ...]:
    """All targets, the chosen one first, then those that may stand in for it.

    `turn` counts the calls so far (round_robin); `random` gives numbers from 0 to 1.
    """
    match strategy:
        case Strategy.FAILOVER:
            return tuple(target.model for target in targets)
        case Strategy.ROUND_ROBIN:
            first = turn % len(targets)
            return tuple(target.model for target in (*targets[first:], *targets[:first]))
        case Strategy.WEIGHTED:
            return _drawn(targets, random)
        case Strategy.RANDOM:
            return _drawn([Target(target.model) for target in targets], random)


def _drawn(targets: Sequence[Target], random: Callable[[], float]) -> tuple[str, ...]:
    """Drawn one after another by weight: who stands in for the first is drawn by weight too."""
    left, drawn = list(targets), list[str]()
    while left:
        point = random() * sum(target.weight for target in left)
        for target in left[:-1]:
            point -= target.weight
            if point < 0:
                break
        else:
            target = left[-1]
        left.remove(target)
        drawn.append(target.model)
    return tuple(drawn)


def steady(key: str) -> Callable[[], float]:
    """Numbers from 0 to 1 that are always the same for the same key: a thread stays with its model."""
    count = 0

    def draw() -> float:
        nonlocal count
        count += 1
        digest = hashlib.blake2b(f"{key}:{count}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2**64

    return draw
