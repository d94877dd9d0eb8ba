"""What a benchmark answers: plain values, and whether a goal is met."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Goal:
    """`at_most`: smaller is better."""

    value: float
    at_most: bool

    def met(self, figure: float) -> bool:
        return figure <= self.value if self.at_most else figure >= self.value

    def __str__(self) -> str:
        return f"{'<=' if self.at_most else '>='} {number(self.value)}"


def at_least(value: float) -> Goal:
    return Goal(value, at_most=False)


def at_most(value: float) -> Goal:
    return Goal(value, at_most=True)


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing measured, once in each repeat, for Fairlead and for a peer beside it (empty: there is none)."""

    what: str
    unit: str
    ours: list[float]
    goal: Goal | None = None
    peer: str = ""
    theirs: list[float] = field(default_factory=list[float])

    @property
    def value(self) -> float:
        return median(self.ours)

    @property
    def ratio(self) -> float | None:
        """Ours over theirs."""
        return self.value / median(self.theirs) if self.theirs and median(self.theirs) else None

    @property
    def verdict(self) -> str:
        if self.goal is None:
            return ""
        return "met" if self.goal.met(self.value) else "NOT MET"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> Figure:
        goal = Goal(**data["goal"]) if data["goal"] else None
        return Figure(**{**data, "goal": goal})


@dataclass(frozen=True, slots=True)
class Result:
    """One benchmark, as it was run."""

    name: str
    title: str
    work: str  # what was done, for a reader
    figures: list[Figure]
    notes: list[str] = field(default_factory=list[str])
    curve: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])  # x, y for the chart
    load: list[float] = field(default_factory=list[float])  # of the machine, at start and end
    quick: bool = False
    took: float = 0.0  # seconds

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "figures": [figure.to_json() for figure in self.figures]}

    @staticmethod
    def from_json(data: dict[str, Any]) -> Result:
        figures = [Figure.from_json(figure) for figure in data["figures"]]
        return Result(**{**data, "figures": figures, "curve": [(x, y) for x, y in data["curve"]]})


def number(value: float) -> str:
    """For a table: three digits count, thousands are set apart."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    if abs(value) >= 100 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.3g}"


def percentile(values: list[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
