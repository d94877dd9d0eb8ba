"""What model calls cost: in all, over time, by whom, in which runs; and one name's costs alone."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response

from fairlead.errors import InvalidInput
from fairlead.gateway.costs import MOST, Dimension, Moment, Report, Share, Sums, parse_dimensions
from fairlead.gateway.period import DAY, HOUR, Period, parse_period
from fairlead.web.console import policy
from fairlead.web.console.charts import Axis, Chart, Series, Shape, Unit, chart
from fairlead.web.console.desk import Desk, caller_of
from fairlead.web.console.doors import Doors
from fairlead.web.console.format import NOTHING, Format
from fairlead.web.console.key_names import key_names
from fairlead.web.console.language import N_
from fairlead.web.console.section import Routes
from fairlead.web.cost_report import report_view
from fairlead.web.cost_table import COLUMNS, cost_rows

PATH = "/console/costs"
PERIODS = {
    "1h": N_("1 hour"),
    "24h": N_("24 hours"),
    "7d": N_("7 days"),
    "30d": N_("30 days"),
    "month": N_("This month"),
}
USUAL = "24h"
TOPS = (10, 25, 100)
BY = {
    Dimension.MODEL: N_("Model"), Dimension.PROVIDER: N_("Provider"), Dimension.AGENT: N_("Agent"),
    Dimension.USER: N_("User"), Dimension.RELEASE: N_("Release"), Dimension.KEY: N_("API key"),
    Dimension.HOUR: N_("Hour"), Dimension.DAY: N_("Day"),
}  # fmt: skip
NAMED = tuple(one for one in BY if one not in (Dimension.HOUR, Dimension.DAY))
_OF_RUNS = {Dimension.AGENT: "agent", Dimension.USER: "user", Dimension.RELEASE: "release"}
_STEPS = {Dimension.HOUR: HOUR, Dimension.DAY: DAY}


@dataclass(frozen=True, slots=True)
class Query:
    """What the address asks for. `preset` is empty where `since` or `until` are given; `of` is the one name whose costs
    are told."""

    preset: str
    since: str
    until: str
    period: Period
    by: Dimension = Dimension.AGENT
    top: int = TOPS[0]
    of: tuple[Dimension, str] | None = None

    def address(self, path: str = PATH, /, **changes: str | None) -> str:
        found = {
            "period": self.preset if self.preset != USUAL else "", "from": self.since, "to": self.until,
            "by": self.by.value if self.by is not Dimension.AGENT else "",
            "top": str(self.top) if self.top != TOPS[0] else "",
        }  # fmt: skip
        if self.of is not None:
            found[self.of[0].value] = self.of[1]
        given = {name: value for name, value in (found | changes).items() if value}
        if self.of is not None and not self.of[1] and self.of[0].value not in changes:
            given[self.of[0].value] = ""  # those without a name are a name, too
        return f"{path}?{urlencode(given)}".rstrip("?")

    @property
    def runs_within(self) -> dict[str, str]:
        """The period, as the list of runs takes it."""
        return {"from": moment(self.period.since), "to": moment(self.period.until)}


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    address: str
    current: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One name. `named` is false of what had none; `runs` is empty where runs can't be told by it."""

    name: str
    named: bool
    address: str
    runs: str
    sums: Sums
    share: str
    width: float


@dataclass(frozen=True, slots=True)
class CostsView:
    query: Query
    report: Report
    periods: tuple[Link, ...]
    dimensions: tuple[Link, ...]
    tops: tuple[Link, ...]
    chart: Chart
    rows: tuple[Row, ...]
    by: str
    of_kind: str
    of_name: str
    all_of: str
    """The address without the one name."""
    runs_of: str
    """The runs of the one name."""
    csv: str
    json: str
    said: str
    """The period in words."""
    hourly: bool
    dearest_first: bool
    cut: bool
    """There may be more names than are shown."""
    no_runs: str
    """Why no run is told."""


def parse(params: Mapping[str, str], now: datetime) -> Query:
    """Raises `InvalidInput` for a time, a dimension or a number that is none."""
    since, until = (params.get(name, "").strip()[:60] for name in ("from", "to"))
    preset = "" if since or until else params.get("period", USUAL)
    if preset not in ("", *PERIODS):
        raise InvalidInput(f"{preset[:60]!r} is no period.", hint=f"One of {', '.join(PERIODS)}, or from and to.")
    begin = f"{now:%Y-%m}-01" if preset == "month" else preset or since or None
    period = parse_period(begin, until or None, now=now)
    by = parse_dimensions(params.get("by", "") or Dimension.AGENT.value)
    if len(by) != 1 or by[0] not in BY:
        raise InvalidInput("Costs are shown by one of these at a time.", hint=", ".join(BY))
    of = next(((one, params[one.value][:200]) for one in NAMED if one.value in params), None)
    return Query(preset, since, until, period, by[0], _top(params.get("top", "")), of)


def _top(text: str) -> int:
    if not text:
        return TOPS[0]
    if not text.isdecimal() or not 1 <= int(text[:9]) <= MOST:
        raise InvalidInput(f"top is a number from 1 to {MOST}.")
    return int(text)


async def read(doors: Doors, tenant: str, query: Query) -> Report:
    if query.of is not None:
        return await doors.costs.of_name(tenant, query.period, *query.of, top=query.top)
    return await doors.costs.report(tenant, query.period, by=(query.by,), top=query.top)


