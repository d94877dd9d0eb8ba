"""Rows and roll-ups, on both databases."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fairlead.clock import Clock, SystemClock
from fairlead.database import Database, Postgres, Query, Row, Rows, Sqlite, migrate
from fairlead.database.sql import parse
from fairlead.errors import DatabaseUnavailable
from fairlead.gateway.schema import MIGRATIONS, load_queries
from fairlead.gateway.standing import Tally
from fairlead.gateway.usage_log import UsageLog, UsageRow
from fairlead.gateway.usage_retention import UsageRetention
from fairlead.telemetry.catalogue import misfit
from fairlead.testing import MovableClock
from tests.usage import usage_row

AT = datetime(2026, 11, 26, 10, 59, 59, tzinfo=UTC)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def postgres(request: pytest.FixtureRequest) -> str | None:
    """An empty database there, or None for a file."""
    return request.getfixturevalue("postgres_url") if request.param == "postgres" else None


@pytest.fixture
async def database(postgres: str | None, tmp_path: Path) -> AsyncIterator[Database]:
    clock = SystemClock()
    opened: Database = (
        await Postgres.open(postgres, clock=clock, connections=5)
        if postgres
        else await Sqlite.open(tmp_path / "test.db", clock=clock)
    )
    await migrate(opened, (MIGRATIONS,))
    yield opened
    await opened.close()


class Heard:
    def __init__(self) -> None:
        self.lost: list[dict[str, Any]] = []

    def __call__(self, event: str, /, **fields: Any) -> None:
        assert not misfit(event, fields)
        self.lost.append(fields)


class Shaky:
    """A database in front of a real one that is away, or forgets to answer, when a test says so."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.away = False
        self.answers_to_lose = 0
        self.writes = 0
        self.dialect = database.dialect
        self.tried = asyncio.Event()

    async def write(self, query: Query, /, rows: Rows = (), **parameters: Any) -> Sequence[Row]:
        self.writes += 1
        self.tried.set()
        if self.away:
            raise DatabaseUnavailable("It is away.")
        answer = await self.database.write(query, rows, **parameters)
        if self.answers_to_lose:
            self.answers_to_lose -= 1
            raise DatabaseUnavailable("The answer was lost.")
        return answer


class Watch(MovableClock):
    """Tells when somebody sleeps by it."""

    def __init__(self) -> None:
        super().__init__()
        self.asleep = asyncio.Event()

    async def sleep(self, duration: timedelta) -> None:
        self.asleep.set()
        await super().sleep(duration)

    async def wait_for_sleeper(self) -> None:
        async with asyncio.timeout(8):
            await self.asleep.wait()
        await asyncio.sleep(0)


def open_log(database: Any, *, heard: Heard | None = None, clock: Clock | None = None, **more: Any) -> UsageLog:
    queries = load_queries(database.dialect)
    return UsageLog(database, queries, clock=clock or SystemClock(), emit=heard or Heard(), **more)


def row(**given: Any) -> UsageRow:
    return usage_row(**{"at": AT, "tokens_in": 100, "tokens_out": 10, "cost_nano": 7, **given})


async def ask(database: Database, text: str) -> list[tuple[Any, ...]]:
    rows: Any = await database.read(parse("asked", text, database.dialect))
    return [tuple(row) for row in rows]


async def hours(database: Database, dimension: str, *columns: str) -> list[tuple[Any, ...]]:
    listed = ", ".join(("name", *columns))
    return await ask(
        database, f"SELECT {listed} FROM usage_hours WHERE dimension = '{dimension}' ORDER BY tenant, hour, name"
    )


async def test_every_field_of_a_try_is_kept(database: Database) -> None:
    log = open_log(database, new_id=lambda: 5)
    log.add(row(
        tenant="acme", user="ann", agent="desk", run_id="r1", key="key-1", release="7", cached_in=40, cache_written=9,
        reasoning=3, estimated=True, saved_nano=-2, first_token=timedelta(milliseconds=20), streamed=True, cached=False,
    ))  # fmt: skip
    await log.close()
    (kept,) = await ask(database, "SELECT * FROM usage")
    assert kept == (
        int(AT.timestamp() * 1e6), 5, "acme", "r1", "openai", "openai/gpt-5", "desk", "ann", "7", "key-1", "ok", 100,
        40, 9, 10, 3, True, 7, -2, 250_000, 20_000, True, False,
    )  # fmt: skip


