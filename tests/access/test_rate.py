"""The window, in every store: counted by one, by many at once, and when a store is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.access import MIGRATIONS, Principal, Role
from fairlead.access.rate import MemoryRateStore, RateLimit, RateStore, Room, Taken, Window, room_of, wait_of, weight
from fairlead.access.rate_redis import RedisRateStore
from fairlead.access.rate_sql import SqlRateStore
from fairlead.access.roles import LOCAL_ADMIN
from fairlead.clock import SystemClock
from fairlead.database import Postgres, Sqlite, migrate
from fairlead.database.redis_door import RedisDoor
from fairlead.database.sql import parse
from fairlead.errors import DatabaseUnavailable, RateLimitError
from fairlead.telemetry.emit import silent
from fairlead.testing import MovableClock
from tests.servers import RedisServer, free_port

MINUTE = Window(100, timedelta(seconds=60))
LONG = Window(100, timedelta(days=10_000))  # no bucket ends while a test runs
ADA, BOB = (Principal(name, Role.OPERATOR, key=name, key_id=name) for name in ("ada", "bob"))
SIZE = 60_000_000


@pytest.fixture(params=["memory", "redis", "sqlite", "postgres"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    named = {"redis": "redis_url", "postgres": "postgres_url"}.get(request.param)
    return request.getfixturevalue(named) if named else str(tmp_path / "x.db") if request.param == "sqlite" else ""


@pytest.fixture
async def store(where: str) -> AsyncIterator[RateStore]:
    clock = SystemClock()
    if where.startswith("redis"):
        opened = RedisRateStore(RedisDoor(where))
        yield opened
        await opened.aclose()
    elif where:
        postgres = where.startswith("postgresql")
        database = await (Postgres.open(where, clock=clock) if postgres else Sqlite.open(Path(where), clock=clock))
        await migrate(database, (MIGRATIONS,))
        yield SqlRateStore(database)
        await database.close()
    else:
        yield MemoryRateStore(clock=clock)


async def test_so_many_are_granted_and_no_more_whoever_asks_at_the_same_time(store: RateStore) -> None:
    taken = await asyncio.gather(*(store.take("ada", 1, LONG) for _ in range(130)))
    assert sum(one.granted for one in taken) == 100
    assert (await store.take("bob", 1, LONG)).granted == 1


async def test_a_group_is_granted_whole_or_not_at_all(store: RateStore) -> None:
    assert [(await store.take("ada", 60, LONG)).granted for _ in range(2)] == [60, 0]
    last = await store.take("ada", 40, LONG)
    assert (last.granted, last.now) == (40, 100)


async def test_what_is_refused_is_not_counted(store: RateStore) -> None:
    for _ in range(150):
        last = await store.take("ada", 1, LONG)
    assert last.now == 100


async def test_the_window_slides_on(store: RateStore) -> None:
    quick = Window(10, timedelta(milliseconds=400))
    assert (await store.take("ada", 10, quick)).granted == 10
    refused = await store.take("ada", 10, quick)
    if refused.granted == 0:  # the bucket may just have ended
        await asyncio.sleep(wait_of(refused, 10, quick).total_seconds() + 0.005)
        assert (await store.take("ada", 10, quick)).granted == 10


async def test_rows_that_count_no_more_are_forgotten(tmp_path: Path) -> None:
    database = await Sqlite.open(tmp_path / "x.db", clock=SystemClock())
    await migrate(database, (MIGRATIONS,))
    store = SqlRateStore(database)
    await store.take("ada", 1, Window(10, timedelta(microseconds=1)))
    await store.take("bob", 1, LONG)
    await store.sweep()
    rows = await database.read(parse("look", "SELECT caller FROM rate_taken", database.dialect))
    assert [row["caller"] for row in rows] == ["bob"]
    await database.close()


@given(before=st.integers(0, 100), now=st.integers(0, 100), into=st.integers(0, SIZE - 1), amount=st.integers(1, 100))
def test_who_waits_as_long_as_they_are_told_is_let_in_and_no_sooner(
    before: int, now: int, into: int, amount: int
) -> None:
    at = 7 * SIZE + into

    def used(when: int) -> int:
        behind = when // SIZE - 7
        return weight(*((before, now), (now, 0), (0, 0))[min(behind, 2)], when, MINUTE)

    if used(at) + amount <= MINUTE.most:
        return
    then = at + wait_of(Taken(0, before, now, at), amount, MINUTE) // timedelta(microseconds=1)
    assert used(then) + amount <= MINUTE.most
    assert then == at + 1 or used(then - 1) + amount > MINUTE.most


def test_what_is_left_is_told_in_the_words_of_the_draft() -> None:
    room = room_of(Taken(1, 50, 10, 30 * SIZE + SIZE // 2), MINUTE)
    assert room == Room(MINUTE, 65, timedelta(seconds=90))
    assert room.headers() == ((b"ratelimit-policy", b'"runs";q=100;w=60'), (b"ratelimit", b'"runs";r=65;t=90'))


async def _refused(limit: RateLimit, caller: Principal, amount: int = 1) -> RateLimitError:
    with pytest.raises(RateLimitError) as told:
        await limit.take(caller, amount)
    return told.value


async def test_a_caller_is_told_when_to_come_back_and_then_let_in() -> None:
    clock = MovableClock()
    said: list[tuple[str, dict[str, Any]]] = []
    limit = RateLimit(MINUTE, store=None, clock=clock, emit=lambda name, **more: said.append((name, more)))
    for _ in range(100):
        assert await limit.take(ADA) is not None
    refused = await _refused(limit, ADA)
    assert timedelta(0) < refused.retry_after <= timedelta(seconds=120)
    assert said == [("request_limited", {"caller": "ada", "tenant": "default", "retry_after": refused.retry_after})]
    assert await limit.take(BOB) is not None
    clock.move(refused.retry_after)
    assert await limit.take(ADA) is not None
    assert "smaller" in (await _refused(limit, BOB, 101)).hint


async def test_this_machine_without_a_key_and_no_limit_are_not_counted() -> None:
    clock = MovableClock()
    limit = RateLimit(Window(1, timedelta(seconds=60)), store=None, clock=clock, emit=silent)
    assert [await limit.take(LOCAL_ADMIN) for _ in range(3)] == [None] * 3
    off = RateLimit(Window(0, timedelta(seconds=60)), store=None, clock=clock, emit=silent)
    assert [await off.take(ADA) for _ in range(3)] == [None] * 3


async def test_when_redis_is_gone_each_process_counts_alone_until_it_is_back(tmp_path: Path) -> None:
    redis = RedisServer(tmp_path)
    store = RedisRateStore(RedisDoor(redis.start()))
    clock = MovableClock()
    said: list[str] = []
    limit = RateLimit(
        Window(2, timedelta(days=10_000)), store=store, clock=clock, emit=lambda name, **_: said.append(name)
    )
    await limit.take(ADA)
    redis.stop()
    await limit.take(ADA)
    await limit.take(ADA)
    await _refused(limit, ADA)
    assert (said, limit.shared) == (["rate_limit_unshared", "request_limited"], False)
    redis.start()
    clock.move(timedelta(seconds=2))
    await limit.take(ADA)
    assert (said[2:], limit.shared) == (["rate_limit_shared"], True)
    await limit.aclose()
    redis.stop()


async def test_a_store_that_was_never_there_is_no_reason_to_refuse() -> None:
    store = RedisRateStore(RedisDoor(f"redis://127.0.0.1:{free_port()}/0"))
    with pytest.raises(DatabaseUnavailable):
        await store.take("ada", 1, MINUTE)
    limit = RateLimit(MINUTE, store=store, clock=SystemClock(), emit=silent)
    assert await limit.take(ADA) is not None
    await limit.aclose()
