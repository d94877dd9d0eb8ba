"""How a project wants to be shipped."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from fairlead.errors import InvalidInput
from fairlead.ship.verdict import Limits


class Strategy(StrEnum):
    ROLLING = "rolling"
    BLUE_GREEN = "blue-green"
    CANARY = "canary"
    GRADUAL = "gradual"


class Fill(StrEnum):
    """What a canary that sees little is given beside what callers ask."""

    NOTHING = "nothing"
    PROBES = "probes"  # the requests of the smoke suite
    CASES = "cases"  # those of the evaluation suite


class Unclear(StrEnum):
    """What becomes of a canary of which the figures say too little."""

    ROLL_BACK = "roll-back"
    PROMOTE = "promote"  # by a person who knows


@dataclass(frozen=True, slots=True)
class Terms:
    """How to ship. Times are in seconds. `one_way`: what its migration did can't be taken back."""

    strategy: Strategy = Strategy.BLUE_GREEN
    instances: int = 1
    max_surge: int = 1
    max_unavailable: int = 0
    steps: tuple[int, ...] = (10, 50)
    watch: float = 300.0
    every: float = 30.0
    hold: float = 600.0  # how long an unclear canary is watched on
    unclear: Unclear = Unclear.ROLL_BACK
    ready_within: float = 300.0
    bake: float = 1800.0
    limits: Limits = field(default_factory=Limits)
    preflight: bool = False
    backup: bool = False
    migrate: bool = False
    one_way: bool = False
    evaluate: bool = False
    fill: Fill = Fill.NOTHING
    paces: int = 5  # of a gradual one
    pace: float = 60.0

    def __post_init__(self) -> None:
        if not 1 <= self.paces <= 100:
            raise InvalidInput("A gradual deploy has 1 to 100 paces.")
        if self.instances < 1 or self.max_surge < 0 or not 0 <= self.max_unavailable <= self.instances:
            raise InvalidInput("There must be one instance at least, and not more unavailable than there are.")
        if self.strategy is Strategy.ROLLING and self.max_surge + self.max_unavailable == 0:
            raise InvalidInput("A rolling deploy that may have neither more nor fewer instances can't begin.")
        if list(self.steps) != sorted(set(self.steps)) or not all(0 < one < 100 for one in self.steps):
            raise InvalidInput("The steps of a canary are shares between 1 and 99, each larger than the one before.")
