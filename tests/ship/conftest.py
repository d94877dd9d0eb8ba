"""A ledger on a database of each kind, and a rehearsed target."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fairlead.database import Database, migrate
from fairlead.ship.ledger import MIGRATIONS, Ledger
from fairlead.ship.rehearsal import Rehearsal
from fairlead.testing import MovableClock
from tests.access.conftest import open_database


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await open_database(database_url)
    await migrate(opened, (MIGRATIONS,))
    yield opened
    await opened.close()


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database, environment="staging")


@pytest.fixture
def target(clock: MovableClock) -> Rehearsal:
    return Rehearsal(clock=clock)
