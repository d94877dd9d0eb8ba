"""The store on a database of each kind, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fairlead.clock import SystemClock
from fairlead.database import Database, Postgres, Sqlite, migrate
from fairlead.store import MIGRATIONS
from fairlead.testing import MovableClock


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"{tmp_path}/test.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    if not database_url.startswith("postgresql:"):
        opened: Database = await Sqlite.open(Path(database_url), clock=SystemClock())
    else:
        opened = await Postgres.open(database_url, clock=SystemClock(), connections=3)
    await migrate(opened, (MIGRATIONS,))
    yield opened
    await opened.close()
