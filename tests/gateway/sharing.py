"""What tests of limits and caches share: a store that can be cut off, a provider that answers as told, and time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from fairlead.clock import SystemClock
from fairlead.database import Database, Postgres, Sqlite, migrate
from fairlead.database.redis_door import RedisDoor
from fairlead.errors import DatabaseUnavailable
from fairlead.gateway.rate_store import Kept, MemoryRateStore, RateStore
from fairlead.gateway.rate_store_redis import RedisRateStore
from fairlead.gateway.rate_store_sql import SqlRateStore
from fairlead.gateway.schema import MIGRATIONS
from fairlead.testing import MovableClock


@asynccontextmanager
async def open_store(url: str) -> AsyncIterator[RateStore]:
    """The store of rates at memory://, sqlite:///, postgresql:// or redis://."""
    if url.startswith("memory:"):
        yield MemoryRateStore(clock=SystemClock())
    elif url.startswith("redis:"):
        store = RedisRateStore(RedisDoor(url))
        yield store
        await store.aclose()
    else:
        database = await open_database(url)
        yield SqlRateStore(database)
        await database.close()


async def open_database(url: str) -> Database:
    """With the tables of the gateway."""
    database: Database = (
        await Sqlite.open(Path(url.removeprefix("sqlite:///")), clock=SystemClock())
        if url.startswith("sqlite:")
        else await Postgres.open(url, clock=SystemClock(), connections=5)
    )
    await migrate(database, (MIGRATIONS,))
    return database


@dataclass
class Cuttable:
    """A store, and a line to it that can be cut: before a change takes effect, or after it and before we hear so."""

    store: RateStore
    cut: bool = False
    lose_answers: int = 0
    exchanges: int = 0

    async def read(self, name: str) -> Kept:
        if self.cut:
            raise DatabaseUnavailable("It is cut off.")
        return await self.store.read(name)

    async def swap(self, name: str, version: int, text: str) -> bool:
        if self.cut:
            raise DatabaseUnavailable("It is cut off.")
        self.exchanges += 1
        done = await self.store.swap(name, version, text)
        if self.lose_answers:
            self.lose_answers -= 1
            raise DatabaseUnavailable("The answer was lost.")
        return done

    async def aclose(self) -> None:
        await self.store.aclose()


async def pass_by(clock: MovableClock, seconds: float, *, step: float = 0.05) -> None:
    """Let time pass in small steps, with everybody doing what is due after each."""
    for _ in range(round(seconds / step)):
        clock.move(timedelta(seconds=step))
        await settle()


async def settle() -> None:
    """Let everybody do what can be done now."""
    for _ in range(12):
        await asyncio.sleep(0)


@dataclass
class Crowd:
    """Calls under way."""

    tasks: list[asyncio.Task[None]] = field(default_factory=list["asyncio.Task[None]"])

    def start(self, call: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        async def run() -> None:
            await call()

        self.tasks.append(asyncio.create_task(run()))
        return self.tasks[-1]

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
