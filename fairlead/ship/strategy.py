"""From one release to the next, as steps; and what is next after those that are done. Pure.

rolling      a few instances after the other
blue-green   all of the new beside all of the old; tried; all requests at once
canary       a share of the requests, watched beside the stable release; then more
gradual      shares that grow at a steady pace, as long as the release is well: how to go back without a jolt

Whatever fails, the way back is steps too: requests to the old release first, then the new one ends. There is none
after a migration that can't be taken back, nor once a person has said halt: everything stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fairlead.ship.terms import Strategy, Terms
from fairlead.ship.verdict import Verdict


class Kind(StrEnum):
    """What a step does."""

    PREFLIGHT = "preflight"  # build: what must be so before anything is touched
    BACKUP = "backup"  # build: of the environment's data, before it
    MIGRATE = "migrate"  # build: its data, by its own code
    START = "start"  # build, instances
    READY = "ready"  # build, within
    SMOKE = "smoke"  # build
    EVALUATE = "evaluate"  # build: are its answers good enough?
    ROUTE = "route"  # weights
    WATCH = "watch"  # build, beside, length, every: a verdict
    CHECK = "check"  # build, length, every: is it well all the while?
    BAKE = "bake"  # length: the old release stays as it is, for the way back
    RETIRE = "retire"  # build: once nothing of it is busy


TRIALS = (Kind.PREFLIGHT, Kind.BACKUP, Kind.MIGRATE, Kind.SMOKE, Kind.EVALUATE)
"""Of a release, by somebody else than the target."""


class Word(StrEnum):
    """What a person may say of a deploy that is under way."""

    PROMOTE = "promote"  # what is watched is good enough
    BACK = "back"
    HALT = "halt"  # everything stays as it is


@dataclass(frozen=True, slots=True)
class Step:
    kind: Kind
    given: dict[str, Any]

    @property
    def said(self) -> str:
        match self.kind:
            case Kind.PREFLIGHT:
                return f"check what {self.given['build']} needs"
            case Kind.BACKUP:
                return "back up the data"
            case Kind.MIGRATE:
                return f"migrate the data to {self.given['build']}"
            case Kind.START:
                return f"have {self.given['instances']} of {self.given['build']}"
            case Kind.READY:
                return f"wait until {self.given['build']} is ready"
            case Kind.SMOKE:
                return f"try {self.given['build']}"
            case Kind.EVALUATE:
                return f"evaluate {self.given['build']}"
            case Kind.ROUTE:
                shares = (f"{weight} % to {build}" for build, weight in self.given["weights"].items() if weight)
                return f"route {', '.join(shares)}"
            case Kind.WATCH:
                return f"watch {self.given['build']} for {self.given['length']:g} s"
            case Kind.CHECK:
                return f"see that {self.given['build']} is well for {self.given['length']:g} s"
            case Kind.BAKE:
                return f"keep the old release for {self.given['length']:g} s"
            case Kind.RETIRE:
                return f"let {self.given['build']} end"


@dataclass(frozen=True, slots=True)
class Done:
    """A step that is over. `verdict`: of one that was tried or watched; a step that failed has `fail`."""

    step: Step
    verdict: Verdict = Verdict.PASS
    back: bool = False  # it belongs to the way back


class Outcome(StrEnum):
    SUCCEEDED = "succeeded"
    REFUSED = "refused"  # nothing that serves was touched
    ROLLED_BACK = "rolled_back"
    FROZEN = "frozen"  # traffic is where it was then: a person must say what becomes of it
    FAILED = "failed"  # the way back failed too: traffic is where it was then


@dataclass(frozen=True, slots=True)
class Plan:
    """`old` of None: the first release there is."""

    new: str
    old: str | None
    terms: Terms

    @property
    def forward(self) -> list[Step]:
        begin, switch = self._before(), self._route({self.new: 100})
        match self.terms.strategy:
            case _ if self.old is None:
                return [*begin, *self._up(), switch]
            case Strategy.ROLLING:
                return [*begin, *self._rolling(), *self._over()]
            case Strategy.BLUE_GREEN:
                return [*begin, *self._up(), switch, *self._over()]
            case Strategy.CANARY:
                return [*begin, *self._up(), *self._canary(), switch, *self._over()]
            case Strategy.GRADUAL:
                return [*begin, *self._up(), *self._gradual(), switch, *self._over()]

    @property
    def back(self) -> list[Step]:
        if self.old is None:
            return [Step(Kind.RETIRE, {"build": self.new})]
        return [
            Step(Kind.START, {"build": self.old, "instances": self.terms.instances}),
            self._ready(self.old),
            self._route({self.old: 100}),
            Step(Kind.RETIRE, {"build": self.new}),
        ]

    def _before(self) -> list[Step]:
        terms = self.terms
        wanted = {Kind.PREFLIGHT: terms.preflight, Kind.BACKUP: terms.backup, Kind.MIGRATE: terms.migrate}
        return [self._tried(kind) for kind, is_wanted in wanted.items() if is_wanted]

    def _up(self) -> list[Step]:
        started = Step(Kind.START, {"build": self.new, "instances": self.terms.instances})
        return [started, self._ready(self.new), *self._trials()]

    def _trials(self) -> list[Step]:
        return [self._tried(Kind.SMOKE), *([self._tried(Kind.EVALUATE)] if self.terms.evaluate else [])]

    def _tried(self, kind: Kind) -> Step:
        return Step(kind, {"build": self.new})

    def _ready(self, build: str) -> Step:
        return Step(Kind.READY, {"build": build, "within": self.terms.ready_within})

    def _over(self) -> list[Step]:
        return [Step(Kind.BAKE, {"length": self.terms.bake}), Step(Kind.RETIRE, {"build": self.old})]

    def _canary(self) -> list[Step]:
        steps: list[Step] = []
        for share in self.terms.steps:
            watch = {"build": self.new, "beside": self.old, "length": self.terms.watch, "every": self.terms.every}
            steps += [self._route({self.new: share, self.old or "": 100 - share}), Step(Kind.WATCH, watch)]
        return steps

    def _gradual(self) -> list[Step]:
        """Shares up to all but one pace, each for a while."""
        terms, steps = self.terms, list[Step]()
        for pace in range(1, terms.paces):
            share = round(100 * pace / terms.paces)
            check = {"build": self.new, "length": terms.pace, "every": min(terms.pace, terms.every)}
            steps += [self._route({self.new: share, self.old or "": 100 - share}), Step(Kind.CHECK, check)]
        return steps

    def _rolling(self) -> list[Step]:
        """Never more than `max_surge` too many, never more than `max_unavailable` too few that are ready."""
        terms, steps = self.terms, list[Step]()
        wanted, new, old = terms.instances, 0, terms.instances
        while True:
            if (more := min(wanted - new, wanted + terms.max_surge - new - old)) > 0:
                first, new = new == 0, new + more
                steps += [Step(Kind.START, {"build": self.new, "instances": new}), self._ready(self.new)]
                steps += self._trials() if first else []
                steps.append(self._shares(new, old))
            if new == wanted:
                return [*steps, self._route({self.new: 100})]
            if (fewer := min(old, new + old - wanted + terms.max_unavailable)) > 0:
                old -= fewer
                steps += [self._shares(new, old)] if new else []
                steps.append(Step(Kind.START, {"build": self.old, "instances": old}))

    def _shares(self, new: int, old: int) -> Step:
        share = round(100 * new / (new + old))
        return self._route({self.new: share, self.old or "": 100 - share})

    def _route(self, weights: dict[str, int]) -> Step:
        return Step(Kind.ROUTE, {"weights": {build: weight for build, weight in weights.items() if weight}})


def next_step(plan: Plan, done: Sequence[Done], word: Word | None = None) -> Step | Outcome:
    """What is to be done now, or how it ended. The same `done` and `word` give the same answer, whoever asks."""
    if word is Word.HALT:
        return Outcome.FROZEN
    forward = [one for one in done if not one.back]
    back = [one for one in done if one.back]
    if is_back(done, word):
        if word is not Word.BACK and not back and plan.terms.one_way and _has_migrated(forward):
            return Outcome.FROZEN
        if not any(one.step.kind is Kind.START for one in forward):
            return Outcome.REFUSED
        if back and back[-1].verdict is not Verdict.PASS:
            return Outcome.FAILED
        return plan.back[len(back)] if len(back) < len(plan.back) else Outcome.ROLLED_BACK
    steps = plan.forward
    return steps[len(forward)] if len(forward) < len(steps) else Outcome.SUCCEEDED


def is_back(done: Sequence[Done], word: Word | None = None) -> bool:
    """Whether the next step is on the way back."""
    return word is Word.BACK or any(one.back or one.verdict is not Verdict.PASS for one in done)


def _has_migrated(done: Sequence[Done]) -> bool:
    """As far as anybody can say: one that failed may have done half of it."""
    return any(one.step.kind is Kind.MIGRATE for one in done)
