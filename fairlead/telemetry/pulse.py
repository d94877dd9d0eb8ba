"""How a process is, answered at once: parts are probed beside those who ask, and what they last said is told.

    asked ──► probes that are due begin ──► 70 ms ──► what each part said last, if that still counts

A part that has not answered yet, or not for too long, is never well: it could not be told. While anybody asks now and
then, probes go on in the background, so that what is told is new and nobody waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextvars import Context
from dataclasses import dataclass, replace
from datetime import timedelta

from fairlead.clock import Clock
from fairlead.errors import DatabaseUnavailable
from fairlead.telemetry.emit import Emit
from fairlead.telemetry.health import Component, Condition, Health, health_of

Probe = Callable[[], Awaitable[Component]]

_WAIT = 0.07  # seconds that who asks waits for probes: an answer is due within 100 ms
_TICK = 1.0
_IDLE = 300.0  # seconds after the last question, in which probes go on
_FRESH = 2.0  # seconds for which what a part said is not asked again
_BRISK = 2.0  # seconds between two probes of what the process can't do without: a dead database is seen soon
_LONGEST = 2.0  # seconds for one probe
_SLACK = 1.0


@dataclass(frozen=True, slots=True)
class _Said:
    component: Component
    at: float


class Pulse:
    """`vital`: parts that the process can't do without. `absent`: what is said of parts that have no probe. `every`:
    how often the others are asked when nobody does. Set `stopping`, and nothing is asked in the background any more."""

    def __init__(
        self, probes: Mapping[str, Probe], *, absent: Mapping[str, Component], vital: Collection[str], every: timedelta,
        version: str, clock: Clock, emit: Emit, stopping: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._probes = probes
        self._absent = absent
        self._vital = frozenset(vital)
        self._every = max(every.total_seconds(), _BRISK)
        self._version = version
        self._clock = clock
        self._emit = emit
        self._stopping = stopping
        self._said: dict[str, _Said] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._asked_at = 0.0
        self._background: asyncio.Task[None] | None = None

    async def whole(self) -> Health:
        return await self._health(self._probes, absent=self._absent)

    async def ready(self) -> Health:
        """Whether work can be taken: the vital parts answer."""
        return await self._health([name for name in self._probes if name in self._vital])

    def alive(self) -> Health:
        """That this process answers at all."""
        return health_of({}, now=self._clock.now(), version=self._version)

    async def _health(self, names: Collection[str], absent: Mapping[str, Component] | None = None) -> Health:
        self._asked_at = self._clock.monotonic()
        for name in names:
            self._begin(name, older_than=_FRESH)
        if running := [self._running[name] for name in names if name in self._running]:
            await asyncio.wait(running, timeout=_WAIT)
        if self._background is None and not self._stopping():
            self._background = asyncio.get_running_loop().create_task(self._go_on(), context=Context())
        told = {**(absent or {}), **{name: self._told(name) for name in names}}
        health = health_of(told, now=self._clock.now(), version=self._version, vital=self._vital)
        return replace(health, components=dict(sorted(health.components.items())))

    def _told(self, name: str) -> Component:
        said = self._said.get(name)
        if said is None:
            return self._unknown(name, "no answer yet")
        age = self._clock.monotonic() - said.at
        if age > self._between(name) + _LONGEST + _SLACK:
            return self._unknown(name, f"the last answer is {age:.0f} s old")
        if age < _FRESH + _SLACK:
            return said.component
        return replace(said.component, message=f"{said.component.message} ({age:.0f} s ago)")

    def _unknown(self, name: str, why: str) -> Component:
        return Component(
            Condition.UNHEALTHY if name in self._vital else Condition.DEGRADED, f"could not tell: {why}"
        )  # fmt: skip

    async def _go_on(self) -> None:
        try:
            while not self._stopping() and self._clock.monotonic() - self._asked_at < _IDLE:
                for name in self._probes:
                    self._begin(name, older_than=self._between(name))
                await asyncio.sleep(_TICK)
        finally:
            self._background = None

    def _between(self, name: str) -> float:
        return _BRISK if name in self._vital else self._every

    def _begin(self, name: str, *, older_than: float) -> None:
        """One probe of a part at a time, whoever asks and however often."""
        said = self._said.get(name)
        if name in self._running or (said is not None and self._clock.monotonic() - said.at < older_than):
            return
        # An empty context: what it says is of no single request.
        self._running[name] = asyncio.get_running_loop().create_task(self._ask(name), context=Context())

    async def _ask(self, name: str) -> None:
        try:
            component = await self._probe(name)
            self._said[name] = _Said(component, self._clock.monotonic())
        finally:
            del self._running[name]

    async def _probe(self, name: str) -> Component:
        """No words of a driver: they may tell an address or a password."""
        try:
            async with asyncio.timeout(_LONGEST):
                return await self._probes[name]()
        except TimeoutError:
            return Component(Condition.UNHEALTHY, f"no answer within {_LONGEST:g} s")
        except DatabaseUnavailable:
            return Component(Condition.UNHEALTHY, "the database does not answer")
        except Exception as error:  # noqa: BLE001 a probe that breaks must not take the health page with it
            self._emit("error", code="internal", message=repr(error), where=f"probe {name}")
            return Component(Condition.UNHEALTHY, "the probe failed; the log says why")
