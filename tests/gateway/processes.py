"""What another process would have: a database and shared budgets of its own, on the same file or server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from fairlead.clock import Clock, SystemClock
from fairlead.config import BudgetSettings
from fairlead.database import Database, Postgres, Sqlite, migrate
from fairlead.errors import BudgetExceededError
from fairlead.gateway.budget import Budget, Hold
from fairlead.gateway.budgets import BudgetState, SharedBudgets
from fairlead.gateway.schema import MIGRATIONS, load_queries
from fairlead.gateway.switch import Stops
from fairlead.gateway.types import Caller
from fairlead.telemetry.catalogue import misfit

LEASE = timedelta(seconds=2)


@dataclass
class Process:
    database: Database
    budgets: SharedBudgets
    stops: Stops
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def emit(self, event: str, /, **fields: Any) -> None:
        assert not misfit(event, fields), misfit(event, fields)
        self.told.append((event, fields))

    def events(self, name: str) -> list[dict[str, Any]]:
        return [fields for event, fields in self.told if event == name]

    def purse(self, *, tenant: str = "default", **caller: Any) -> Budget:
        return self.budgets.purse(Caller(tenant=tenant, **caller))

    async def state(self, scope: str, tenant: str = "default") -> BudgetState:
        """Of a scope with one budget."""
        (found,) = [s for s in await self.budgets.state() if (s.scope, s.tenant) == (scope, tenant)]
        return found

    async def die(self) -> None:
        """As far as the others can see: no step more, and no lock."""
        await self.budgets._rounds.stop()  # pyright: ignore[reportPrivateUsage]
        await self.database.presence.release(self.budgets.leasing._owner)  # pyright: ignore[reportPrivateUsage]


@asynccontextmanager
async def process(
    url: str, *, clock: Clock | None = None, day_usd: str | None = None, rounds: bool = True, **settings: Any
) -> AsyncIterator[Process]:
    clock = clock or SystemClock()
    database = await open_database(url, clock)
    await migrate(database, (MIGRATIONS,))
    queries = load_queries(database.dialect)
    told: list[tuple[str, dict[str, Any]]] = []

    def emit(event: str, /, **fields: Any) -> None:
        here.emit(event, **fields)

    given = BudgetSettings(day_usd=None if day_usd is None else Decimal(day_usd), **{"lease": LEASE, **settings})
    budgets = SharedBudgets(database, queries, given, clock=clock, emit=emit)
    here = Process(database, budgets, Stops(database, queries, clock=clock, emit=emit), told)
    if rounds:
        await budgets.start()
        await here.stops.start()
    try:
        yield here
    finally:
        await here.stops.close()
        await budgets.stop()
        await database.close()


async def open_database(url: str, clock: Clock) -> Database:
    if url.startswith("sqlite:///"):
        return await Sqlite.open(Path(url.removeprefix("sqlite:///")), clock=clock)
    return await Postgres.open(url, clock=clock, connections=5, patience=timedelta(milliseconds=200))


async def hold_or_none(budget: Budget, bound: int) -> Hold | None:
    try:
        return await budget.hold(bound)
    except BudgetExceededError:
        return None