def shape(query: Query, report: Report, names: Mapping[str, str], fmt: Format) -> CostsView:
    """`names`: of keys, by their ids."""
    _ = fmt.words.gettext
    parts = report.by.get(query.by, ())
    of_kind, of_name = ("", "") if query.of is None else (_(BY[query.of[0]]), _shown(*query.of, names))
    return CostsView(
        query=query, report=report,
        periods=tuple(
            Link(_(label), query.address(**{"period": name, "from": None, "to": None}), query.preset == name)
            for name, label in PERIODS.items()
        ),
        dimensions=tuple(Link(_(label), query.address(by=one.value), query.by is one) for one, label in BY.items()),
        tops=tuple(Link(str(one), query.address(top=str(one)), query.top == one) for one in TOPS),
        chart=_chart(query, report, fmt),
        rows=tuple(_row(query, part, report, names, fmt) for part in parts),
        by=_(BY[query.by]), of_kind=of_kind, of_name=of_name,
        all_of="" if query.of is None else query.address(**{query.of[0].value: None}),
        runs_of="" if query.of is None else _runs(query, *query.of),
        csv=query.address(f"{PATH}.csv"), json=query.address(f"{PATH}.json"),
        said=f"{when(query.period.since, HOUR, fmt)} – {when(query.period.until, HOUR, fmt)}",
        hourly=report.step == HOUR,
        dearest_first=query.by in NAMED, cut=query.by in NAMED and len(parts) >= query.top,
        no_runs=_no_runs(query, fmt),
    )  # fmt: skip


def _chart(query: Query, report: Report, fmt: Format) -> Chart:
    starts = [one.at for one in report.over_time]
    axis = Axis(starts, report.step, partial=bool(starts) and starts[-1] + report.step > fmt.now)
    series = Series(fmt.words.gettext(N_("Cost")), [one.sums.cost_nano for one in report.over_time], "tool")
    by = (Dimension.HOUR if report.step == HOUR else Dimension.DAY).value
    return chart(
        "cost", axis, [series], fmt, unit=Unit.MONEY, shape=Shape.BARS, csv=query.address(f"{PATH}.csv", by=by)
    )


def when(at: datetime, step: timedelta, fmt: Format) -> str:
    """An hour in the reader's zone. A day is one of UTC, and so called by its date there."""
    return f"{at:%Y-%m-%d}" if step >= DAY else f"{fmt.local(at):%Y-%m-%d %H:%M}"


def _shown(dimension: Dimension, name: str, names: Mapping[str, str]) -> str:
    return names.get(name, name) if dimension is Dimension.KEY else name


def _row(query: Query, part: Share | Moment, report: Report, names: Mapping[str, str], fmt: Format) -> Row:
    cost, whole = part.sums.cost_nano, report.totals.cost_nano
    dearest = max(one.sums.cost_nano for one in report.by[query.by])
    share = f"{cost / whole:.1%}" if whole else NOTHING
    width = round(100 * cost / dearest, 2) if dearest else 0.0
    if isinstance(part, Moment):
        step = _STEPS[query.by]
        within = {"from": moment(part.at), "to": moment(part.at + step)}
        told, address = when(part.at, step, fmt), query.address(period=None, by=None, **within)
        return Row(told, True, address, f"/console/runs?{urlencode(within)}", part.sums, share, width)
    name = part.name or ""
    told, address = _shown(query.by, name, names), replace(query, of=(query.by, name)).address(by=None)
    return Row(told, bool(name), address, _runs(query, query.by, name), part.sums, share, width)


def _runs(query: Query, dimension: Dimension, name: str) -> str:
    if dimension not in _OF_RUNS or not name:
        return ""
    return f"/console/runs?{urlencode({_OF_RUNS[dimension]: name, **query.runs_within})}"


def _no_runs(query: Query, fmt: Format) -> str:
    _ = fmt.words.gettext
    if query.of is None:
        return _(N_("No call of this period belongs to a run."))
    if query.of[0] not in (Dimension.AGENT, Dimension.USER, Dimension.RELEASE):
        return _(N_("What a run costs is kept by agent, user and release."))
    text = N_("None is among the %(count)s dearest runs of this period.")
    return _(text) % {"count": fmt.count(MOST)}


def moment(at: datetime) -> str:
    """For an address: short, and no sign that must be escaped there."""
    return f"{at:%Y-%m-%dT%H:%MZ}"


class CostsPages:
    def __init__(self, desk: Desk, doors: Doors) -> None:
        self._desk = desk
        self._doors = doors

    def pages(self) -> Routes:
        return [(PATH, self.page), (f"{PATH}.csv", self.csv), (f"{PATH}.json", self.json)]

    def writes(self) -> Routes:
        return []

    async def page(self, request: Request) -> Response:
        query, report = await self._read(request)
        by_key = Dimension.KEY in (query.by, query.of and query.of[0])
        names: Mapping[str, str] = await key_names(self._doors, caller_of(request).tenant) if by_key else {}
        view = shape(query, report, names, self._desk.reader(request).fmt)
        return self._desk.page(request, "pages/costs.html", view=view, here="costs")

    async def csv(self, request: Request) -> Response:
        _, report = await self._read(request)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        writer.writerows(cost_rows(report_view(report)))
        return _file(text.getvalue().encode(), "costs.csv", "text/csv; charset=utf-8")

    async def json(self, request: Request) -> Response:
        _, report = await self._read(request)
        return _file(orjson.dumps(report_view(report), option=orjson.OPT_INDENT_2), "costs.json", "application/json")

    async def _read(self, request: Request) -> tuple[Query, Report]:
        query = parse(request.query_params, self._desk.clock.now())
        return query, await read(self._doors, caller_of(request).tenant, query)


def _file(body: bytes, name: str, kind: str) -> Response:
    return Response(
        body, media_type=kind, headers=policy.HEADERS | {"Content-Disposition": f'attachment; filename="{name}"'}
    )
