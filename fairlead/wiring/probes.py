"""What /health asks the parts of a process, beside database and queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path

import fairlead
from fairlead.agents.mcp.undeclared import NoServers
from fairlead.config import Settings
from fairlead.errors import DatabaseUnavailable
from fairlead.gateway.standing import health_of_models
from fairlead.operate.check.disk import DISK_FULL, share_taken
from fairlead.telemetry.health import Component, Condition
from fairlead.telemetry.pulse import Probe, Pulse
from fairlead.web.api.health import ABSENT, VITAL, probes_of_runs
from fairlead.wiring.engine import Engine
from fairlead.wiring.tool_servers import health_of_servers

_NOTHING_LEFT = 0.98
_OF_LATE = timedelta(minutes=5)


def open_probes(engine: Engine) -> Mapping[str, Probe]:
    disk = _Disk(places_of(engine.settings).values())
    probes: dict[str, Probe] = {
        "cache": lambda: _cache(engine), "disk": disk.probe, "ai_service": lambda: _models(engine),
    }  # fmt: skip
    if not isinstance(engine.tool_servers, NoServers):
        probes["mcp"] = lambda: _tool_servers(engine)
    return probes


def open_pulse(engine: Engine, *, stopping: Callable[[], bool]) -> Pulse:
    """Of a process that is no API."""
    return Pulse(
        {**probes_of_runs(engine.oversight), **open_probes(engine)}, absent=ABSENT, vital=VITAL,
        every=engine.settings.server.health_check_interval, version=fairlead.__version__, clock=engine.clock,
        emit=engine.emit, stopping=stopping,
    )  # fmt: skip


def places_of(settings: Settings) -> dict[str, Path]:
    """The folders that what we keep grows in, by what they hold."""
    places = {"project": settings.root}
    if settings.database.is_sqlite:
        places["database"] = (settings.root / settings.database.sqlite_path).parent
    if settings.database.s3_bucket is None:
        places["blobs"] = settings.root / settings.database.blob_dir
    places["backups"] = settings.root / settings.backup.dir
    return places


async def _models(engine: Engine) -> Component:
    tallies = await engine.models.usage.tallies(engine.clock.now() - _OF_LATE)
    return health_of_models(engine.models.gateway.standings(), tallies)


async def _tool_servers(engine: Engine) -> Component:
    return health_of_servers(await engine.oversight.tool_servers())


async def _cache(engine: Engine) -> Component:
    """What Redis is for can be done without it, if less well."""
    if engine.redis is None:
        return Component(Condition.DISABLED, "not in use")
    try:
        await engine.redis.ping()
    except DatabaseUnavailable:
        return Component(Condition.UNHEALTHY, "Redis does not answer: each process counts by itself")
    if not engine.rate.shared:
        return Component(Condition.DEGRADED, "Redis answers again; until it is asked, each process counts by itself")
    return Component(Condition.HEALTHY, "answers")


class _Disk:
    """Of the fullest of the disks that we write to."""

    def __init__(self, places: Iterable[Path]) -> None:
        self._places = tuple(places)
        self._looking: asyncio.Future[float] | None = None

    async def probe(self) -> Component:
        # A dead network disk holds its thread for good: there is never more than one.
        if self._looking is None or self._looking.done():
            self._looking = asyncio.ensure_future(asyncio.to_thread(self._fullest))
        taken = await asyncio.shield(self._looking)
        if taken >= _NOTHING_LEFT:
            return Component(Condition.UNHEALTHY, f"{taken:.0%} full")
        return Component(Condition.DEGRADED if taken > DISK_FULL else Condition.HEALTHY, f"{taken:.0%} full")

    def _fullest(self) -> float:
        return max(share_taken(place) for place in self._places)
