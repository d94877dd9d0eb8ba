"""What every store of rates must do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fairlead.clock import SystemClock
from fairlead.database import Sqlite, migrate
from fairlead.database.redis_door import RedisDoor
from fairlead.errors import DatabaseUnavailable
from fairlead.gateway.rate_store import RateStore
from fairlead.gateway.rate_store_redis import RedisRateStore
from fairlead.gateway.rate_store_sql import SqlRateStore
from fairlead.gateway.schema import MIGRATIONS
from tests.gateway.sharing import open_store
from tests.servers import free_port


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres), "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    match request.param:
        case "memory" | "sqlite":
            return f"{request.param}:///{tmp_path}/test.db"
        case _:
            return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
async def store(url: str) -> AsyncIterator[RateStore]:
    async with open_store(url) as opened:
        yield opened


async def test_nothing_is_kept_at_first_and_the_clock_is_told(store: RateStore) -> None:
    first = await store.read("a")
    assert (first.version, first.text) == (0, "")
    assert abs(first.now - SystemClock().micros()) < 60_000_000
    assert (await store.read("a")).now >= first.now


async def test_what_is_kept_comes_back(store: RateStore) -> None:
    assert await store.swap("a/ä'", 0, '{"x": "ä \\u0000"}')
    kept = await store.read("a/ä'")
    assert (kept.version, kept.text) == (1, '{"x": "ä \\u0000"}')
    assert (await store.read("b")).version == 0


async def test_only_who_has_seen_the_newest_may_change_it(store: RateStore) -> None:
    assert await store.swap("a", 0, "first")
    assert not await store.swap("a", 0, "late")
    assert await store.swap("a", 1, "second")
    assert not await store.swap("a", 1, "late")
    kept = await store.read("a")
    assert (kept.version, kept.text) == (2, "second")


async def test_of_many_at_once_one_wins_each_time(store: RateStore) -> None:
    async def add() -> None:
        while True:
            kept = await store.read("a")
            if await store.swap("a", kept.version, str(int(kept.text or "0") + 1)):
                return

    await asyncio.gather(*(add() for _ in range(25)))
    kept = await store.read("a")
    assert (kept.version, kept.text) == (25, "25")


async def test_a_redis_that_is_away_is_told_in_our_words() -> None:
    store = RedisRateStore(RedisDoor(f"redis://127.0.0.1:{free_port()}/0"))
    with pytest.raises(DatabaseUnavailable, match="Redis"):
        await store.read("a")
    with pytest.raises(DatabaseUnavailable, match="Redis"):
        await store.swap("a", 0, "x")
    await store.aclose()


async def test_a_database_that_is_away_is_told(tmp_path: Path) -> None:
    database = await Sqlite.open(tmp_path / "test.db", clock=SystemClock())
    await migrate(database, (MIGRATIONS,))
    store = SqlRateStore(database)
    await database.close()
    with pytest.raises(DatabaseUnavailable):
        await store.swap("a", 0, "x")
