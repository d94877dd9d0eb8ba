"""Which fault strikes whom and when: a pure function of the seed, so that a bad night can be had again."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    KILL = "kill -9 of a worker"
    KILL_ALL = "kill -9 of all workers"
    TERM = "SIGTERM, drain"
    STOP = "SIGSTOP beyond the lease"
    CUT = "connections terminated"
    PARTITION = "network stalled beyond the lease"
    RESTART = "database crash and restart"
    DISK = "disk full"
    CLOCK = "clock moved by an hour"


_WEIGHTS: dict[str, dict[Kind, int]] = {
    "sqlite": {Kind.KILL: 50, Kind.KILL_ALL: 8, Kind.TERM: 8, Kind.STOP: 16, Kind.DISK: 9, Kind.CLOCK: 9},
    "postgres": {
        Kind.KILL: 34, Kind.KILL_ALL: 6, Kind.TERM: 6, Kind.STOP: 11, Kind.CUT: 18, Kind.PARTITION: 9,
        Kind.RESTART: 6, Kind.DISK: 4, Kind.CLOCK: 6,
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """`aimed`: not before the worker holds a run. `wait`: seconds from then; `lasts`: until it is mended."""

    number: int
    kind: Kind
    slot: int
    aimed: bool
    wait: float
    lasts: float
    forward: bool  # of the clock
    hard: bool  # of a restart: every process of the server killed, not stopped by its own means


def plan(seed: int, count: int, *, database: str, slots: int, lease: float, only: Sequence[Kind] = ()) -> list[Fault]:
    """The first of every kind come early, so that a short battery has them all."""
    chance = random.Random(f"{seed}/{database}")
    weights = {kind: weight for kind, weight in _WEIGHTS[database].items() if not only or kind in only}
    kinds = list(weights)
    chance.shuffle(kinds)
    drawn = kinds[:count] + chance.choices(list(weights), list(weights.values()), k=max(0, count - len(kinds)))
    return [_fault(chance, number, kind, slots, lease) for number, kind in enumerate(drawn, 1)]


def _fault(chance: random.Random, number: int, kind: Kind, slots: int, lease: float) -> Fault:
    # The same draws for every kind: what one fault is does not depend on the kinds before it.
    slot, aim, wait, length = chance.randrange(slots), chance.random(), chance.random(), chance.random()
    forward, hard = chance.random() < 0.5, chance.random() < 0.5
    lasts = {
        Kind.STOP: lease * (1.15 + 0.5 * length),
        Kind.PARTITION: lease * (1.15 + 0.5 * length),
        Kind.DISK: 0.4 + 1.2 * length,
        Kind.CLOCK: 1.2 + 1.0 * length,
        Kind.RESTART: 0.1 + 0.5 * length,
    }.get(kind, 0.25 * length)
    return Fault(number, kind, slot, aim < 0.9, 0.12 * wait, lasts, forward, hard)
