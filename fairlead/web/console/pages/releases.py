"""Releases: those that were shipped, are served, or have runs; who serves them, and what waits on them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from fairlead.access import Principal
from fairlead.clock import to_micros
from fairlead.errors import FairleadError
from fairlead.runs.figure_book import OfRelease
from fairlead.runs.figures import DAY, FINE, MICROS, quantile
from fairlead.runs.oversight import Open
from fairlead.runs.run import Status, Worker
from fairlead.ship.evaluation.book import Evaluation
from fairlead.ship.ledger import Deploy
from fairlead.ship.strategy import Outcome
from fairlead.web.console import below, live, state, streams
from fairlead.web.console.charts import percent
from fairlead.web.console.dashboard_tiles import about
from fairlead.web.console.desk import Desk, caller_of
from fairlead.web.console.doors import Doors
from fairlead.web.console.format import NOTHING, Format
from fairlead.web.console.language import N_
from fairlead.web.console.section import Routes, of_house
from fairlead.web.console.state import State, Tone

PATH = "/console/releases"
RUNS = "/console/runs"
AGAIN = timedelta(seconds=2)
_SHOWN = "24h"
_FIGURES_LAST = 10.0  # seconds
_MOST_DEPLOYS = 200
_MOST_EVALUATIONS = 200
_MOST_RUNS = 10_000
_STABLE = State("success", Tone.OK, N_("stable"))
_CANARY = State("running", Tone.ACCENT, N_("canary"))
_UNSERVED = State("interrupted", Tone.WARN, N_("unserved"))
_SERVED = State("success", Tone.OK, N_("served"))
_IDLE = State("pending", Tone.MUTED, N_("no worker"))
_RETIRED = State("cancelled", Tone.MUTED, N_("retired"))
_DRAINING = State("cancelled", Tone.MUTED, N_("draining"))
_ORDER = (_UNSERVED, _CANARY, _STABLE, _SERVED, _DRAINING, _IDLE, _RETIRED)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of releases. An error where something could not be read."""

    workers: Sequence[Worker] | FairleadError
    deploys: Sequence[Deploy] | FairleadError
    stable: str | FairleadError | None
    runs: Sequence[Open] | FairleadError
    evaluations: Sequence[Evaluation] | FairleadError
    figures: Mapping[str, OfRelease] | FairleadError = field(default_factory=dict[str, OfRelease])


@dataclass(frozen=True, slots=True)
class Figures:
    """Of runs that ended lately. `late`: the runs that took longer than the P95."""

    errors: str
    failed: bool
    p95: str
    cost: str
    late: str


@dataclass(frozen=True, slots=True)
class Row:
    """`last`: of its evaluations the newest. `unserved`: agents whose runs wait although nobody serves them."""

    name: str
    state: State
    workers: int
    used: int
    slots: int
    share: float  # of the slots, in percent
    running: int
    waiting: int
    deploy: Deploy | None
    last: Evaluation | None
    verdict: State | None
    unserved: tuple[str, ...]
    lost: int  # so many of their runs
    oldest: datetime | None
    move: str  # where those that wait can be moved from
    figures: Figures | None = None

    @property
    def address(self) -> str:
        return f"{RUNS}?{urlencode({'release': self.name})}"

    @property
    def lately(self) -> str:
        return f"{self.address}&{urlencode({'from': _SHOWN})}"

    @property
    def costs(self) -> str:
        return f"/console/costs?{urlencode({'release': self.name, 'period': _SHOWN})}"


@dataclass(frozen=True, slots=True)
class ReleasesView:
    """`failed`: what could not be read."""

    rows: tuple[Row, ...]
    warned: tuple[Row, ...]
    failed: tuple[tuple[str, str], ...]
    evaluates: bool
    many: bool  # there are more runs than were counted


async def read(
    desk: Desk, doors: Doors, caller: Principal, request: Request, figures: Awaitable[Mapping[str, OfRelease]]
) -> Known:
    """Each may fail by itself."""
    door, ledger = desk.door(request), doors.ledger
    found = await asyncio.gather(
        door.workers(), ledger.history(limit=_MOST_DEPLOYS), ledger.stable(),
        doors.oversight.open_runs(tenant=caller.tenant, most=_MOST_RUNS),
        doors.evaluations.list(limit=_MOST_EVALUATIONS) if of_house(caller) else _nothing(),
        figures, return_exceptions=True,
    )  # fmt: skip
    for one in found:
        if isinstance(one, BaseException) and not isinstance(one, FairleadError):
            raise one
    return Known(*cast("tuple[Any, Any, Any, Any, Any, Any]", found))


async def _nothing() -> Sequence[Evaluation]:
    return ()


def shape(known: Known, fmt: Format, *, evaluates: bool = True) -> ReleasesView:
    workers, deploys, runs = _had(known.workers), _had(known.deploys), _had(known.runs)
    evaluations = _had(known.evaluations)
    stable = None if isinstance(known.stable, FairleadError) else known.stable
    alive = [one for one in workers if one.alive and one.lost_at is None]
    canary = next((one.plan.new for one in deploys if one.outcome is None), None)
    shipped = [name for one in deploys for name in (one.plan.new, one.plan.old) if name]
    figures: Mapping[str, OfRelease] = {} if isinstance(known.figures, FairleadError) else known.figures
    names = dict.fromkeys((*(one.release for one in alive), *(one.release for one in runs), *shipped, *figures))
    rows = [
        _row(
            name, [one for one in alive if one.release == name], [one for one in runs if one.release == name],
            _deploy_of(name, deploys), next((one for one in evaluations if one.release == name), None),
            stable=name == stable, canary=name == canary, unknown=isinstance(known.workers, FairleadError),
        )
        for name in names
    ]  # fmt: skip
    rows = [replace(row, figures=_figures(row, figures[row.name], fmt)) if row.name in figures else row for row in rows]
    rows.sort(key=lambda row: (_ORDER.index(row.state), -_since(row)))
    counted = sum(one.runs for one in runs)
    return ReleasesView(
        tuple(rows), tuple(row for row in rows if row.state is _UNSERVED), tuple(_failed(known, fmt)), evaluates,
        counted >= _MOST_RUNS,
    )  # fmt: skip


