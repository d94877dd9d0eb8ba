"""Watches a new release beside the stable one, look by look. Each is written down as it is made: who takes a deploy
over goes on with what was seen before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import NamedTuple

from fairlead.clock import Clock
from fairlead.errors import DatabaseUnavailable, FairleadError
from fairlead.ship.ledger import Deploy, Ledger
from fairlead.ship.strategy import Step, Word
from fairlead.ship.terms import Fill, Unclear
from fairlead.ship.verdict import Figures, Finding, Look, Verdict, judge, summed, verdict_of

FiguresOf = Callable[[str], Awaitable[Figures | None]]
"""What a release did since it was started; None when that can't be told."""
Filler = Callable[[str, int], Awaitable[Figures]]
"""Asks so many things of a release, beside what callers ask. What came of it is in no other figures."""

_MOST_FILLED = 200  # of one look


class Told(NamedTuple):
    """What came of a step."""

    verdict: Verdict
    said: str = ""
    findings: Sequence[Finding] = ()


class Doing(NamedTuple):
    """A step that is under way. `back`: on the way back. `began`: by our own clock."""

    deploy: Deploy
    seq: int
    step: Step
    back: bool
    began: float


class Watch:
    def __init__(self, ledger: Ledger, figures: FiguresOf, filler: Filler | None, *, clock: Clock) -> None:
        self._ledger = ledger
        self._figures = figures
        self._filler = filler
        self._clock = clock

    async def over(self, doing: Doing) -> Told:
        """Fails as soon as something is wrong; passes at the end of the time if there was enough to see."""
        deploy, seq, step = doing.deploy, doing.seq, doing.step
        terms, ends = deploy.plan.terms, doing.began + step.given["length"]
        arms = (step.given["beside"], step.given["build"])
        looks = await self._ledger.looks(deploy, seq)
        before = [await self._seen(build) for build in arms]
        while True:
            await self._clock.sleep(timedelta(seconds=step.given["every"]))
            now = [await self._seen(build) for build in arms]
            if (heard := await heard_of(self._ledger, doing)) is not None:
                return heard
            look = Look(since(before[0], now[0]), since(before[1], now[1]))
            looks.append(await self._filled(deploy, arms, look, looks))
            before = now
            findings = judge(looks, terms.limits)
            verdict = verdict_of(findings)
            await self._ledger.look(deploy, seq, len(looks), looks[-1], verdict)
            if verdict is Verdict.FAIL:
                return Told(verdict, said_of(findings), findings)
            if self._clock.monotonic() < ends:
                continue
            if verdict is Verdict.PASS:
                return Told(verdict, said_of(findings), findings)
            if self._clock.monotonic() >= ends + terms.hold:
                promote = verdict is Verdict.UNCLEAR and terms.unclear is Unclear.PROMOTE
                done = "promoted as the setting says" if promote else "rolled back as the setting says"
                said = f"{verdict.value}; {done}"
                return Told(Verdict.PASS if promote else verdict, said, findings)

    async def _filled(self, deploy: Deploy, arms: tuple[str, str], look: Look, before: Sequence[Look]) -> Look:
        """Both releases are asked the same, as often, when the new one saw less of callers than it must until the end
        of its time."""
        terms = deploy.plan.terms
        if self._filler is None or terms.fill is Fill.NOTHING or look.canary is None or look.stable is None:
            return look
        seen = sum(one.canary.requests for one in before if one.canary is not None) + look.canary.requests
        whole = max(1, round(terms.watch / terms.every))
        due = terms.limits.least_requests * min(whole, len(before) + 1) / whole
        if (missing := min(_MOST_FILLED, round(due - seen))) <= 0:
            return look
        stable, canary = await self._filler(arms[0], missing), await self._filler(arms[1], missing)
        return Look(summed([look.stable, stable]), summed([look.canary, canary]))

    async def _seen(self, build: str) -> Figures | None:
        try:
            return await self._figures(build)
        except FairleadError:
            return None


async def heard_of(ledger: Ledger, doing: Doing) -> Told | None:
    """What a person has said of it meanwhile; nothing, while the ledger can't be asked."""
    try:
        return wanted_of(await ledger.get(doing.deploy.id), back=doing.back)
    except DatabaseUnavailable:
        return None


def wanted_of(deploy: Deploy, *, back: bool) -> Told | None:
    """What a person has said, as it is for a step that is under way. On the way back only a halt counts."""
    match deploy.word:
        case Word.PROMOTE if not back:
            return Told(Verdict.PASS, f"promoted by {deploy.word_by}")
        case Word.BACK if not back:
            return Told(Verdict.FAIL, f"{deploy.word_by} wants it back")
        case Word.HALT:
            return Told(Verdict.UNCLEAR, f"halted by {deploy.word_by}")
        case _:
            return None


def since(before: Figures | None, now: Figures | None) -> Figures | None:
    """What came in between. Counts that went back are of processes that began anew: all of them are new."""
    if before is None or now is None:
        return None
    if now.requests < before.requests or now.errors < before.errors:
        return now
    latency = {end: n - before.latency.get(end, 0) for end, n in now.latency.items()}
    cost = {end: n - before.cost.get(end, 0) for end, n in now.cost.items()}
    return Figures(
        now.requests - before.requests, now.errors - before.errors,
        {end: n for end, n in latency.items() if n > 0}, {end: n for end, n in cost.items() if n > 0},
    )  # fmt: skip


def said_of(findings: Sequence[Finding]) -> str:
    failed = [one for one in findings if one.verdict is Verdict.FAIL]
    return "; ".join(f"{one.about}: {one.said}" for one in (failed or findings))
