"""Answer the same question once: from what is kept, or from an identical call that is under way.

    asked before ──► kept answer                     costs nothing
    being asked  ──► the answer of that call         costs nothing
    neither      ──► call ──► kept, if it is whole

Never across tenants; never for what asks for randomness, unless told. A store that can't be asked is a miss.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson

from fairlead.clock import Clock
from fairlead.errors import DatabaseUnavailable, ModelTimeout
from fairlead.gateway.cache_key import key_of, may_ask, may_keep
from fairlead.gateway.cache_store import CacheStore
from fairlead.gateway.flight import Flights
from fairlead.gateway.provider import Complete
from fairlead.gateway.sink import Sink
from fairlead.gateway.types import ModelReply, ModelRequest
from fairlead.gateway.wire.wire import Wire, Wires
from fairlead.telemetry.emit import Emit

_LARGEST = 1024 * 1024  # bytes of one answer
_PIECE = 64  # letters of a replayed stream's events


class Cache:
    """`switched_on`: for every request that does not say otherwise; else only for those that ask for it. `on_hit` is
    told of every answer that cost nothing."""

    def __init__(
        self,
        call: Complete,
        *,
        store: CacheStore,
        wires: Wires,
        clock: Clock,
        emit: Emit,
        switched_on: bool = True,
        keep: timedelta = timedelta(seconds=3600),
        on_hit: Callable[[ModelRequest, ModelReply], None] | None = None,
    ) -> None:
        self._on_hit = on_hit
        self._call = call
        self._store = store
        self._wires = wires
        self._clock = clock
        self._emit = emit
        self._switched_on = switched_on
        self._keep_for = keep
        self._flights: Flights[ModelReply] = Flights()
        self._unreachable_since: float | None = None
        self._keeping: set[asyncio.Task[None]] = set()

    def __call__(self, request: ModelRequest) -> Awaitable[ModelReply]:
        key = key_of(request) if may_ask(request, switched_on=self._switched_on) else None
        return self._call(request) if key is None else self._once(key, request)

    async def aclose(self) -> None:
        """Waits until what is being kept is kept, and closes the store."""
        await asyncio.gather(*self._keeping)
        await self._store.aclose()

    async def _once(self, key: str, request: ModelRequest) -> ModelReply:
        if self._flights.under_way(key):
            reply, request = await self._followed(key, request)
            if reply is not None:
                return await self._hit(request, _copy(reply), from_flight=True)
        self._flights.begin(key)
        try:
            found = await self._find(key)
            reply = await self._call(request) if found is None else found
        except BaseException:
            self._flights.fail(key)
            raise
        self._flights.bring(key, reply)
        if reply.cached:
            self._flights.land(key)
            return await self._hit(request, reply, from_flight=False)
        if not may_keep(reply.format, reply.body):
            self._flights.land(key)
        elif self._store.at_once:
            await self._keep(key, request.caller.tenant, reply)
        else:
            # Nobody waits for it, and until it is kept the flight answers.
            task = asyncio.get_running_loop().create_task(self._keep(key, request.caller.tenant, reply))
            self._keeping.add(task)
            task.add_done_callback(self._keeping.discard)
        return reply

    async def _followed(self, key: str, request: ModelRequest) -> tuple[ModelReply | None, ModelRequest]:
        """What a call under way brings; None when none is any more, and the request with the time that is left."""
        started = self._clock.monotonic()
        while self._flights.under_way(key):
            if (reply := await self._follow(key, request, started)) is not None:
                return reply, request
        left = request.timeout - timedelta(seconds=self._clock.monotonic() - started)
        return None, replace(request, timeout=max(left, timedelta(0)))

    async def _follow(self, key: str, request: ModelRequest, started: float) -> ModelReply | None:
        left = started + request.timeout.total_seconds() - self._clock.monotonic()
        bound = asyncio.timeout(max(left, 0))
        try:
            async with bound:
                return await self._flights.follow(key)
        except TimeoutError as error:
            if not bound.expired():
                raise
            raise ModelTimeout(
                f"An identical call did not finish within {request.timeout.total_seconds():g} s.",
                hint="Raise model_timeout, or ask for a shorter answer.",
            ) from error

    async def _find(self, key: str) -> ModelReply | None:
        try:
            value = await self._store.get(key)
        except DatabaseUnavailable as error:
            self._unreachable(error)
            return None
        if self._unreachable_since is not None:
            self._reachable(self._unreachable_since)
        return None if value is None else _read(value)

    async def _keep(self, key: str, tenant: str, reply: ModelReply) -> None:
        try:
            value = orjson.dumps(reply.to_json(tries=False))
            if len(value) <= _LARGEST:
                await self._store.put(key, value, tenant=tenant, keep=self._keep_for)
        except DatabaseUnavailable as error:
            self._unreachable(error)
        finally:
            self._flights.land(key)

    async def _hit(self, request: ModelRequest, reply: ModelReply, *, from_flight: bool) -> ModelReply:
        self._tell(request, reply, from_flight)
        if self._on_hit is not None:
            self._on_hit(request, reply)
        if request.sink is not None:
            await replay(reply.body, self._wires[reply.format], request.sink)
        return replace(reply, cached=True, cost_nano=0, attempts=(), first_token=None)

    def _tell(self, request: ModelRequest, reply: ModelReply, from_flight: bool) -> None:
        caller = request.caller
        self._emit(
            "llm_cache_hit",
            run_id=caller.run_id,
            agent=caller.agent,
            tenant=caller.tenant,
            release=caller.release,
            provider=reply.provider,
            model=reply.model,
            from_flight=from_flight,
            saved_nano=reply.cost_nano,
        )

    def _unreachable(self, error: DatabaseUnavailable) -> None:
        if self._unreachable_since is None:
            self._unreachable_since = self._clock.monotonic()
            self._emit("llm_cache_unreachable", error=error.message)

    def _reachable(self, since: float) -> None:
        self._unreachable_since = None
        self._emit("llm_cache_reachable", took=timedelta(seconds=self._clock.monotonic() - since))


async def replay(answer: dict[str, Any], wire: Wire, sink: Sink) -> None:
    """Stream an answer that is known already, as if it came now."""
    assembly = wire.assembly()
    for data in wire.emit(answer, piece=_PIECE):
        if text := assembly.feed(data):
            sink.delta(text)
        await sink.data([data])


def _copy(reply: ModelReply) -> ModelReply:
    """One of its own for each: whoever gets an answer may change it."""
    return replace(reply, body=orjson.loads(orjson.dumps(reply.body)))


def _read(value: bytes) -> ModelReply | None:
    """None for what another version of Fairlead kept and we can't read."""
    try:
        return replace(ModelReply.from_json(orjson.loads(value)), cached=True)
    except (ValueError, KeyError, TypeError):
        return None