async def test_tries_are_summed_by_the_hour_in_each_dimension(database: Database) -> None:
    log = open_log(database)
    log.add(row(user="ann", cached_in=40, cache_written=5, reasoning=4, saved_nano=3))
    log.add(row(user="ann", outcome="model_timeout", tokens_out=0, cost_nano=2))
    log.add(row(user="bob", model="openai/gpt-4o", cached=True, cost_nano=0, saved_nano=9))
    log.add(row(at=AT + timedelta(seconds=1), user="ann"))
    await log.close()
    assert await hours(database, "user", "calls", "failed", "hits", "tokens_in", "cost_nano") == [
        ("ann", 2, 1, 0, 200, 9), ("bob", 1, 0, 1, 100, 0), ("ann", 1, 0, 0, 100, 7),
    ]  # fmt: skip
    assert await hours(database, "model", "calls") == [("openai/gpt-4o", 1), ("openai/gpt-5", 2), ("openai/gpt-5", 1)]
    assert await hours(database, "outcome", "calls") == [("model_timeout", 1), ("ok", 2), ("ok", 1)]
    assert await hours(database, "provider", "cached_in", "cache_written", "tokens_out", "reasoning", "saved_nano") == [
        ("openai", 40, 5, 20, 4, 12), ("openai", 0, 0, 10, 0, 0),
    ]  # fmt: skip
    assert await hours(database, "key", "calls") == [("", 3), ("", 1)]


async def test_later_writes_add_to_the_same_sums(database: Database) -> None:
    for _ in range(3):
        log = open_log(database)
        log.add(row(run_id="r1"))
        await log.close()
    assert await hours(database, "provider", "calls", "cost_nano") == [("openai", 3, 21)]
    assert await ask(database, "SELECT run_id, calls, cost_nano FROM usage_runs") == [("r1", 3, 21)]


async def test_a_run_is_summed_over_its_whole_life_whatever_order_its_tries_come_in(database: Database) -> None:
    log = open_log(database)
    log.add(row(run_id="r1", agent="desk", at=AT + timedelta(hours=2)))
    await log.close()
    log = open_log(database)
    log.add(row(run_id="r1", agent="desk", outcome="broken_answer"))
    log.add(row(run_id=None))
    await log.close()
    micros = int(AT.timestamp() * 1e6)
    kept = await ask(database, "SELECT agent, first_at, last_at, last_hour - first_hour, calls, failed FROM usage_runs")
    assert kept == [("desk", micros, micros + 7_200_000_000, 2, 2, 1)]


async def test_tenants_are_summed_apart(database: Database) -> None:
    log = open_log(database)
    log.add(row(tenant="a", run_id="same"))
    log.add(row(tenant="b", run_id="same", cost_nano=1))
    await log.close()
    by_user = "SELECT tenant, cost_nano FROM usage_hours WHERE dimension = 'user' ORDER BY tenant"
    assert await ask(database, by_user) == [("a", 7), ("b", 1)]
    assert await ask(database, "SELECT tenant, cost_nano FROM usage_runs ORDER BY tenant") == [("a", 7), ("b", 1)]


async def test_what_waits_while_a_write_is_under_way_goes_in_one_statement(database: Database) -> None:
    shaky = Shaky(database)
    log = open_log(shaky)
    log.add(row())
    await shaky.tried.wait()
    for _ in range(400):
        log.add(row())
    await log.close()
    assert shaky.writes == 2
    assert await hours(database, "provider", "calls") == [("openai", 401)]


async def test_a_write_whose_answer_was_lost_is_repeated_and_counts_once(database: Database) -> None:
    shaky, clock = Shaky(database), Watch()
    shaky.answers_to_lose = 1
    log = open_log(shaky, clock=clock)
    log.add(row(run_id="r1"))
    log.add(row(run_id="r1"))
    await clock.wait_for_sleeper()
    clock.move(timedelta(seconds=1))
    await log.close()
    assert shaky.writes == 2
    assert await hours(database, "provider", "calls") == [("openai", 2)]
    assert await ask(database, "SELECT calls FROM usage_runs") == [(2,)]
    assert await ask(database, "SELECT count(*) FROM usage") == [(2,)]


async def test_rows_outlast_a_database_that_is_away(database: Database) -> None:
    shaky, clock, heard = Shaky(database), Watch(), Heard()
    shaky.away = True
    log = open_log(shaky, clock=clock, heard=heard)
    log.add(row())
    await clock.wait_for_sleeper()
    log.add(row())
    shaky.away = False
    clock.move(timedelta(seconds=1))
    await log.close()
    assert (await hours(database, "provider", "calls"), heard.lost) == ([("openai", 2)], [])


