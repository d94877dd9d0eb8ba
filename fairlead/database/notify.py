"""Signals between processes through LISTEN and NOTIFY, coalesced, on a connection of their own."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from contextvars import Context
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import orjson

from fairlead.clock import Clock
from fairlead.database.dial import Dial
from fairlead.database.signals import Signals

CHANNEL = "fairlead"
_LARGEST_PAYLOAD = 7800  # PostgreSQL takes 8000 bytes
_PAUSE = timedelta(milliseconds=250)
_LOST = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError)


class Notify:
    """A `Carrier`. Messages that wait while one NOTIFY is under way go together in the next."""

    def __init__(self, dial: Dial, signals: Signals, *, clock: Clock) -> None:
        self._dial = dial
        self._signals = signals
        self._clock = clock
        self._origin = uuid4().hex[:12]
        self._waiting: dict[tuple[str, str], None] = {}
        self._ready = asyncio.Event()
        self._connection: asyncpg.Connection[Any] | None = None
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, dial: Dial, signals: Signals, *, clock: Clock) -> Notify:
        notify = cls(dial, signals, clock=clock)
        with suppress(*_LOST):
            await notify._connect()
        notify._task = asyncio.get_running_loop().create_task(notify._send_forever(), context=Context())
        return notify

    def send(self, topic: str, payload: str) -> None:
        self._waiting[topic, payload] = None
        self._ready.set()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._connection is not None:
            self._connection.terminate()

    async def _send_forever(self) -> None:
        while True:
            with suppress(TimeoutError):  # now and then, look whether the connection still stands
                # wait_for (Python 3.11) forgets a cancellation that comes together with a signal: we never ended.
                async with asyncio.timeout(1):
                    await self._ready.wait()
            try:
                if self._connection is None or self._connection.is_closed():
                    await self._connect()
                await self._flush()
            except _LOST:
                await self._clock.sleep(_PAUSE)

    async def _connect(self) -> None:
        self._connection = await self._dial.connect(timeout=5)
        await self._connection.add_listener(CHANNEL, self._heard)

    async def _flush(self) -> None:
        self._ready.clear()
        if not self._waiting or self._connection is None:
            return
        messages, self._waiting = list(self._waiting), {}
        await self._connection.execute(
            "SELECT pg_notify($1, said) FROM unnest($2::text[]) AS given(said)",
            CHANNEL,
            _packed(self._origin, messages),
            timeout=5,
        )

    def _heard(self, _connection: Any, _pid: int, _channel: str, said: object) -> None:
        origin, messages = orjson.loads(str(said))
        if origin != self._origin:
            for topic, payload in messages:
                self._signals.deliver(topic, payload)


def _packed(origin: str, messages: list[tuple[str, str]]) -> list[str]:
    """As few payloads as fit. A message too large for one is left out: signals are hints."""
    packed: list[str] = []
    batch: list[tuple[str, str]] = []
    size = 0
    for topic, payload in messages:
        try:
            length = len(orjson.dumps([topic, payload])) + 1
        except TypeError:  # a lone surrogate: nobody could have said it to us
            continue
        if length > _LARGEST_PAYLOAD - 64:
            continue
        if size + length > _LARGEST_PAYLOAD - 64:
            packed.append(orjson.dumps([origin, batch]).decode())
            batch, size = [], 0
        batch.append((topic, payload))
        size += length
    return [*packed, orjson.dumps([origin, batch]).decode()] if batch else packed
