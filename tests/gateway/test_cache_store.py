"""What every store of answers must do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from fairlead.clock import SystemClock
from fairlead.database import sql
from fairlead.database.redis_door import RedisDoor
from fairlead.errors import DatabaseUnavailable
from fairlead.gateway.cache_store import CacheStore, MemoryCacheStore
from fairlead.gateway.cache_store_redis import RedisCacheStore
from fairlead.gateway.cache_store_sql import SqlCacheStore
from fairlead.testing import MovableClock
from tests.gateway.sharing import open_database
from tests.servers import free_port

HOUR = timedelta(hours=1)


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres), "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    match request.param:
        case "memory" | "sqlite":
            return f"{request.param}:///{tmp_path}/test.db"
        case _:
            return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
async def store(url: str) -> AsyncIterator[CacheStore]:
    if url.startswith("memory:"):
        yield MemoryCacheStore(clock=SystemClock())
    elif url.startswith("redis:"):
        opened = RedisCacheStore(RedisDoor(url))
        yield opened
        await opened.aclose()
    else:
        database = await open_database(url)
        yield SqlCacheStore(database)
        await database.close()


async def test_what_is_kept_comes_back_as_it_was(store: CacheStore) -> None:
    assert await store.get("a") is None
    value = '{"x": "ä \\u0000 \\ud83d"}'.encode()
    await store.put("a", value, tenant="t", keep=HOUR)
    assert await store.get("a") == value
    await store.put("a", b"newer", tenant="t", keep=HOUR)
    assert (await store.get("a"), await store.get("b")) == (b"newer", None)


async def test_nothing_is_given_when_its_time_is_over(store: CacheStore) -> None:
    await store.put("a", b"x", tenant="t", keep=timedelta(milliseconds=1))
    async with asyncio.timeout(5):
        while await store.get("a") is not None:
            await asyncio.sleep(0)


async def test_many_at_once_harm_nobody(store: CacheStore) -> None:
    await asyncio.gather(*(store.put(f"k{n % 7}", str(n % 7).encode(), tenant="t", keep=HOUR) for n in range(70)))
    assert [await store.get(f"k{n}") for n in range(7)] == [str(n).encode() for n in range(7)]


async def test_memory_is_bounded_and_what_was_not_asked_for_longest_goes_first() -> None:
    store = MemoryCacheStore(clock=MovableClock(), most_bytes=4000)
    for name in ("a", "b", "c"):
        await store.put(name, b"x" * 800, tenant="t", keep=HOUR)
    await store.get("a")
    await store.put("d", b"x" * 800, tenant="t", keep=HOUR)
    assert [await store.get(name) is not None for name in "abcd"] == [True, False, True, True]
    await store.put("huge", b"x" * 5000, tenant="t", keep=HOUR)
    assert await store.get("huge") is None
    assert store.bytes <= 4000
    await store.aclose()
    assert store.bytes == 0


async def test_the_database_is_bounded_and_forgets_what_is_over(database_url: str) -> None:
    database = await open_database(database_url)
    store = SqlCacheStore(database, most_bytes=1000)
    await store.put("old", b"x", tenant="t", keep=timedelta(microseconds=1))
    for number in range(99):
        await store.put(f"{number:02}", b"x" * 100, tenant="t", keep=HOUR + timedelta(seconds=number))
    await store.put("last", b"x" * 100, tenant="t", keep=HOUR * 2)
    [row] = await database.read(
        sql.parse("all", "SELECT count(*) AS n, min(key) AS k FROM model_cache", database.dialect)
    )
    assert (row["n"], row["k"]) == (10, "90")
    await database.close()


async def test_a_redis_that_is_away_is_told_in_our_words() -> None:
    store = RedisCacheStore(RedisDoor(f"redis://127.0.0.1:{free_port()}/0"))
    with pytest.raises(DatabaseUnavailable, match="Redis"):
        await store.get("a")
    with pytest.raises(DatabaseUnavailable, match="Redis"):
        await store.put("a", b"x", tenant="t", keep=HOUR)
    await store.aclose()
