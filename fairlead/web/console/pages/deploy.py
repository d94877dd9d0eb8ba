"""One deploy: how far it is, what was seen of both releases, how requests are shared, and what may be said of it."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from fairlead.ship.ledger import Deploy, LookRecord, StepRecord
from fairlead.ship.strategy import Kind, Outcome, Word
from fairlead.ship.terms import Unclear
from fairlead.ship.verdict import Figures, Finding, Limits, Verdict, judge, verdict_of
from fairlead.web.console import course, curves, found, state
from fairlead.web.console.course import Row, Share
from fairlead.web.console.curves import Curve
from fairlead.web.console.door import Door, Shipped
from fairlead.web.console.format import NOTHING, Format
from fairlead.web.console.language import N_
from fairlead.web.console.pages.ask import Move
from fairlead.web.console.state import State, Tone

WORDS = {
    Word.PROMOTE: Move(Word.PROMOTE.value, N_("Promote…")),
    Word.BACK: Move(Word.BACK.value, N_("Roll back…"), danger=True),
    Word.HALT: Move(Word.HALT.value, N_("Halt…"), danger=True),
}


@dataclass(frozen=True, slots=True)
class Check:
    """`share`: how much of the evidence there is that would fail the release, in percent on a logarithmic scale."""

    label: str
    said: str
    state: State
    evidence: str
    share: float


@dataclass(frozen=True, slots=True)
class LookRow:
    """One look, as text. Of each release: requests, errors, 95th percentile."""

    number: int
    time: str
    new: tuple[str, str, str]
    old: tuple[str, str, str]
    state: State


@dataclass(frozen=True, slots=True)
class Watched:
    """A step in which both releases were watched."""

    seq: int
    title: str
    state: State
    checks: tuple[Check, ...]
    curves: tuple[Curve, ...]
    looks: tuple[LookRow, ...]
    tally: tuple[tuple[int, State], ...]
    enough: str  # evidence that fails a release
    requests: int  # of the new release, so far
    least: int


@dataclass(frozen=True, slots=True)
class Notice:
    tone: Tone
    icon: str
    title: str
    text: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class DeployView:
    deploy: Deploy
    title: str
    strategy: str
    state: State
    took: timedelta
    rows: tuple[Row, ...]
    place: int  # of the step under way, from 1
    watched: tuple[Watched, ...]
    shares: tuple[Share, ...]
    share: Share
    notice: Notice | None
    moves: tuple[Move, ...]
    may: bool

    @property
    def path(self) -> str:
        return f"/console/deploys/{self.deploy.id}"

    @property
    def over(self) -> bool:
        return self.deploy.outcome is not None

    @property
    def since_back(self) -> int | None:
        """The first row of the way back."""
        return next((place for place, row in enumerate(self.rows) if row.back), None)


async def read(door: Door, deploy_id: str) -> Shipped:
    return await door.deploy(deploy_id)


def shape(shipped: Shipped, fmt: Format, *, may: bool) -> DeployView:
    """`may`: whether who reads may say a word of it."""
    deploy = shipped.deploy
    rows, shares = course.rows(shipped, fmt), course.shares(shipped)
    strategy = fmt.words.gettext(course.STRATEGIES[deploy.plan.terms.strategy])
    steps = [one for one in shipped.steps if one.step.kind is Kind.WATCH]
    return DeployView(
        deploy=deploy,
        title=f"{strategy} {deploy.plan.new}",
        strategy=strategy,
        state=state.of_deploy(deploy),
        took=(deploy.finished_at or fmt.now) - deploy.started_at,
        rows=tuple(rows),
        place=sum(row.seq is not None for row in rows),
        watched=tuple(_watched(one, shipped, fmt) for one in reversed(steps)),
        shares=tuple(shares),
        share=course.share_now(shares, deploy.plan),
        notice=_notice(shipped, fmt),
        moves=tuple(WORDS[word] for word in words(shipped)) if may else (),
        may=may,
    )


def words(shipped: Shipped) -> list[Word]:
    """What may be said of it now: nothing twice, nothing after a halt, and of the way back only that."""
    said, over = shipped.deploy.word, shipped.deploy.outcome is not None
    if over or said is Word.HALT:
        return []
    if said is Word.BACK or any(one.back or one.verdict not in (None, Verdict.PASS) for one in shipped.steps):
        return [Word.HALT]
    now = course.under_way(shipped)
    left = [*([now.step] if now else []), *course.to_come(shipped)]
    promotes = said is None and any(step.kind in (Kind.WATCH, Kind.CHECK) for step in left)
    return [*([Word.PROMOTE] if promotes else []), Word.BACK, Word.HALT]


def _watched(record: StepRecord, shipped: Shipped, fmt: Format) -> Watched:
    terms, plan = shipped.deploy.plan.terms, shipped.deploy.plan
    looks = [one for one in shipped.looks if one.seq == record.seq]
    findings = record.findings or (judge([one.look for one in looks], terms.limits) if looks else ())
    if record.verdict is not None:
        now = state.of_verdict(record.verdict)
    else:
        now = state.of_verdict(verdict_of(findings)) if findings else state.UNDER_WAY
    share = _share_of(record, shipped)
    title = fmt.words.gettext(N_("Watch at %(share)s")) % {"share": f"{share}%"}
    tally = Counter(one.verdict for one in looks)
    return Watched(
        seq=record.seq,
        title=title,
        state=now,
        checks=tuple(_check(one, terms.limits, fmt) for one in findings),
        curves=tuple(curves.of_looks(looks, new=plan.new, old=plan.old or NOTHING, limits=terms.limits, fmt=fmt)),
        looks=tuple(_look_row(number, one, fmt) for number, one in enumerate(looks, 1)),
        tally=tuple((tally[verdict], state.of_verdict(verdict)) for verdict in Verdict if tally[verdict]),
        enough=f"{1 / terms.limits.alarms:.0f}",
        requests=sum(one.look.canary.requests for one in looks if one.look.canary is not None),
        least=terms.limits.least_requests,
    )


def _share_of(record: StepRecord, shipped: Shipped) -> int:
    routed = [one for one in shipped.steps if one.step.kind is Kind.ROUTE and one.seq < record.seq]
    return course.shares_of(routed[-1].step, shipped.deploy.plan)[0] if routed else 0


def _check(finding: Finding, limits: Limits, fmt: Format) -> Check:
    label = course.about(finding, fmt)
    share = 100 * math.log(max(finding.evidence, 1.0)) / -math.log(limits.alarms)
    verdict, evidence = state.of_verdict(finding.verdict), course.evidence(finding)
    return Check(label, found.of_finding(finding, fmt), verdict, evidence, round(min(share, 100.0), 2))


def _look_row(number: int, record: LookRecord, fmt: Format) -> LookRow:
    verdict = state.of_verdict(record.verdict)
    new, old = _told(record.look.canary, fmt), _told(record.look.stable, fmt)
    return LookRow(number, fmt.time(record.at), new, old, verdict)


def _told(figures: Figures | None, fmt: Format) -> tuple[str, str, str]:
    if figures is None:
        return NOTHING, NOTHING, NOTHING
    return fmt.count(figures.requests), fmt.count(figures.errors), curves.span(curves.p95(figures), fmt)


def _notice(shipped: Shipped, fmt: Format) -> Notice | None:
    """What a person should know first."""
    _, deploy = fmt.words.gettext, shipped.deploy
    failed = (one for one in shipped.steps if one.verdict not in (None, Verdict.PASS) and one.said)
    wrong = next((course.said(one, fmt) for one in failed), "")
    given = {"new": deploy.plan.new, "old": deploy.plan.old or NOTHING, "by": deploy.word_by, "wrong": wrong}
    match deploy.outcome:
        case Outcome.SUCCEEDED:
            return None
        case None:
            return _left(deploy, given, fmt) or _said(deploy, given, fmt) or _unclear(shipped, fmt)
        case Outcome.FROZEN:
            text = _(N_("Everything is as it was then: both releases run, and requests stay divided. %(wrong)s"))
            return Notice(Tone.WARN, "interrupted", _(N_("Frozen")), text % given, "fairlead ship rollback")
        case Outcome.REFUSED:
            text = _(N_("Nothing that serves was touched. %(wrong)s"))
            return Notice(Tone.ERR, "cancelled", _(N_("Refused")), text % given)
        case Outcome.ROLLED_BACK:
            text = _(N_("%(old)s has all requests. %(wrong)s"))
            return Notice(Tone.ERR, "error", _(N_("Rolled back")), text % given)
        case Outcome.FAILED:
            text = _(N_("Requests go where they went when the rollback failed. %(wrong)s"))
            return Notice(Tone.ERR, "error", _(N_("The rollback failed")), text % given, "fairlead ship status")


def _left(deploy: Deploy, given: dict[str, str], fmt: Format) -> Notice | None:
    if deploy.held:
        return None
    _ = fmt.words.gettext
    text = _(N_("Whoever carried it out has died or left it. Requests go where they went then; no word is heard."))
    return Notice(Tone.WARN, "interrupted", _(N_("Nobody carries it out")), text % given, "fairlead ship resume")


def _said(deploy: Deploy, given: dict[str, str], fmt: Format) -> Notice | None:
    _ = fmt.words.gettext
    texts = {
        Word.PROMOTE: N_("%(by)s has promoted %(new)s: what is still to be watched counts as passed."),
        Word.BACK: N_("%(by)s wants %(old)s back. Whoever carries the deploy out hears it at their next look."),
        Word.HALT: N_("%(by)s has halted the deploy. Whoever carries it out hears it at their next look."),
    }
    if deploy.word is None:
        return None
    told = state.of_deploy(deploy)
    title = _(told.word)
    return Notice(told.tone, "running", title[:1].upper() + title[1:], _(texts[deploy.word]) % given)


def _unclear(shipped: Shipped, fmt: Format) -> Notice | None:
    """A watch whose time is over and of which the figures still say too little."""
    now, _, terms = course.under_way(shipped), fmt.words.gettext, shipped.deploy.plan.terms
    if now is None or now.step.kind is not Kind.WATCH:
        return None
    looks = [one for one in shipped.looks if one.seq == now.seq]
    ends = course.began(now) + timedelta(seconds=now.step.given["length"])
    if not looks or looks[-1].verdict is Verdict.PASS or fmt.now < ends:
        return None
    missing = looks[-1].verdict is Verdict.COULD_NOT_ASK
    promotes = terms.unclear is Unclear.PROMOTE and not missing
    text = (
        _(N_("The figures say too little. It is watched on until %(time)s; if it is unclear then, it is promoted."))
        if promotes
        else _(N_("The figures say too little. It is watched on until %(time)s; if it is unclear then, it goes back."))
    )
    told = state.of_verdict(looks[-1].verdict)
    title = _(told.word)
    until = fmt.time(ends + timedelta(seconds=terms.hold))
    return Notice(told.tone, told.icon, title[:1].upper() + title[1:], text % {"time": until})
