"""The course of a deploy: the steps that are over, the one under way and those to come, each in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fairlead.clock import from_micros
from fairlead.ship.ledger import StepRecord
from fairlead.ship.strategy import Kind, Plan, Step, is_back
from fairlead.ship.terms import Strategy
from fairlead.ship.verdict import Finding, Verdict
from fairlead.ship.watching import said_of
from fairlead.web.console import found, state
from fairlead.web.console.door import Shipped
from fairlead.web.console.format import Format
from fairlead.web.console.language import N_
from fairlead.web.console.state import State

STRATEGIES = {
    Strategy.ROLLING: N_("Rolling"),
    Strategy.BLUE_GREEN: N_("Blue-green"),
    Strategy.CANARY: N_("Canary"),
    Strategy.GRADUAL: N_("Gradual"),
}
_TITLES = {
    Kind.PREFLIGHT: N_("Preflight"),
    Kind.BACKUP: N_("Backup"),
    Kind.MIGRATE: N_("Migrate the data"),
    Kind.START: N_("Start %(build)s"),
    Kind.READY: N_("Wait for %(build)s"),
    Kind.SMOKE: N_("Smoke test"),
    Kind.EVALUATE: N_("Evaluation"),
    Kind.ROUTE: N_("Route %(share)s to %(build)s"),
    Kind.WATCH: N_("Watch %(build)s"),
    Kind.CHECK: N_("Check %(build)s"),
    Kind.BAKE: N_("Bake"),
    Kind.RETIRE: N_("Retire %(build)s"),
}
_DETAILS = {
    Kind.START: N_("instances: %(instances)s"),
    Kind.READY: N_("for at most %(within)s"),
    Kind.WATCH: N_("for %(length)s, a look every %(every)s"),
    Kind.CHECK: N_("for %(length)s, asked every %(every)s"),
    Kind.BAKE: N_("the old release is kept for %(length)s"),
    Kind.RETIRE: N_("once nothing of it is busy"),
}
_ABOUT = {
    "error_rate": N_("Error rate"),
    "errors": N_("Errors beside stable"),
    "p95": N_("95th percentile"),
    "latency": N_("Latency beside stable"),
    "cost": N_("Cost a run"),
    "figures": N_("Figures"),
}
_SECONDS = ("within", "length", "every")


@dataclass(frozen=True, slots=True)
class Told:
    """What was found out in a step."""

    label: str
    said: str
    evidence: str  # empty: there is no measure of it
    state: State


@dataclass(frozen=True, slots=True)
class Row:
    """`seq` of None: it is still to come. `took`: so far, while `ticking`."""

    seq: int | None
    title: str
    said: str
    state: State
    back: bool
    began: datetime | None = None
    took: timedelta | None = None
    ticking: bool = False
    findings: tuple[Told, ...] = ()
    watched: bool = False  # both releases, with charts


@dataclass(frozen=True, slots=True)
class Share:
    """Of the requests, in percent, from a step on. `state` says whether that is so, was so, or will be."""

    new: int
    old: int
    at: datetime | None
    state: State


def rows(shipped: Shipped, fmt: Format) -> list[Row]:
    """In the order in which they are done."""
    plan, over = shipped.deploy.plan, shipped.deploy.outcome is not None
    found = [_row(record, plan, fmt, over=over) for record in shipped.steps]
    back = _is_back(shipped)
    coming = [] if over else to_come(shipped)
    return found + [Row(None, *words(step, plan, fmt), state.PLANNED, back) for step in coming]


def to_come(shipped: Shipped) -> list[Step]:
    """After what has begun, as far as it is known now."""
    plan, back = shipped.deploy.plan, _is_back(shipped)
    begun = sum(record.back == back for record in shipped.steps)
    return (plan.back if back else plan.forward)[begun:]


def _is_back(shipped: Shipped) -> bool:
    done = [one for record in shipped.steps if (one := record.done) is not None]
    return is_back(done, shipped.deploy.word)


def under_way(shipped: Shipped) -> StepRecord | None:
    """The step that is done now; None between two, and when it is over."""
    last = shipped.steps[-1] if shipped.steps else None
    return last if last is not None and last.verdict is None and shipped.deploy.outcome is None else None


def began(record: StepRecord) -> datetime:
    return from_micros(record.began_at)


def _row(record: StepRecord, plan: Plan, fmt: Format, *, over: bool) -> Row:
    title, detail = words(record.step, plan, fmt)
    ended = None if record.ended_at is None else from_micros(record.ended_at)
    now = state.UNDER_WAY if record.verdict is None else state.of_verdict(record.verdict)
    if record.verdict is None and over:
        now = state.PLANNED
    # What was said when all passed is what the findings say, one after the other.
    told_below = record.verdict is Verdict.PASS and record.said == said_of(record.findings)
    ticking = record.verdict is None and not over
    took = (ended or fmt.now) - began(record) if ended or ticking else None
    told = tuple(_told(one, fmt) for one in record.findings)
    watched = record.step.kind is Kind.WATCH
    shown = "" if told_below else said(record, fmt)
    return Row(record.seq, title, shown or detail, now, record.back, began(record), took, ticking, told, watched)


def _told(finding: Finding, fmt: Format) -> Told:
    measured = "" if finding.evidence == 1 else evidence(finding)
    return Told(about(finding, fmt), found.of_finding(finding, fmt), measured, state.of_verdict(finding.verdict))


def said(record: StepRecord, fmt: Format) -> str:
    """What came of a step."""
    if not record.findings or record.said != said_of(record.findings):
        return found.in_words(record.said, fmt)
    return found.of_findings(record.findings, fmt, {one.about: about(one, fmt) for one in record.findings})


def about(finding: Finding, fmt: Format) -> str:
    """What was looked at; what is not ours to name stays as it is."""
    return fmt.words.gettext(_ABOUT[finding.about]) if finding.about in _ABOUT else finding.about


def evidence(finding: Finding) -> str:
    """How many times likelier it is that something is wrong, as far as anybody cares."""
    value = finding.evidence
    if value < 1:
        return "< 1"
    return f"{value:.1f}" if value < 1000 else f"{min(value, 1e6):,.0f}" + ("+" if value > 1e6 else "")


def words(step: Step, plan: Plan, fmt: Format) -> tuple[str, str]:
    """What a step does, and how."""
    _, given = fmt.words.gettext, _given(step, plan, fmt)
    title, detail = _TITLES[step.kind], _DETAILS.get(step.kind, "")
    return _(title) % given, _(detail) % given if detail else ""


def _given(step: Step, plan: Plan, fmt: Format) -> dict[str, Any]:
    given = dict(step.given)
    for name in _SECONDS:
        if name in given:
            given[name] = fmt.duration(timedelta(seconds=given[name]))
    if step.kind is Kind.ROUTE:
        new, old = shares_of(step, plan)
        build, share = (plan.new, new) if new else (plan.old or "", old)
        given |= {"build": build, "share": f"{share}%"}
    return given


def shares_of(step: Step, plan: Plan) -> tuple[int, int]:
    """Of the new release and of the old one, in percent."""
    weights = step.given["weights"]
    return weights.get(plan.new, 0), weights.get(plan.old, 0)


def shares(shipped: Shipped) -> list[Share]:
    """One for each step that divided requests anew, and those still to come."""
    plan, over = shipped.deploy.plan, shipped.deploy.outcome is not None
    routed = [one for one in shipped.steps if one.step.kind is Kind.ROUTE]
    found = [Share(*shares_of(one.step, plan), began(one), _share_state(one)) for one in routed]
    coming = [] if over else [step for step in to_come(shipped) if step.kind is Kind.ROUTE]
    return found + [Share(*shares_of(step, plan), None, state.PLANNED) for step in coming]


def _share_state(record: StepRecord) -> State:
    return state.UNDER_WAY if record.verdict is None else state.of_verdict(record.verdict)


def share_now(given: Sequence[Share], plan: Plan) -> Share:
    """As the last step left it that succeeded; before any, all is the old release's."""
    done = [one for one in given if one.state == state.of_verdict(Verdict.PASS)]
    return done[-1] if done else Share(0, 100 if plan.old else 0, None, state.PLANNED)
