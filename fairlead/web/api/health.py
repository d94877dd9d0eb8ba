"""How we are: each part probed at most every two seconds, whoever asks and however often."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from fairlead.clock import Clock
from fairlead.errors import DatabaseUnavailable
from fairlead.runs.oversight import Oversight
from fairlead.telemetry.emit import Emit
from fairlead.telemetry.health import Component, Condition, Health, health_of
from fairlead.web.api.doors import Doors, Probe

_FRESH = 2.0  # seconds
_PATIENCE = 3.0  # seconds for one probe
_ABSENT = {
    "cache": Component(Condition.DISABLED, "not in use"),
    "sandbox_pool": Component(Condition.DISABLED, "not in use"),
    "ai_service": Component(Condition.CONFIGURED, "asked when a run asks"),
}


class Pulse:
    """Probes of all parts, and what they last said."""

    def __init__(self, doors: Doors) -> None:
        self._clock: Clock = doors.clock
        self._emit: Emit = doors.emit
        self._version = doors.version
        self._probes: Mapping[str, Probe] = {
            "database": lambda: _database(doors.oversight),
            "queue": lambda: _queue(doors.oversight),
            **doors.probes,
        }
        self._said: dict[str, Component] = {}
        self._asked_at: dict[str, float] = {}
        self._turn = asyncio.Lock()

    async def whole(self) -> Health:
        return await self._health(tuple(self._probes), absent=_ABSENT)

    async def ready(self) -> Health:
        """Whether work can be taken: the database answers."""
        return await self._health(("database",))

    def alive(self) -> Health:
        """That this process answers at all."""
        return health_of({}, now=self._clock.now(), version=self._version)

    async def _health(self, names: tuple[str, ...], absent: Mapping[str, Component] | None = None) -> Health:
        async with self._turn:  # a hundred callers ask once
            now = self._clock.monotonic()
            stale = [name for name in names if now - self._asked_at.get(name, -_FRESH) >= _FRESH]
            for name, component in zip(stale, await asyncio.gather(*map(self._probe, stale)), strict=True):
                self._said[name], self._asked_at[name] = component, self._clock.monotonic()
        said = {**(absent or {}), **{name: self._said[name] for name in names}}
        health = health_of(said, now=self._clock.now(), version=self._version)
        return replace(health, components=dict(sorted(health.components.items())))

    async def _probe(self, name: str) -> Component:
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._probes[name]()
        except TimeoutError:
            return Component(Condition.UNHEALTHY, f"no answer within {_PATIENCE:g} s")
        except DatabaseUnavailable:
            return Component(Condition.UNHEALTHY, "the database does not answer")
        except Exception as error:  # noqa: BLE001 a probe that breaks must not take the health page with it
            self._emit("error", code="internal", message=repr(error), where=f"probe {name}")
            return Component(Condition.UNHEALTHY, "the probe failed; the log says why")


async def _database(oversight: Oversight) -> Component:
    await oversight.ping()
    return Component(Condition.HEALTHY, "answers")


async def _queue(oversight: Oversight) -> Component:
    depth = await oversight.queue_depth()
    unserved = await oversight.unserved()
    if unserved:
        runs = sum(one.runs for one in unserved)
        return Component(Condition.DEGRADED, f"{depth} runs wait; no living worker serves {runs} of them")
    return Component(Condition.HEALTHY, f"{depth} runs wait")
