"""The window, in every store: counted by one, by many at once, and when a store is away."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.access import MIGRATIONS, Principal, Role
from fairlead.access.rate import MemoryRateStore, RateLimit, RateStore, Room, Taken, Window, room_of, taken_at, wait_of
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
LONG = Window(100, timedelta(days=10_000))  # no part of it ends while a test runs
ADA, BOB = (Principal(name, Role.OPERATOR, key=name, key_id=name) for name in ("ada", "bob"))
MICROSECOND = timedelta(microseconds=1)


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
    assert (last.granted, last.used) == (40, 100)


async def test_what_is_refused_is_not_counted(store: RateStore) -> None:
    for _ in range(150):
        last = await store.take("ada", 1, LONG)
    assert last.used == 100


async def test_who_waits_as_long_as_they_are_told_is_let_in(store: RateStore) -> None:
    quick = Window(10, timedelta(milliseconds=400))
    first = await store.take("ada", 10, quick)
    refused = await store.take("ada", 10, quick)
    assert (first.granted, refused.granted) == (10, 0)
    told = wait_of(refused, 10, quick)
    assert timedelta(0) < told <= quick.length + quick.part * MICROSECOND
    await asyncio.sleep(told.total_seconds() + 0.001)
    assert (await store.take("ada", 10, quick)).granted == 10


async def test_every_store_counts_as_the_rule_says(store: RateStore) -> None:
    """Whatever its clock says: the rule is asked anew for each of its moments."""
    quick, dice = Window(12, timedelta(milliseconds=150)), random.Random(1)
    kept: Taken | None = None
    given: list[tuple[int, int]] = []
    for _ in range(150):
        amount = dice.choice((1, 1, 1, 2, 5))
        told = await store.take("ada", amount, quick)
        kept = taken_at(told.at, amount, quick, kept)
        assert (told.granted, told.used, told.at) == (kept.granted, kept.used, kept.at)
        assert told.granted or dict(told.parts) == dict(kept.parts)
        given.append((told.at, told.granted))
        await asyncio.sleep(dice.choice((0, 0, 0.001, 0.004, 0.02)))
    assert most_within(given, quick) <= quick.most
    assert sum(granted for _, granted in given) > 2 * quick.most  # windows passed, and places became free


def most_within(given: list[tuple[int, int]], window: Window) -> int:
    """In any window of that length, both of its ends included."""
    length = window.length // MICROSECOND
    return max(sum(n for when, n in given if end - length <= when <= end) for end, _ in given)


async def test_rows_that_count_no_more_are_forgotten(tmp_path: Path) -> None:
    database = await Sqlite.open(tmp_path / "x.db", clock=SystemClock())
    await migrate(database, (MIGRATIONS,))
    store = SqlRateStore(database)
    await store.take("ada", 1, Window(10, MICROSECOND))
    await asyncio.sleep(0.001)
    await store.take("bob", 1, LONG)
    await store.sweep()
    rows = await database.read(parse("look", "SELECT caller FROM rate_windows", database.dialect))
    assert [row["caller"] for row in rows] == ["bob"]
    await database.close()


def arrivals(window: Window) -> st.SearchStrategy[list[tuple[int, int]]]:
    """Pauses and amounts: bursts, and what comes at the edges of parts and windows."""
    length = window.length // MICROSECOND
    edges = [around + near for around in (window.part, length, length + window.part) for near in (-1, 0, 1)]
    ranges = (st.integers(0, most) for most in (2, 2 * window.part, length))
    pause = st.one_of(*ranges, st.sampled_from(edges))
    return st.lists(st.tuples(pause, st.sampled_from((1, 1, 1, 3, window.most // 2, window.most))), max_size=80)


SMALL = Window(10, timedelta(microseconds=6000))
UNEVEN = Window(7, timedelta(microseconds=1009))  # no number of whole parts


@pytest.mark.parametrize("window", [SMALL, UNEVEN])
@given(data=st.data(), start=st.integers(0, 10_000))
def test_never_more_than_so_many_in_any_window_and_none_refused_for_what_is_long_past(
    data: st.DataObject, start: int, window: Window
) -> None:
    length = window.length // MICROSECOND
    at, kept = start, None
    given: list[tuple[int, int]] = []
    for pause, amount in data.draw(arrivals(window)):
        at += pause
        kept = taken_at(at, amount, window, kept)
        if kept.granted:
            given.append((at, amount))
            assert most_within(given, window) <= window.most
        else:
            recent = sum(n for when, n in given if when > at - length - 2 * window.part)
            assert recent + amount > window.most
            ensure_exact(wait_of(kept, amount, window), at, amount, window, kept)


def ensure_exact(wait: timedelta, at: int, amount: int, window: Window, kept: Taken) -> None:
    then = at + wait // MICROSECOND
    assert taken_at(then, amount, window, kept).granted == amount
    assert taken_at(then - 1, amount, window, kept).granted == 0


def test_a_place_is_free_again_a_sixtieth_of_the_window_after_it_at_the_latest() -> None:
    first = taken_at(90_000_000, 100, MINUTE, None)  # the first moment of a second
    assert wait_of(first, 1, MINUTE) == timedelta(seconds=61)
    last = taken_at(90_999_999, 100, MINUTE, None)
    assert wait_of(last, 1, MINUTE) == timedelta(seconds=60, microseconds=1)


def test_a_clock_that_is_set_back_a_little_stands_still_and_further_begins_anew() -> None:
    full = taken_at(90_500_000, 100, MINUTE, None)
    assert taken_at(90_400_000, 1, MINUTE, full) == Taken(0, 100, 90_500_000, full.parts)
    assert taken_at(80_000_000, 1, MINUTE, full) == Taken(1, 1, 80_000_000, {80: 1})


def test_what_is_left_is_told_in_the_words_of_the_draft() -> None:
    room = room_of(Taken(1, 35, 59_600_000), MINUTE)
    assert room == Room(MINUTE, 65, timedelta(seconds=60.4))
    assert room.headers() == ((b"ratelimit-policy", b'"runs";q=100;w=60'), (b"ratelimit", b'"runs";r=65;t=61'))


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
    assert timedelta(0) < refused.retry_after <= timedelta(seconds=61)
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
