"""A database of each kind with the tables of access, and processes on it: each with a connection, a book and a table
of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from fairlead.access import MIGRATIONS, Audit, KeyBook, Keyring, KeyTable, UserBook
from fairlead.clock import SystemClock
from fairlead.database import Database, Postgres, Sqlite, migrate
from fairlead.testing import MovableClock


@dataclass(slots=True)
class Process:
    """What one process has of the keys. `said` is all that it emitted."""

    database: Database
    book: KeyBook
    users: UserBook
    audit: Audit
    table: KeyTable
    keys: Keyring
    said: list[tuple[str, dict[str, Any]]]

    def told(self, event: str) -> list[dict[str, Any]]:
        return [fields for name, fields in self.said if name == event]


StartProcess = Callable[..., Awaitable[Process]]


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
async def process(database_url: str, clock: MovableClock) -> AsyncIterator[StartProcess]:
    """Starts one more on the same database; all end with the test."""
    async with AsyncExitStack() as stack:

        async def start(*given: str, url: str = database_url) -> Process:
            database = await open_database(url)
            stack.push_async_callback(database.close)
            await migrate(database, (MIGRATIONS,))
            said: list[tuple[str, dict[str, Any]]] = []

            def emit(event: str, /, **fields: Any) -> None:
                said.append((event, fields))

            audit = Audit(database, clock=clock)
            users = UserBook(database, audit=audit, clock=clock, emit=emit)
            book = KeyBook(database, audit=audit, clock=clock, emit=emit, others=bool(given))
            table = KeyTable(book, users, signals=database.signals, clock=clock, emit=emit)
            await table.open()
            keys = Keyring((SecretStr(one) for one in given), table=table, clock=clock, emit=emit)
            stack.push_async_callback(keys.close)
            return Process(database, book, users, audit, table, keys, said)

        yield start


async def open_database(url: str) -> Database:
    if url.startswith("sqlite:///"):
        return await Sqlite.open(Path(url.removeprefix("sqlite:///")), clock=SystemClock())
    return await Postgres.open(url, clock=SystemClock(), connections=5)
