"""The list of deploys: the one under way on top, with its step; then the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from fairlead.ship.ledger import Deploy
from fairlead.web.console import course, state
from fairlead.web.console.door import Door, Shipped
from fairlead.web.console.format import Format
from fairlead.web.console.state import State

PATH = "/console/deploys"


@dataclass(frozen=True, slots=True)
class Row:
    deploy: Deploy
    state: State
    strategy: str
    took: timedelta
    step: str = ""  # of the one under way


@dataclass(frozen=True, slots=True)
class DeploysView:
    rows: tuple[Row, ...]


async def read(door: Door) -> tuple[Sequence[Deploy], Shipped | None]:
    """All of them, and the one under way with its steps."""
    deploys = await door.deploys()
    one = next((one for one in deploys if one.outcome is None), None)
    return deploys, None if one is None else await door.deploy(one.id)


def shape(deploys: Sequence[Deploy], open_one: Shipped | None, fmt: Format) -> DeploysView:
    ordered = sorted(deploys, key=lambda one: one.outcome is not None)  # stable: else as they came
    return DeploysView(tuple(_row(one, open_one, fmt) for one in ordered))


def _row(deploy: Deploy, open_one: Shipped | None, fmt: Format) -> Row:
    step = ""
    if open_one is not None and open_one.deploy.id == deploy.id:
        now = course.under_way(open_one)
        step = course.words(now.step, deploy.plan, fmt)[0] if now is not None else ""
    strategy = fmt.words.gettext(course.STRATEGIES[deploy.plan.terms.strategy])
    return Row(deploy, state.of_deploy(deploy), strategy, (deploy.finished_at or fmt.now) - deploy.started_at, step)
