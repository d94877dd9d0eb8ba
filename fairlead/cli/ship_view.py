"""A deploy on a terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from fairlead.cli.chart import columns
from fairlead.cli.figures import ago
from fairlead.cli.say import safe, say, say_json
from fairlead.clock import SystemClock
from fairlead.ship.evidence import Histogram, quantile
from fairlead.ship.ledger import Deploy, LookRecord, StepRecord
from fairlead.ship.strategy import Outcome, Plan
from fairlead.ship.verdict import Figures, Verdict

OUTCOMES = {
    Outcome.SUCCEEDED: ("is served", "bold green"),
    Outcome.REFUSED: ("was not begun: nothing that serves was touched", "bold red"),
    Outcome.ROLLED_BACK: ("was rolled back", "bold red"),
    Outcome.FROZEN: ("is frozen: everything is as it is, and goes on when somebody says how", "bold yellow"),
    Outcome.FAILED: ("failed, and so did the way back: traffic is where it was", "bold red"),
}
_MARKS = {
    Verdict.PASS: ("✓", "green"), Verdict.FAIL: ("✗", "bold red"), Verdict.UNCLEAR: ("?", "yellow"),
    Verdict.COULD_NOT_ASK: ("?", "yellow"),
}  # fmt: skip
_WIDTH = 40  # looks that a chart shows


def step_line(record: StepRecord) -> Text:
    mark, style = ("·", "dim") if record.verdict is None else _MARKS[record.verdict]
    text = Text.assemble((f"{mark} ", style), "back: " if record.back else "", safe(record.step.said))
    return text.append(f"  {safe(record.said)}", "dim") if record.said else text


def look_line(record: LookRecord) -> Text:
    stable, canary = record.look.stable, record.look.canary
    said = f"new {_figures(canary)} · stable {_figures(stable)} · {record.verdict.value.replace('_', ' ')}"
    return Text(f"    {said}", "dim")


def chart(looks: Sequence[LookRecord], *, new: str, old: str) -> list[Text]:
    """Errors and the 95th percentile of both, look by look, on one scale each."""
    shown = looks[-_WIDTH:]
    lines: list[Text] = []
    for about, value in (("errors", _rate), ("p95", _p95)):
        arms = [[value(one.look.canary) for one in shown], [value(one.look.stable) for one in shown]]
        most = max((number for arm in arms for number in arm), default=0.0)
        for name, arm, style in ((new, arms[0], "cyan"), (old, arms[1], "dim")):
            bars = columns([*arm, most], height=1)[0][: len(arm)]
            last = (f"{arm[-1]:.1%}" if about == "errors" else f"{arm[-1]:g} s") if arm else ""
            lines.append(Text.assemble(f"    {about:7}", (f"{safe(name)[:14]:15}", style), (bars, style), f" {last}"))
    return lines


def arms_table(arms: Sequence[dict[str, Any]]) -> Table:
    table = _table("release", "requests", "ready", "busy")
    for arm in arms:
        busy = "unknown" if arm["busy"] is None else str(arm["busy"])
        ready = f"{arm['ready']} of {arm['instances']}"
        table.add_row(Text(safe(arm["build"]), "bold"), f"{arm['weight']} %", ready, busy)
    return table


def deploys_table(deploys: Sequence[Deploy]) -> Table:
    table, now = _table("deploy", "release", "from", "strategy", "outcome", "by", "started"), SystemClock().now()
    for one in deploys:
        outcome = one.outcome.value.replace("_", " ") if one.outcome else "under way"
        table.add_row(one.id, Text(safe(one.plan.new), "bold"), one.plan.old or "-", one.plan.terms.strategy.value,
                      outcome, safe(one.started_by), ago(one.started_at.isoformat(), now))  # fmt: skip
    return table


def deploy_json(deploy: Deploy, steps: Sequence[StepRecord] = (), looks: Sequence[LookRecord] = ()) -> dict[str, Any]:
    return {
        "id": deploy.id, "release": deploy.plan.new, "from": deploy.plan.old,
        "strategy": deploy.plan.terms.strategy.value, "outcome": deploy.outcome and deploy.outcome.value,
        "by": deploy.started_by, "held": deploy.held,
        "started_at": deploy.started_at, "finished_at": deploy.finished_at,
        "step": steps[-1].step.said if steps else None,
        "steps": [{"seq": one.seq, **step_json(one)} for one in steps], "looks": [look_json(one) for one in looks],
    }  # fmt: skip


def step_json(record: StepRecord) -> dict[str, Any]:
    return {
        "step": record.step.said, "back": record.back, "verdict": record.verdict and record.verdict.value,
        "said": record.said, "findings": [asdict(finding) for finding in record.findings],
    }  # fmt: skip


def look_json(record: LookRecord) -> dict[str, Any]:
    arms = {"stable": record.look.stable, "canary": record.look.canary}
    return {"seq": record.seq, "at": record.at, "verdict": record.verdict.value, **{
        name: None if one is None else {"requests": one.requests, "errors": one.errors, "p95": _p95(one)}
        for name, one in arms.items()
    }}  # fmt: skip


def _figures(figures: Figures | None) -> str:
    if figures is None:
        return "no figures"
    return f"{figures.errors} errors of {figures.requests}, p95 {_seconds(figures.latency)}"


def _seconds(latency: Histogram) -> str:
    value = quantile(latency, 0.95)
    return "unknown" if value is None else f"{value:g} s"


def _rate(figures: Figures | None) -> float:
    return figures.errors / figures.requests if figures is not None and figures.requests else 0.0


def _p95(figures: Figures | None) -> float:
    value = quantile(figures.latency, 0.95) if figures is not None else None
    return value if value is not None and value != float("inf") else 0.0


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    return table


def say_plan(planned: Plan, *, json: bool) -> None:
    """Its steps, and the way back."""
    steps = [step.said for step in planned.forward]
    if json:
        say_json({"release": planned.new, "from": planned.old, "steps": steps})
        return
    say(f"{planned.new}, from {planned.old or 'nothing'}, {planned.terms.strategy.value}:", "bold")
    for number, step in enumerate(steps, 1):
        say(f"{number:3}  {step}")
    say("When a step fails: " + "; ".join(step.said for step in planned.back) + ".", "dim")