def _figures(row: Row, of: OfRelease, fmt: Format) -> Figures:
    rate, p95 = of.sums.error_rate, quantile(of.buckets, 0.95)
    return Figures(
        NOTHING if rate is None else percent(rate), bool(of.sums.failed), about(p95, fmt), fmt.money(of.sums.cost_nano),
        "" if p95 is None else f"{row.lately}&{urlencode({'min_duration': f'{p95:.3g}s'})}",
    )  # fmt: skip


def _had(found: Sequence[T] | FairleadError) -> Sequence[T]:
    return () if isinstance(found, FairleadError) else found


def _failed(known: Known, fmt: Format) -> Iterable[tuple[str, str]]:
    told = (
        (N_("Workers could not be read."), known.workers), (N_("Deploys could not be read."), known.deploys),
        (N_("Runs could not be counted."), known.runs), (N_("Evaluations could not be read."), known.evaluations),
        (N_("The figures of runs could not be read."), known.figures),
    )  # fmt: skip
    for text, found in told:
        if isinstance(found, FairleadError):
            yield fmt.words.gettext(text), below.in_words(found.message, fmt)


def _deploy_of(name: str, deploys: Sequence[Deploy]) -> Deploy | None:
    """The newest that brought it; one that succeeded before others."""
    mine = [one for one in deploys if one.plan.new == name]
    good = [one for one in mine if one.outcome in (Outcome.SUCCEEDED, None)]
    return next(iter((*good, *mine)), None)


def _row(
    name: str, workers: Sequence[Worker], runs: Sequence[Open], deploy: Deploy | None, last: Evaluation | None, *,
    stable: bool, canary: bool, unknown: bool,
) -> Row:  # fmt: skip
    waits = [one for one in runs if one.waiting]
    serving = [one for one in workers if not one.draining]
    unserved = sorted({one.agent for one in waits if not any(one.agent in each.agents for each in serving)})
    lost = [one for one in waits if one.agent in unserved]
    if unknown:
        unserved, lost = [], []
    slots, used = sum(one.slots for one in workers), sum(one.running for one in workers)
    move = f"{RUNS}?{urlencode({'release': name, 'status': Status.PENDING.value})}" if unserved else ""
    return Row(
        name, _state(workers, serving, deploy, unserved=bool(unserved), stable=stable, canary=canary), len(workers),
        used, slots, round(100 * used / slots, 2) if slots else 0.0,
        sum(one.runs for one in runs if one.status is Status.RUNNING),
        sum(one.runs for one in runs if one.status is Status.PENDING), deploy, last,
        None if last is None else state.of_verdict(last.verdict), tuple(unserved),
        sum(one.waiting for one in lost), min((one.oldest for one in lost), default=None), move,
    )  # fmt: skip


def _state(
    workers: Sequence[Worker], serving: Sequence[Worker], deploy: Deploy | None, *, unserved: bool, stable: bool,
    canary: bool,
) -> State:  # fmt: skip
    if unserved:
        return _UNSERVED
    if canary:
        return _CANARY
    if stable:
        return _STABLE
    if workers:
        return _SERVED if serving else _DRAINING
    return _IDLE if deploy is None else _RETIRED


def _since(row: Row) -> float:
    return 0.0 if row.deploy is None else row.deploy.started_at.timestamp()


class ReleasesPages:
    def __init__(self, desk: Desk, doors: Doors) -> None:
        self._desk = desk
        self._doors = doors
        self._known: dict[str, tuple[float, Mapping[str, OfRelease]]] = {}

    def pages(self) -> Routes:
        return [(PATH, self.all), (f"{PATH}/live", self.live)]

    def writes(self) -> Routes:
        return []

    async def all(self, request: Request) -> Response:
        return self._desk.page(request, "pages/releases.html", view=await self._view(request), here="releases")

    async def live(self, request: Request) -> Response:
        async def draw() -> live.Parts:
            view, reader = await self._view(request), self._desk.reader(request)
            return {"releases": self._desk.templates.fill("parts/_releases.html", reader, view=view, path="")}

        return streams.of_page(self._desk, request, draw, again=AGAIN)

    async def _view(self, request: Request) -> ReleasesView:
        caller = caller_of(request)
        known = await read(self._desk, self._doors, caller, request, self._figures(caller.tenant))
        return shape(known, self._desk.reader(request).fmt, evaluates=of_house(caller))

    async def _figures(self, tenant: str) -> Mapping[str, OfRelease]:
        """Of the last day; read anew now and then, however many look."""
        now, known = self._desk.clock.monotonic(), self._known.get(tenant)
        if known is None or now - known[0] > _FIGURES_LAST:
            until = -(-to_micros(self._desk.clock.now()) // MICROS // FINE) * FINE
            found = await self._doors.figures.by_release(tenant, since=until - DAY, until=until)
            known = self._known[tenant] = (now, found)
        return known[1]
