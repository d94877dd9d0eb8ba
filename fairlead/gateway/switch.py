"""The kill switch: stop the model calls of an agent, a user, a key, a provider or everything, and let them go on.

stop(scope) ──► row ──► every process, by signal at once and by looking each second:
                          new calls are refused, calls under way are cut off; what they used is settled
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fairlead.clock import Clock, from_micros
from fairlead.database import Database, Query, Row
from fairlead.errors import CallsStopped, DatabaseUnavailable, InvalidInput, NotFound
from fairlead.gateway.allowance import ANY, STOPPABLE, checked_scope
from fairlead.gateway.provider import Complete
from fairlead.gateway.rounds import Rounds
from fairlead.gateway.types import Caller, ModelReply, ModelRequest
from fairlead.gateway.way import Way
from fairlead.telemetry.emit import Emit

STOPS_CHANGED = "call_stops"
_READ_EVERY = timedelta(seconds=1)
_PROVIDER = "provider:"
_ENOUGH = 2  # readings at a time


@dataclass(frozen=True, slots=True)
class Stop:
    """Whose calls are stopped. Tenant `*`: those of every tenant."""

    tenant: str
    scope: str
    reason: str
    stopped_by: str
    stopped_at: datetime


class Stops:
    """What is stopped now, as this process knows it."""

    def __init__(self, database: Database, queries: Mapping[str, Query], *, clock: Clock, emit: Emit) -> None:
        self._database = database
        self._queries = queries
        self._emit = emit
        self._rounds = Rounds(clock=clock, emit=emit)
        self.all: tuple[Stop, ...] = ()
        self._kinds: dict[str, dict[str, list[Stop]]] = {}
        self.under_way: dict[Way, Caller] = {}
        self._lock = asyncio.Lock()
        self._readings: set[asyncio.Task[None]] = set()
        self._unsubscribe = database.signals.subscribe(STOPS_CHANGED, self._heard)

    async def start(self) -> None:
        """Know what is stopped, and hear of changes from now on. Raises DatabaseUnavailable."""
        await self.read()
        self._rounds.start("kill switch", _READ_EVERY, self.read)

    async def close(self) -> None:
        self._unsubscribe()
        await self._rounds.stop()
        await asyncio.gather(*self._readings)

    async def stop(self, scope: str, *, reason: str, by: str, tenant: str = ANY) -> None:
        """Stop these calls everywhere: `all`, `agent:NAME`, `user:NAME`, `key:NAME`, `metadata:KEY=VALUE` or
        `provider:NAME`. Raises InvalidInput."""
        given = {"tenant": tenant, "scope": _checked(scope), "reason": reason, "by": by}
        await self._database.write(self._queries["stop_calls"], **given)
        self._emit("calls_stopped", **given)
        await self._changed()

    async def resume(self, scope: str, *, by: str, tenant: str = ANY) -> None:
        """Let these calls go on. Raises NotFound when they are not stopped."""
        gone = await self._database.write(self._queries["resume_calls"], tenant=tenant, scope=_checked(scope))
        if not gone:
            raise NotFound(f"Calls of {scope} are not stopped.", hint="See `fairlead budgets list`.")
        self._emit("calls_resumed", tenant=tenant, scope=scope, by=by)
        await self._changed()

    def found(self, caller: Caller, provider: str = "") -> Stop | None:
        """What stops a call of this caller to this provider."""
        for kind, stops in self._kinds.items():  # mostly none
            for stop in stops.get(_name(kind, caller, provider), ()):
                if stop.tenant in (ANY, caller.tenant):
                    return stop
        return None

    async def read(self) -> None:
        """Go by what is stopped now."""
        async with self._lock:  # an answer from before a change must not come in after one from behind it
            self._go_by(await self._database.read(self._queries["stops"]))

    def _go_by(self, rows: Sequence[Row]) -> None:
        self.all = tuple(_stop_of(row) for row in rows)
        kinds: dict[str, dict[str, list[Stop]]] = {}
        for stop in self.all:
            kind, name = _split(stop.scope)
            kinds.setdefault(kind, {}).setdefault(name, []).append(stop)
        self._kinds = kinds
        for way, caller in tuple(self.under_way.items()) if kinds else ():
            if stop := self.found(caller, way.provider):
                way.cut.off(stop)

    async def _changed(self) -> None:
        await self.read()
        self._database.signals.publish(STOPS_CHANGED)

    def _heard(self, _: str) -> None:
        if len(self._readings) < _ENOUGH:  # the last of them has not begun: it will see this change too
            task = asyncio.get_running_loop().create_task(self._read_now())
            self._readings.add(task)
            task.add_done_callback(self._readings.discard)

    async def _read_now(self) -> None:
        try:
            await self.read()
        except DatabaseUnavailable:
            return  # the next round will know


class Switch:
    """Calls that can be stopped, whoever they would ask. Raises CallsStopped."""

    def __init__(self, call: Complete, stops: Stops) -> None:
        self._call = call
        self._stops = stops

    async def __call__(self, request: ModelRequest) -> ModelReply:
        stops, way, cut = self._stops, request.way, request.way.cut
        if stops.all and (stop := stops.found(request.caller)):
            raise _refusal(stop)
        stops.under_way[way] = request.caller
        try:
            return await self._call(request)
        except asyncio.CancelledError:
            if isinstance(stop := cut.why, Stop) and cut.alone:
                raise _refusal(stop) from None
            raise
        finally:
            del stops.under_way[way]
            cut.end()


class ProviderSwitch:
    """Behind a `Switch`: a provider that can be stopped. Raises CallsStopped; then another one may answer."""

    def __init__(self, call: Complete, stops: Stops, *, provider: str) -> None:
        self._call = call
        self._stops = stops
        self._provider = provider

    async def __call__(self, request: ModelRequest) -> ModelReply:
        stops, way = self._stops, request.way
        if stops.all and (stop := stops.found(request.caller, self._provider)):
            raise _refusal(stop)
        way.provider = self._provider
        try:
            return await self._call(request)
        except asyncio.CancelledError:
            stop, cut = way.cut.why, way.cut
            if isinstance(stop, Stop) and stop.scope.startswith(_PROVIDER) and cut.alone:
                cut.end()
                raise _refusal(stop) from None
            raise
        finally:
            way.provider = ""


def _refusal(stop: Stop) -> CallsStopped:
    whose = "All model calls are" if stop.scope == "all" else f"Model calls of {stop.scope} are"
    return CallsStopped(
        f"{whose} stopped by {stop.stopped_by}: {stop.reason or 'no reason given'}.",
        hint=f"`fairlead budgets resume {stop.scope}` lets them go on.",
    )


def _split(scope: str) -> tuple[str, str]:
    """`user:bob` → (user, bob); `metadata:team=blue` → (metadata:team, blue)."""
    kind, _, name = scope.partition(":")
    if kind == "metadata":
        key, _, name = name.partition("=")
        kind = f"{kind}:{key}"
    return kind, name


def _name(kind: str, caller: Caller, provider: str) -> str:
    match kind:
        case "all":
            return ""
        case "user":
            return caller.user or ""
        case "agent":
            return caller.agent or ""
        case "key":
            return caller.key or ""
        case "provider":
            return provider
        case _:
            return str(caller.metadata.get(kind.partition(":")[2], ""))


def _stop_of(row: Row) -> Stop:
    return Stop(row["tenant"], row["scope"], row["reason"], row["stopped_by"], from_micros(row["stopped_at"]))


def _checked(scope: str) -> str:
    if re.fullmatch(STOPPABLE, scope) is not None:
        return scope
    if scope.endswith(ANY):
        raise InvalidInput(f"{scope!r} can't be stopped as one.", hint="Stop `all`, or name each.")
    return checked_scope(scope)
