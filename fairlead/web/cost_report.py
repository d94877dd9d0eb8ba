"""A cost report as the API gives it, and the console as a download."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fairlead.gateway.costs import Moment, Report, RunCost, Share, Sums
from fairlead.gateway.period import HOUR

_NANO = 1_000_000_000


def report_view(report: Report) -> dict[str, Any]:
    return {
        "from": report.period.since.isoformat(),
        "to": report.period.until.isoformat(),
        "step": "hour" if report.step == HOUR else "day",
        "totals": _sums(report.totals),
        "over_time": [_part(moment) for moment in report.over_time],
        "by": {dimension.value: [_part(one) for one in parts] for dimension, parts in report.by.items()},
        "runs": [_run(run) for run in report.runs],
    }


def _part(part: Share | Moment) -> dict[str, Any]:
    named = {"name": part.name} if isinstance(part, Share) else {"at": part.at.isoformat()}
    return {**named, **_sums(part.sums)}


def _sums(sums: Sums) -> dict[str, Any]:
    told: dict[str, Any] = asdict(sums)
    cost, saved = told.pop("cost_nano"), told.pop("saved_nano")
    return {**told, "cost_usd": cost / _NANO, "saved_usd": saved / _NANO}


def _run(run: RunCost) -> dict[str, Any]:
    told: dict[str, Any] = asdict(run)
    cost = told.pop("cost_nano")
    return {**told, "first_at": run.first_at.isoformat(), "last_at": run.last_at.isoformat(), "cost_usd": cost / _NANO}
