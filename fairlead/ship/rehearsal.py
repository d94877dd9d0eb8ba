"""A target of which nothing is real: releases start, take requests and fail as they are told to. Deploys are tried on
it, by tests and by whoever wants to see what a strategy would do."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from fairlead.clock import Clock
from fairlead.errors import Conflict, InvalidInput, ReleaseBroken, TargetUnavailable
from fairlead.ship.release import Release
from fairlead.ship.target import Arm, Readiness
from fairlead.ship.verdict import Figures

_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, float("inf"))


@dataclass(frozen=True, slots=True)
class Behaviour:
    """`latency`: the median, in seconds; `cost`: in dollars a run. Broken: it does not come up."""

    broken: bool = False
    error_rate: float = 0.01
    latency: float = 1.0
    cost: float = 0.02
    busy: int = 0
    silent: bool = False  # it has no figures
    slow: float = 0.0  # seconds until it is ready


@dataclass(slots=True)
class _Running:
    instances: int
    since: float
    weight: int = 0
    figures: Figures = field(default_factory=lambda: Figures(0, 0))


class Rehearsal:
    """`rate`: requests a second, of all releases together. `away`: calls that fail before they have done anything."""

    def __init__(self, *, clock: Clock, rate: float = 10.0, seed: int = 1) -> None:
        self._clock = clock
        self._rate = rate
        self._random = random.Random(seed)
        self._running: dict[str, _Running] = {}
        self._at = clock.monotonic()
        self.behaviour: dict[str, Behaviour] = {}
        self.away = 0
        self.moves: list[str] = []

    async def start(self, release: Release, instances: int) -> None:
        self._come("start", release.build, instances)
        self._running.setdefault(release.build, _Running(0, self._at)).instances = instances

    async def ready(self, build: str) -> Readiness:
        self._come("ready", build)
        if self._behaviour(build).broken:
            raise ReleaseBroken(f"{build} does not stay up.")
        running = self._running.get(build)
        if running is None or self._at - running.since < self._behaviour(build).slow:
            return Readiness(False, "not yet")
        return Readiness(True, "all of it")

    async def route(self, weights: Mapping[str, int]) -> None:
        self._come("route", *(f"{build}={weight}" for build, weight in weights.items()))
        if sum(weights.values()) != 100:
            raise InvalidInput("Shares make 100.")
        if missing := [build for build, weight in weights.items() if weight and build not in self._running]:
            raise Conflict(f"Nothing of {missing[0]} runs.")
        for build, running in self._running.items():
            running.weight = weights.get(build, 0)

    async def stop(self, build: str) -> bool:
        self._come("stop", build)
        running = self._running.get(build)
        if running is None:
            return True
        if running.weight:
            raise Conflict(f"{build} takes requests.")
        if self._behaviour(build).busy:
            return False
        del self._running[build]
        return True

    async def state(self) -> Mapping[str, Arm]:
        return {
            build: Arm(build, one.instances, one.instances, one.weight, self._behaviour(build).busy)
            for build, one in self._running.items()
        }

    async def figures(self, build: str) -> Figures | None:
        self._pass()
        running = self._running.get(build)
        return None if running is None or self._behaviour(build).silent else running.figures

    def restart(self, build: str) -> None:
        """It has to become ready anew."""
        self._running[build].since = self._clock.monotonic()

    def _behaviour(self, build: str) -> Behaviour:
        return self.behaviour.get(build, Behaviour())

    def _come(self, *move: object) -> None:
        """The requests up to now, by the weights up to now."""
        self._pass()
        if self.away > 0:
            self.away -= 1
            raise TargetUnavailable("The target does not answer.")
        self.moves.append(" ".join(map(str, move)))

    def _pass(self) -> None:
        now = self._clock.monotonic()
        for build, running in self._running.items():
            count = round(self._rate * (now - self._at) * running.weight / 100)
            running.figures = self._served(running.figures, self._behaviour(build), count)
        self._at = now

    def _served(self, before: Figures, like: Behaviour, count: int) -> Figures:
        errors, latency, cost = before.errors, dict(before.latency), dict(before.cost)
        for _ in range(count):
            errors += self._random.random() < like.error_rate
            took = self._random.lognormvariate(0, 0.6) * like.latency
            end = next(end for end in _BUCKETS if took <= end)
            latency[end] = latency.get(end, 0) + 1
            paid = round(self._random.lognormvariate(0, 0.5) * like.cost, 4)
            cost[paid] = cost.get(paid, 0) + 1
        return Figures(before.requests + count, errors, latency, cost)
