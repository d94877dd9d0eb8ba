"""The processes that hold runs: who lives, who is lost, how full they are, and how their tool servers are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from fairlead.runs.run import Worker
from fairlead.telemetry.health import Condition
from fairlead.web.console import live, streams
from fairlead.web.console.desk import Desk
from fairlead.web.console.door import Door
from fairlead.web.console.language import N_
from fairlead.web.console.section import Routes
from fairlead.web.console.state import State, Tone

PATH = "/console/workers"
_AGAIN = timedelta(seconds=2)
_LATE = State("unknown", Tone.ASK, N_("could not ask"))
_LOST = State("error", Tone.ERR, N_("lost"))
_DRAINING = State("cancelled", Tone.MUTED, N_("draining"))
_WORKING = State("success", Tone.OK, N_("working"))
_SERVERS = {
    Condition.HEALTHY: State("success", Tone.OK, N_("healthy")),
    Condition.UNHEALTHY: State("error", Tone.ERR, N_("unhealthy")),
    Condition.DEGRADED: State("unclear", Tone.WARN, N_("degraded")),
    Condition.DISABLED: State("cancelled", Tone.MUTED, N_("disabled")),
    Condition.CONFIGURED: State("pending", Tone.MUTED, N_("configured")),
}


@dataclass(frozen=True, slots=True)
class ToolServer:
    name: str
    state: State
    message: str


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """`share`: of its slots, in percent. `heard`: when it renewed last."""

    worker: Worker
    state: State
    share: float
    heard: datetime
    servers: tuple[ToolServer, ...]

    @property
    def address(self) -> str:
        return f"/console/runs?{urlencode({'release': self.worker.release})}"


@dataclass(frozen=True, slots=True)
class WorkersView:
    rows: tuple[WorkerRow, ...]
    living: int
    used: int
    slots: int
    servers: tuple[ToolServer, ...]  # that are not well, of the living


async def read(door: Door) -> list[Worker]:
    return list(await door.workers())


def shape(workers: Sequence[Worker], now: datetime, *, lease: timedelta) -> WorkersView:
    """The living first, then the newest."""
    rows = [_row(one, now, lease) for one in workers]
    rows.sort(key=lambda row: (row.worker.lost_at is not None, -row.worker.started_at.timestamp()))
    living = [row for row in rows if row.state in (_WORKING, _DRAINING)]
    unwell = {
        one.name: one for row in living for one in row.servers if one.state.tone in (Tone.ERR, Tone.WARN)
    }  # fmt: skip
    return WorkersView(
        tuple(rows), len(living), sum(row.worker.running for row in living), sum(row.worker.slots for row in living),
        tuple(unwell.values()),
    )  # fmt: skip


def _row(worker: Worker, now: datetime, lease: timedelta) -> WorkerRow:
    servers = tuple(
        ToolServer(name, _SERVERS[one.status], one.message) for name, one in sorted(worker.tool_servers.items())
    )
    share = round(min(100 * worker.running / worker.slots, 100), 2) if worker.slots else 0.0
    return WorkerRow(worker, condition(worker, now), share, worker.lease_until - lease, servers)


def condition(worker: Worker, now: datetime) -> State:
    if worker.lost_at is not None:
        return _LOST
    if worker.lease_until < now or not worker.alive:
        return _LATE
    return _DRAINING if worker.draining else _WORKING


class WorkersPages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def pages(self) -> Routes:
        return [(PATH, self.page), (f"{PATH}/live", self.live)]

    def writes(self) -> Routes:
        return []

    async def page(self, request: Request) -> Response:
        return self._desk.page(request, "pages/workers.html", view=await self._view(request), here="workers")

    async def live(self, request: Request) -> Response:
        async def draw() -> live.Parts:
            view, reader = await self._view(request), self._desk.reader(request)
            return {"workers": self._desk.templates.fill("parts/_workers.html", reader, view=view, path="")}

        return streams.of_page(self._desk, request, draw, again=_AGAIN)

    async def _view(self, request: Request) -> WorkersView:
        desk = self._desk
        return shape(await read(desk.door(request)), desk.clock.now(), lease=desk.settings.lease)
