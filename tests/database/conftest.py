"""A database of each kind, new for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fairlead.clock import SystemClock
from fairlead.database import Database, Postgres, Sqlite


@pytest.fixture
def database_url(empty_url: str) -> str:
    return empty_url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await open_one(database_url)
    yield opened
    await opened.close()


async def open_one(url: str) -> Database:
    if url.startswith("sqlite:///"):
        return await Sqlite.open(Path(url.removeprefix("sqlite:///")), clock=SystemClock())
    return await Postgres.open(url, clock=SystemClock(), connections=5)
