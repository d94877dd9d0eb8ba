"""Every question can be asked, and those asked at every step go by the primary key however much is stored."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from fairlead.clock import SystemClock
from fairlead.database import Postgres, Sqlite, migrate
from fairlead.runs.journal import MIGRATIONS, load_queries
from fairlead.store import MIGRATIONS as STORE

_HOT = ("record", "record_one", "record_asked", "record_asked_many", "put_down", "figures", "held")
_GROW = ("runs", "events", "messages", "threads", "checkpoints", "deliveries", "scores", "approvals", "run_figures")
_SMALL = ("runs_queued", "runs_held", "runs_waiting", "deliveries_in_order")  # what waits, what is held
_ONCE = {"start_folds": "when there was no counting yet"}
_LISTS = dict.fromkeys(("agents", "statuses", "holding", "metadata", "ids", "tenants"), "[]")


@pytest.fixture(scope="module")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("queries") / "test.db"

    async def make() -> None:
        database = await Sqlite.open(path, clock=SystemClock())
        await migrate(database, (MIGRATIONS, STORE))
        await database.close()

    asyncio.run(make())
    return path


def _plans(path: Path, name: str) -> dict[str, str]:
    """All statements of a file, explained one by one; those that make temporary tables are carried out."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.create_function("now_us", 0, lambda: 0)
    plans: dict[str, str] = {}
    try:
        connection.execute("BEGIN")
        for statement in load_queries("sqlite")[name].statements:
            given = dict.fromkeys(re.findall(r":([a-z_]+)", statement), 1) | _LISTS | {"rows": "[]"}
            steps = connection.execute(f"EXPLAIN QUERY PLAN {statement}", given)
            plans[statement] = "\n".join(str(row[3]) for row in steps)
            if "TEMP" in statement or "temp." in statement:
                connection.execute(statement, given)
        connection.execute("ROLLBACK")
    finally:
        connection.close()
    return plans


def test_both_databases_answer_the_same_questions() -> None:
    assert load_queries("sqlite").keys() == load_queries("postgres").keys()


@pytest.mark.parametrize("name", sorted(load_queries("sqlite")))
def test_sqlite_compiles(sqlite_file: Path, name: str) -> None:
    _plans(sqlite_file, name)


@pytest.mark.parametrize("name", _HOT)
def test_sqlite_finds_runs_by_their_key(sqlite_file: Path, name: str) -> None:
    plan = "\n".join(_plans(sqlite_file, name).values())
    assert not re.search(r"SCAN (runs|r|c|events|e)\b", plan), plan
    assert re.search(r"\(tenant=\? AND (run_)?id=\?", plan), plan


@pytest.mark.parametrize("name", sorted(load_queries("sqlite").keys() - _ONCE.keys()))
def test_sqlite_reads_what_grows_by_an_index_and_not_from_end_to_end(sqlite_file: Path, name: str) -> None:
    for asked, plan in _plans(sqlite_file, name).items():
        for alias, index in re.findall(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?", plan):
            tables = {alias, *re.findall(rf"\b(\w+) (?:AS )?{alias}\b", asked)}
            assert tables.isdisjoint(_GROW) or index in _SMALL, f"{name} reads all of {alias}: {plan}"


async def test_postgres_prepares_every_question(postgres_url: str) -> None:
    database = await Postgres.open(postgres_url, clock=SystemClock(), connections=2)
    await migrate(database, (MIGRATIONS, STORE))
    connection = await asyncpg.connect(postgres_url)
    for name, query in load_queries("postgres").items():
        try:
            await connection.prepare(query.statements[0])
        except asyncpg.PostgresError as error:
            raise AssertionError(f"{name}: {error}") from error
    await connection.close()
    await database.close()


async def test_postgres_finds_runs_by_their_key_among_100_000_that_have_ended(postgres_url: str) -> None:
    database = await Postgres.open(postgres_url, clock=SystemClock(), connections=2)
    await migrate(database, (MIGRATIONS, STORE))
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("""
        INSERT INTO runs (tenant, id, agent, release, status, root_id, input, created_at, finished_at, owner)
        SELECT 'default', md5(n::text), 'a', 'dev', CASE WHEN n % 500 = 0 THEN 'running' ELSE 'success' END,
               'r', '1', n, CASE WHEN n % 500 = 0 THEN NULL ELSE n END, CASE WHEN n % 500 = 0 THEN 'w' END
        FROM generate_series(1, 100000) AS n""")
    await connection.execute("ANALYZE runs")
    for name in ("record", "record_one", "record_asked", "record_asked_many", "put_down"):
        query = load_queries("postgres")[name]
        count = len(query.parameters) + len(query.columns)
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        await connection.execute(f"PREPARE {name} AS {query.statements[0]}")
        plan: Any = await connection.fetch(f"EXPLAIN EXECUTE {name}({', '.join(['NULL'] * count)})")
        text = "\n".join(row[0] for row in plan)
        assert "Seq Scan on runs" not in text and "runs_held" not in text, text
        assert "runs_pkey" in text, text
    await connection.close()
    await database.close()
