"""A dashboard as it is drawn: from what was read to tiles, charts and rows. What could not be read fails alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from fairlead.clock import to_micros
from fairlead.errors import FairleadError
from fairlead.gateway.budgets import BudgetState
from fairlead.gateway.costs import Moment
from fairlead.operate.levels import Report
from fairlead.runs.figure_book import AtWork
from fairlead.runs.figures import MICROS, Course, Sums, octaves, quantile
from fairlead.web.console import dashboard_tiles as tiles
from fairlead.web.console.attention import Item
from fairlead.web.console.charts import (
    Axis,
    Bar,
    BarRow,
    Bin,
    Chart,
    Histogram,
    Limit,
    Mark,
    Series,
    Shape,
    Unit,
    bars,
    chart,
    histogram,
    percent,
)
from fairlead.web.console.dashboard_query import HOUR, Query, moment
from fairlead.web.console.dashboard_tiles import ERROR_ALERT, LATENCY_ALERT, Tile
from fairlead.web.console.format import Format
from fairlead.web.console.language import N_
from fairlead.web.console.pages import levels as levels_page

PARTS = ("strip", "runs", "attention", "latency", "errors", "cost", "tools", "levels")
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "runs": ("success", "interrupted", "failed"), "errors": ("error_rate",), "cost": ("cost_usd",),
}  # fmt: skip
"""The charts there are, and the columns of their files."""
LEVELS_OVER = timedelta(days=30)
_MOST_TOOLS = 8
_FAILS_OFTEN = 0.05
Steps = Sequence[Sums | None]
T = TypeVar("T")
Told = T | FairleadError


@dataclass(frozen=True, slots=True)
class Choices:
    agents: Sequence[str] = ()
    releases: Sequence[str] = ()
    tenants: Sequence[str] = ()
    """Others than the reader's own that he may see; empty: only that."""


@dataclass(frozen=True, slots=True)
class Material:
    """What was read; each by itself, or why it could not be. `costs`: None where they are those of the runs."""

    course: Told[Course]
    at_work: Told[AtWork]
    costs: Told[Sequence[Moment]] | None
    today: Told[Sequence[Moment]]
    budget: Told[BudgetState | None]
    attention: Sequence[Told[Sequence[Item]]]
    levels: Told[Report]
    choices: Told[Choices]


@dataclass(frozen=True, slots=True)
class Latency:
    drawn: Histogram
    said: str
    label: str


@dataclass(frozen=True, slots=True)
class LevelRow:
    row: levels_page.Row
    left: float | None  # percent of its meter
    tone: str


@dataclass(frozen=True, slots=True)
class DashboardView:
    """`failed`: why a part has nothing, by its name; `unknown`: how many things nobody could look after."""

    query: Query
    choices: Choices
    tiles: tuple[Tile, ...]
    attention: tuple[Item, ...]
    unknown: int
    charts: Mapping[str, Chart]
    heads: Mapping[str, str]
    latency: Latency | None
    tools: tuple[Bar, ...]
    levels: tuple[LevelRow, ...]
    ended: int = 0  # runs, in what is drawn
    failed: Mapping[str, FairleadError] = field(default_factory=dict[str, FairleadError])
    counted_from: str = ""
    between: str = ""  # the beginning and the end that were given
    live: str = ""
    parts: tuple[str, ...] = PARTS


def shape(query: Query, read: Material, fmt: Format) -> DashboardView:
    failed: dict[str, FairleadError] = {}
    charts: dict[str, Chart] = {}
    heads: dict[str, str] = {}
    latency, tools, course = None, (), known(read.course)
    steps = course.steps(query.span.starts) if course is not None else []
    if isinstance(read.course, FairleadError):
        failed |= dict.fromkeys(("runs", "latency", "errors", "tools"), read.course)
    if course is not None:
        charts |= {"runs": _runs(query, steps, fmt), "errors": _errors(query, steps, fmt)}
        heads["errors"] = charts["errors"].far
        latency, tools = _latency(query, course, fmt), _tools(query, course, fmt)
    if isinstance(read.costs, FairleadError):
        failed["cost"] = read.costs
    elif read.costs is None and isinstance(read.course, FairleadError):
        failed["cost"] = read.course
    else:
        charts["cost"], heads["cost"] = _cost(query, steps, known(read.costs), fmt)
    if isinstance(read.levels, FairleadError):
        failed["levels"] = read.levels
    looked = [one for one in read.attention if not isinstance(one, FairleadError)]
    return DashboardView(
        query, known(read.choices) or Choices(),
        tiles.shape(query, course, steps, known(read.at_work), known(read.today), known(read.budget), fmt),
        tuple(item for items in looked for item in items), len(read.attention) - len(looked),
        charts, heads, latency, tools, _levels(known(read.levels), fmt),
        course.sums(query.span.drawn, query.span.until).runs if course else 0, failed,
        _counted_from(query, course, fmt), _between(query, fmt), query.address("/console/dashboard/live"),
    )  # fmt: skip


def known(told: T | FairleadError | None) -> T | None:
    return None if isinstance(told, FairleadError) else told


def axis(query: Query, fmt: Format) -> Axis:
    span = query.span
    partial = span.until * MICROS > to_micros(fmt.now)
    return Axis([moment(start) for start in span.starts], timedelta(minutes=span.step), partial=partial)


