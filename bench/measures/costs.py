"""What did it cost, when ten million tries of model calls lie in the tables?"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from bench.figure import Figure, at_most
from bench.place import Place
from fairlead.clock import SystemClock
from fairlead.database import Database, Postgres, Sqlite, migrate
from fairlead.gateway.costs import Costs, Dimension, hour_of
from fairlead.gateway.period import Period
from fairlead.gateway.schema import MIGRATIONS, load_queries

TITLE = "Cost report over ten million usage rows"
ROWS = 10_000_000
DAYS, MODELS, USERS, AGENTS, RELEASES, KEYS = 90, 20, 200, 30, 12, 8
CALLS_PER_RUN = 10
WORK = (
    f"10^7 usage rows of {DAYS} days ({MODELS} models of 4 providers, {USERS} users, {AGENTS} agents, {RELEASES} "
    f"releases, 10^6 runs) with their roll-ups; the report by model, user, agent, release and hour with the ten "
    "dearest runs, as `fairlead costs` asks for it."
)
BY = (Dimension.MODEL, Dimension.USER, Dimension.AGENT, Dimension.RELEASE, Dimension.HOUR)
PERIODS = {"90 days": timedelta(days=DAYS), "24 hours": timedelta(days=1)}
_CHUNK = 1_000_000


async def measure(place: Place) -> tuple[list[Figure], list[str], list[tuple[float, float]]]:
    rows, until = place.amount(ROWS), datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    taken: dict[str, list[float]] = {}
    async with AsyncExitStack() as stack:
        for database in (
            await _sqlite(place.new_folder() / "costs.db", rows, until),
            await _postgres(place, rows, until),
        ):
            stack.push_async_callback(database.close)
            costs = Costs(database, load_queries(database.dialect))
            for what, length in PERIODS.items():
                for repeat in range(1 + 2 * place.repeats):
                    took = await _ask(costs, Period(until - length, until))
                    name = f"{database.dialect}, {what}" + (", first time" if repeat == 0 else "")
                    taken.setdefault(name, []).append(took)
    figures = [Figure(name, "s", values, at_most(2)) for name, values in taken.items()]
    return (
        figures,
        [f"{rows:,} rows. PostgreSQL's and the system's caches are warm from filling.".replace(",", " ")],
        [],
    )


async def _ask(costs: Costs, period: Period) -> float:
    started = time.perf_counter()
    report = await costs.report("default", period, by=BY, top=10)
    took = time.perf_counter() - started
    assert len(report.runs) == 10
    assert report.totals.calls
    return took


async def _sqlite(path: Path, rows: int, until: datetime) -> Database:
    database = await Sqlite.open(path, clock=SystemClock())
    await migrate(database, (MIGRATIONS,))
    await asyncio.to_thread(_fill_sqlite, path, rows, until)
    return database


def _fill_sqlite(path: Path, rows: int, until: datetime) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -200000")
    series = "WITH RECURSIVE series(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM series WHERE n < :last)"
    for first in range(0, rows, _CHUNK):
        given = {"first": first, "last": min(first + _CHUNK, rows) - 1, **_scale(rows, until)}
        connection.execute(f"{series} INSERT INTO usage {_MADE.format(series='series', b0='0', b1='1')}", given)
    for statement in roll_ups():
        connection.execute(statement)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


async def _postgres(place: Place, rows: int, until: datetime) -> Database:
    url = await place.new_database()
    database = await Postgres.open(url, clock=SystemClock())
    await migrate(database, (MIGRATIONS,))
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET synchronous_commit = off")
        await connection.execute("SET work_mem = '256MB'")
        scale = _scale(rows, until)
        for first in range(0, rows, _CHUNK):
            last = min(first + _CHUNK, rows) - 1
            made = _MADE.format(series=f"generate_series({first}::bigint, {last}) AS s(n)", b0="false", b1="true")
            for name, value in scale.items():
                made = made.replace(f":{name}", str(value))
            await connection.execute(f"INSERT INTO usage {made}", timeout=600)
        for statement in roll_ups():
            await connection.execute(statement, timeout=600)
        await connection.execute("VACUUM ANALYZE", timeout=600)
    finally:
        await connection.close()
    return database


def _scale(rows: int, until: datetime) -> dict[str, int]:
    """`start` in microseconds, and how many of them lie between two rows."""
    start = (hour_of(until) - DAYS * 24) * 3_600_000_000
    return {"start": start, "gap": int(timedelta(days=DAYS) / timedelta(microseconds=1)) // rows}


# 40503 and the like scatter: neighbours differ in everything, as calls of many people at a time do.
_MADE = f"""
SELECT :start + n * :gap, n, 'default', '01930000-0000-7000-8000-0' || name, 'provider-' || (model % 4),
    'provider-' || (model % 4) || '/model-' || model, 'agent-' || ((run * 7919) % {AGENTS}),
    'user-' || ((run * 40503) % {USERS}), 'release-' || ((n * :gap / (7 * 86400000000)) % {RELEASES}),
    'key-' || (run % {KEYS}), CASE WHEN (n * 7) % 50 = 0 THEN 'model_timeout' ELSE 'ok' END,
    500 + (n * 31) % 8000, (n * 31) % 400, (n * 17) % 90, 50 + (n * 13) % 900, (n * 13) % 40, {{b0}},
    100000 + ((n * 2654435761) % 90000000), (n * 37) % 1000000, 900000 + (n * 11) % 5000000, 120000, {{b0}}, {{b1}}
FROM (
    SELECT n, run, (run * 31 + n / 40) % {MODELS} AS model, 10000000000 + run AS name
    FROM (SELECT n, (n / {CALLS_PER_RUN * 40}) * 40 + n % 40 AS run FROM {{series}}) AS calls
) AS made
"""


def roll_ups() -> list[str]:
    columns = {"provider": "provider", "model": "model", "agent": "agent", "user": "user_id", "release": "release",
               "key": "key", "outcome": "outcome"}  # fmt: skip
    hit = "CASE WHEN cached THEN 1 ELSE 0 END"
    failed = "CASE WHEN outcome <> 'ok' THEN 1 ELSE 0 END"
    hour = "at / 3600000000"
    sums = ("tokens_in", "cached_in", "cache_written", "tokens_out", "reasoning", "cost_nano", "saved_nano")
    added = ", ".join(f"sum({name})" for name in sums)
    hours = [
        f"""INSERT INTO usage_hours SELECT tenant, '{dimension}', {hour}, {column}, count(*), sum({failed}), sum({hit}),
            {added} FROM usage GROUP BY tenant, {hour}, {column} ORDER BY 1, 2, 3, 4"""
        for dimension, column in columns.items()
    ]
    days = [
        f"""INSERT INTO usage_hours SELECT tenant, '{dimension}_days', hour / 24 * 24, name, sum(calls), sum(failed),
            sum(hits), {added} FROM usage_hours WHERE dimension = '{dimension}' GROUP BY tenant, hour / 24 * 24, name"""
        for dimension in ("model", "agent", "user", "key")
    ]
    runs = f"""INSERT INTO usage_runs SELECT tenant, run_id, max(agent), max(user_id), max(release), min({hour}),
        max({hour}), min(at), max(at), count(*), sum({failed}), sum(tokens_in), sum(tokens_out), sum(cost_nano)
        FROM usage GROUP BY tenant, run_id ORDER BY 1, 2"""
    return [*hours, *days, runs]
