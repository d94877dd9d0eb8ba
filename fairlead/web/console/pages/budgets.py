"""What may be spent and what is, live; and whose model calls are stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from fairlead.access import Role
from fairlead.gateway.allowance import ANY, Period
from fairlead.gateway.budgets import KEY, BudgetState
from fairlead.gateway.switch import Stop
from fairlead.web.console import streams
from fairlead.web.console.desk import Desk, caller_of
from fairlead.web.console.doors import Doors
from fairlead.web.console.format import NOTHING, Format
from fairlead.web.console.key_names import key_names
from fairlead.web.console.language import N_
from fairlead.web.console.scopes import Named, address, named
from fairlead.web.console.section import Routes
from fairlead.web.console.state import State, Tone

PATH = "/console/budgets"
MOST = 200  # budgets on a page, the fullest first
_AGAIN = timedelta(seconds=2)
WARNED_AT = (50, 80, 100)
PERIODS = {Period.DAY: N_("Day"), Period.MONTH: N_("Month"), Period.TOTAL: N_("Total")}
PER = {Period.DAY: N_("per day"), Period.MONTH: N_("per month"), Period.TOTAL: N_("in total")}
_COSTS_OF = {Period.DAY: "today", Period.MONTH: "month", Period.TOTAL: "3650d"}
_WITHIN = State("success", Tone.OK, N_("within"))
_HALF = State("running", Tone.ACCENT, N_("half spent"))
_NEARLY = State("interrupted", Tone.WARN, N_("nearly spent"))
_SPENT = State("error", Tone.ERR, N_("spent"))
_FREE = State("pending", Tone.MUTED, N_("no limit"))
_STOPPED = State("cancelled", Tone.ERR, N_("stopped"))
_HINT = N_(
    "Notches stand at 50 % and 80 %: a warning is given there, and when all is spent. Held is what processes have set "
    "aside for calls under way. Days and months are those of UTC."
)
_SETTERS = {"settings": N_("settings"), KEY: N_("the key")}


@dataclass(frozen=True, slots=True)
class Row:
    """`width` and `held` are percent of the meter; `held` begins where `width` ends."""

    budget: BudgetState
    named: Named
    state: State
    period: str
    width: float
    held: float
    share: str
    limit: str
    left: str
    over: bool
    set_by: str
    costs: str
    change: str
    stop: str


@dataclass(frozen=True, slots=True)
class StopRow:
    """`resume` is empty where it was stopped in every tenant: that is for the command line."""

    stop: Stop
    named: Named
    resume: str


@dataclass(frozen=True, slots=True)
class BudgetsView:
    rows: tuple[Row, ...]
    stops: tuple[StopRow, ...]
    text: str
    left_out: int
    may: bool
    live: str
    hint: str


Material = tuple[Sequence[BudgetState], Sequence[Stop], Mapping[str, str]]


def parse(params: Mapping[str, str]) -> str:
    """Words of the scope that are looked for."""
    return params.get("q", "").strip()[:200]


async def read(doors: Doors, tenant: str) -> Material:
    states, keys = await asyncio.gather(doors.budgets.state(tenant), key_names(doors, tenant))
    stops = [stop for stop in doors.stops.all if stop.tenant in (ANY, tenant)]
    return states, stops, keys


def shape(text: str, material: Material, fmt: Format, *, may: bool) -> BudgetsView:
    """`may`: whether this reader sets limits and stops calls."""
    states, stops, keys = material
    rows = [_row(state, stops, keys, fmt) for state in states]
    found = [row for row in rows if text.lower() in f"{row.budget.scope} {row.named.name}".lower()]
    found.sort(key=lambda row: (row.state is not _STOPPED, -_share(row.budget), row.budget.scope))
    return BudgetsView(
        rows=tuple(found[:MOST]),
        stops=tuple(
            StopRow(
                stop, named(stop.scope, keys, fmt),
                address(f"{PATH}/resume", scope=stop.scope) if stop.tenant != ANY else "",
            )
            for stop in stops
        ),
        text=text, left_out=max(len(found) - MOST, 0), may=may,
        hint=fmt.words.gettext(_HINT),
        live=address(f"{PATH}/live", q=text) if text else f"{PATH}/live",
    )  # fmt: skip


def _row(state: BudgetState, stops: Sequence[Stop], keys: Mapping[str, str], fmt: Format) -> Row:
    told, limit = named(state.scope, keys, fmt), state.limit_nano
    width = min(100.0, 100 * state.spent_nano / limit) if limit else 100.0 if limit == 0 else 0.0
    held = min(100.0 - width, 100 * state.held_nano / limit) if limit else 0.0
    left = state.remaining_nano
    of = {"scope": state.scope, "period": state.period.value}
    return Row(
        budget=state, named=told, state=_state(state, stops), period=fmt.words.gettext(PER[state.period]),
        width=round(width, 2), held=round(held, 2), share=f"{_share(state):.0%}" if limit else NOTHING,
        limit=fmt.money(limit), left=fmt.money(None if left is None else max(left, 0)),
        over=left is not None and left < 0, set_by=_setter(state.set_by, fmt),
        costs="" if told.costs is None else _costs(told.costs, state.period),
        change=address(f"{PATH}/set", **of),
        stop=address(f"{PATH}/stop", scope=state.scope) if not told.scope.endswith(ANY) else "",
    )  # fmt: skip


def _share(state: BudgetState) -> float:
    if state.limit_nano is None:
        return 0.0
    return state.spent_nano / state.limit_nano if state.limit_nano else 1.0


def _state(state: BudgetState, stops: Sequence[Stop]) -> State:
    if any(stop.scope in ("all", state.scope) for stop in stops):
        return _STOPPED
    if state.limit_nano is None:
        return _FREE
    half, most, whole = (mark / 100 for mark in WARNED_AT)
    share = _share(state)
    return _SPENT if share >= whole else _NEARLY if share >= most else _HALF if share >= half else _WITHIN


def _setter(name: str, fmt: Format) -> str:
    return fmt.words.gettext(_SETTERS[name]) if name in _SETTERS else name or NOTHING


def _costs(of: Mapping[str, str], period: Period) -> str:
    within = {"period": "month"} if period is Period.MONTH else {"from": _COSTS_OF[period]}
    return address("/console/costs", **within, **of)


class BudgetsPages:
    def __init__(self, desk: Desk, doors: Doors) -> None:
        self._desk = desk
        self._doors = doors

    def pages(self) -> Routes:
        return [(PATH, self.page), (f"{PATH}/live", self.live)]

    def writes(self) -> Routes:
        return []

    async def page(self, request: Request) -> Response:
        view = await self._view(request)
        return self._desk.page(request, "pages/budgets.html", view=view, here="budgets")

    async def live(self, request: Request) -> Response:
        async def draw() -> dict[str, str]:
            view, reader = await self._view(request), self._desk.reader(request)
            return {
                name: self._desk.templates.fill(f"parts/_{name}.html", reader, view=view, path="")
                for name in ("stops", "budgets")
            }

        return streams.of_page(self._desk, request, draw, again=_AGAIN)

    async def _view(self, request: Request) -> BudgetsView:
        caller = caller_of(request)
        material = await read(self._doors, caller.tenant)
        may = caller.role.covers(Role.OPERATOR)
        return shape(parse(request.query_params), material, self._desk.reader(request).fmt, may=may)