def csv_of(view: DashboardView, name: str) -> str:
    """One chart as it is drawn, with a line for each step."""
    drawn = view.charts[name]
    lines = [",".join(("start", *COLUMNS[name]))]
    starts, columns = drawn.data["starts"], [one["values"] for one in drawn.data["series"]]
    for place, start in enumerate(starts):
        values = ["" if column[place] is None else f"{column[place]:.12g}" for column in columns]
        lines.append(",".join((moment(start // 60).isoformat(), *values)))
    return "\n".join(lines) + "\n"


def _csv(query: Query, name: str) -> str:
    return query.address(format="csv", chart=name)


def _runs(query: Query, found: Steps, fmt: Format) -> Chart:
    _ = fmt.words.gettext
    series = [
        Series(_(N_("success")), [None if one is None else one.success for one in found], "model"),
        Series(_(N_("interrupted")), [None if one is None else one.interrupted for one in found], "warn"),
        Series(_(N_("error, timeout")), [None if one is None else one.failed for one in found], "err"),
    ]
    return chart("runs", axis(query, fmt), series, fmt, shape=Shape.STACK, csv=_csv(query, "runs"))


def _errors(query: Query, found: Steps, fmt: Format) -> Chart:
    _ = fmt.words.gettext
    values = [None if one is None else one.error_rate for one in found]
    limit = Limit(ERROR_ALERT, _(N_("alert at %(limit)s")) % {"limit": percent(ERROR_ALERT)})
    series = [Series(_(N_("Error rate")), values, "err")]
    return chart("errors", axis(query, fmt), series, fmt, unit=Unit.SHARE, limit=limit, csv=_csv(query, "errors"))


def _cost(query: Query, found: Steps, costs: Sequence[Moment] | None, fmt: Format) -> tuple[Chart, str]:
    """By when calls were made; where they are filtered, or by less than an hour, by when their runs ended."""
    _ = fmt.words.gettext
    if costs is not None:
        step = timedelta(minutes=max(query.span.step, HOUR))
        drawn = Axis([one.at for one in costs], step, partial=bool(costs) and costs[-1].at + step > fmt.now)
        values: list[float | None] = [one.sums.cost_nano for one in costs]
    else:
        drawn = axis(query, fmt)
        values = [None if one is None else one.cost_nano for one in found]
    series = [Series(_(N_("Cost")), values, "tool")]
    made = chart("cost", drawn, series, fmt, unit=Unit.MONEY, shape=Shape.BARS, csv=_csv(query, "cost"))
    total = fmt.money(round(sum(value or 0 for value in values)))
    said = N_("%(sum)s in all") if costs is not None else N_("%(sum)s, of the runs that ended")
    return made, _(said) % {"sum": total}


def _end(end: float, before: float | None, fmt: Format) -> str:
    """Where a column ends. The unit stands where it is another than before."""
    _, short = fmt.words.gettext, end < 1
    number = f"{end * 1000:.0f}" if short else f"{end:.0f}"
    if before is not None and (before < 1) is short:
        return number
    told = (_("%(n)s ms") if short else _("%(n)s s")) % {"n": number}
    return told if before is not None else _(N_("≤ %(time)s")) % {"time": told}


def _latency(query: Query, course: Course, fmt: Format) -> Latency:
    _, found = fmt.words.gettext, octaves(course.buckets)
    bins: list[Bin] = []
    for place, (end, count) in enumerate(found):
        label = _end(end, found[place - 1][0] if place else None, fmt)
        longer = query.runs(min_duration=f"{found[place - 1][0]:g}s") if place else query.runs()
        bins.append(Bin(label, count, href=longer, said=fmt.count(count)))
    marks: list[Mark] = []
    if found and found[0][0] / 2 < LATENCY_ALERT < found[-1][0]:
        at = math.log2(LATENCY_ALERT / found[0][0]) + 1
        said = _(N_("alert at %(limit)s")) % {"limit": _(N_("%(n)s s")) % {"n": f"{LATENCY_ALERT:g}"}}
        marks = [Mark(at, said, limit=True)]
    quantiles = {name: tiles.about(quantile(course.buckets, share), fmt) for name, share in tiles.QUANTILES.items()}
    said = _(N_("P50 %(p50)s · P95 %(p95)s · P99 %(p99)s")) % quantiles if found else ""
    title = _(N_("How long runs executed"))
    return Latency(histogram(bins, marks=marks), said, fmt.told(title, said) if said else title)


def _tools(query: Query, course: Course, fmt: Format) -> tuple[Bar, ...]:
    return bars(
        [
            BarRow(
                one.name, one.calls, fmt.count(one.calls), percent(one.failed_share),
                "err" if one.failed_share >= _FAILS_OFTEN else "light", query.runs(tool=one.name), code=True,
            )
            for one in course.tools[:_MOST_TOOLS]
        ]
    )  # fmt: skip


def _levels(report: Report | None, fmt: Format) -> tuple[LevelRow, ...]:
    if report is None:
        return ()
    rows = levels_page.shape("30d", report, fmt).rows
    return tuple(
        _level(row, one.budget.left if one.budget else None) for row, one in zip(rows, report.measures, strict=True)
    )


def _level(row: levels_page.Row, left: float | None) -> LevelRow:
    tone = "accent" if left is None or left > 0.25 else "warn" if left > 0 else "err"
    return LevelRow(row, None if left is None else round(100 * min(max(left, 0.0), 1.0), 1), tone)


def _counted_from(query: Query, course: Course | None, fmt: Format) -> str:
    if course is None or course.counted_from <= query.span.before:
        return ""
    return fmt.time(moment(course.counted_from))


def _between(query: Query, fmt: Format) -> str:
    if not query.given:
        return ""
    since, until = (f"{fmt.local(moment(one)):%Y-%m-%d %H:%M}" for one in (query.span.since, query.span.until))
    return f"{since} – {until}"