async def test_beyond_the_bound_rows_are_lost_and_told_with_what_they_cost(database: Database) -> None:
    shaky, heard, clock = Shaky(database), Heard(), Watch()
    shaky.away = True
    log = open_log(shaky, heard=heard, clock=clock, most_waiting=3)
    for _ in range(5):
        log.add(row())
    await clock.wait_for_sleeper()
    shaky.away = False
    clock.move(timedelta(seconds=1))
    await log.close()
    assert [(one["rows"], one["cost_nano"]) for one in heard.lost] == [(2, 14)]
    assert await hours(database, "provider", "calls") == [("openai", 3)]


async def test_closing_does_not_wait_for_a_database_that_stays_away(database: Database) -> None:
    shaky, heard, clock = Shaky(database), Heard(), Watch()
    shaky.away = True
    log = open_log(shaky, heard=heard, clock=clock)
    log.add(row())
    await clock.wait_for_sleeper()
    async with asyncio.timeout(5):
        await log.close()
    assert [(one["rows"], one["cost_nano"]) for one in heard.lost] == [(1, 7)]


async def test_names_no_database_holds_are_kept_as_well_as_they_can_be(database: Database) -> None:
    heard = Heard()
    log = open_log(database, heard=heard)
    for user in ("nul\0", "unit\x1f", "null\x1e", "half \ud800", "x" * 5000, "", "日本"):
        log.add(row(user=user))
    await log.close()
    names = {name for (name,) in await hours(database, "user")}
    assert names == {"nul\ufffd", "unit\ufffd", "null\ufffd", "half \ufffd", "x" * 200, "", "日本"}
    assert heard.lost == []


async def test_absurd_figures_can_be_added_up(database: Database) -> None:
    log = open_log(database)
    for _ in range(3):
        log.add(row(tokens_in=2**80, tokens_out=-5, cost_nano=2**62, saved_nano=-(2**70)))
    log.add(row(tokens_in=1, cost_nano=1))
    await log.close()
    ((_, calls, tokens, out),) = await hours(database, "provider", "calls", "tokens_in", "tokens_out")
    assert (calls, tokens, out) == (4, 3 * 10**12 + 1, 10)


async def test_many_processes_worth_of_logs_count_the_same_things_without_losing_any(database: Database) -> None:
    logs = [open_log(database) for _ in range(4)]
    for turn in range(50):
        for log in logs:
            log.add(row(user=f"u{turn % 7}", run_id=f"r{turn % 5}"))
        await asyncio.sleep(0)
    for log in logs:
        await log.close()
    assert await hours(database, "provider", "calls", "cost_nano") == [("openai", 200, 1400)]
    assert await ask(database, "SELECT sum(calls) FROM usage_runs") == [(200,)]


async def test_to_add_a_row_takes_less_than_10_us(tmp_path: Path) -> None:
    clock = SystemClock()
    database = await Sqlite.open(tmp_path / "test.db", clock=clock)
    await migrate(database, (MIGRATIONS,))
    log, one = open_log(database), row(user="ann", agent="desk", run_id="r1")
    started = time.process_time()
    for _ in range(5000):
        log.add(one)
    taken = time.process_time() - started
    await log.close()
    await database.close()
    assert taken / 5000 < 10e-6


async def test_old_rows_go_in_batches_while_their_sums_stay(database: Database) -> None:
    log = open_log(database)
    for day in range(6):
        log.add(row(at=AT - timedelta(days=day), run_id=f"r{day}"))
    await log.close()
    clock = MovableClock(AT + timedelta(seconds=10))
    retention = UsageRetention(
        database, load_queries(database.dialect), rows_for=timedelta(days=2), sums_for=timedelta(days=4), clock=clock,
        emit=lambda event, /, **fields: None, batch=2,
    )  # fmt: skip
    assert await retention.once() == timedelta(milliseconds=50)
    while await retention.once() is not None:
        pass
    assert await ask(database, "SELECT count(*) FROM usage") == [(2,)]
    assert len(await hours(database, "provider")) == 4
    assert await ask(database, "SELECT count(*) FROM usage_runs") == [(4,)]


async def test_how_providers_did_of_late_is_told_for_all_processes(database: Database) -> None:
    one, other = open_log(database), open_log(database)
    for outcome in ("ok", "ok", "model_limited", "model_timeout", "model_refused"):
        one.add(row(outcome=outcome))
    other.add(row(provider="anthropic", outcome="model_unavailable"))
    other.add(row(provider="anthropic", outcome="ok", cached=True))
    other.add(row(at=AT - timedelta(minutes=10)))
    await one.close()
    await other.close()
    assert await open_log(database).tallies(AT - timedelta(minutes=5)) == [
        Tally("anthropic", 1, 0, 0, 1), Tally("openai", 5, 2, 1, 1),
    ]  # fmt: skip
