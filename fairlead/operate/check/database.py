"""The database as those who use it feel it, and what is going on in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairlead.clock import Clock
from fairlead.database import Database
from fairlead.database.sql import parse
from fairlead.errors import FairleadError
from fairlead.ship.checklist.answer import Found
from fairlead.ship.verdict import Verdict

P95 = 0.1  # seconds
_PINGS = 20
_SLOW = 5  # seconds
_CONNECTIONS = 0.8
_LARGEST_WAL = 256 * 1024**2
_QUICK_CHECK_BELOW = 1024**3  # it reads all of the file

_ONE = "SELECT 1 AS one"
_ACTIVITY = """
SELECT current_setting('max_connections')::bigint AS most,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used,
       count(*) FILTER (WHERE application_name = 'fairlead') AS ours,
       count(*) FILTER (WHERE application_name = 'fairlead' AND state = 'active') AS ours_active,
       count(*) FILTER (WHERE state = 'active' AND clock_timestamp() - query_start > make_interval(secs => :slow))
           AS slow,
       coalesce(max(extract(epoch FROM clock_timestamp() - query_start)) FILTER (WHERE state = 'active'), 0)::bigint
           AS longest,
       count(*) FILTER (WHERE state LIKE 'idle in transaction%'
           AND clock_timestamp() - state_change > make_interval(secs => 60)) AS left_open,
       count(*) FILTER (WHERE state IS NULL) AS unseen
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND coalesce(backend_type, 'client backend') IN (
    'client backend', 'parallel worker')
"""
_EXTENSION = "SELECT count(*) AS there FROM pg_extension WHERE extname = 'pg_stat_statements'"
_STATEMENTS = """
SELECT count(*) AS slow, coalesce(max(mean_exec_time), 0)::bigint AS worst_ms FROM pg_stat_statements
WHERE calls >= 10 AND mean_exec_time > 100 AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@dataclass(frozen=True, slots=True)
class Opened:
    """`took`: seconds until it was open. `path`: of a SQLite file. `pool`: connections a process may open."""

    database: Database
    took: float
    path: Path | None
    pool: int


Open = Callable[[], Awaitable[Opened]]


async def look(opening: Open, clock: Clock) -> Found:
    """Raises what the database does."""
    opened = await opening()
    try:
        told = [_pings(await _times(opened.database, clock), opened.took)]
        told += [await _load(opened)] if opened.path is None else [await _file(opened.database, opened.path)]
    finally:
        await opened.database.close()
    failed = [one for one in told if one.result is Verdict.FAIL]
    return Found(Verdict.FAIL if failed else Verdict.PASS, "; ".join(one.said for one in told))


async def slow_queries(opening: Open) -> Found:
    opened = await opening()
    try:
        return await _slow(opened.database)
    finally:
        await opened.database.close()


async def _times(database: Database, clock: Clock) -> list[float]:
    ping, times = parse("ping", _ONE, database.dialect), list[float]()
    for _ in range(_PINGS):
        before = clock.monotonic()
        await database.read(ping)
        times.append(clock.monotonic() - before)
    return times


def _pings(times: list[float], took: float) -> Found:
    p95 = sorted(times)[int(len(times) * 0.95) - 1]
    said = f"open in {took * 1000:.0f} ms, P95 of {len(times)} pings {p95 * 1000:.1f} ms"
    return Found(Verdict.PASS if p95 < P95 else Verdict.FAIL, said)


async def _load(opened: Opened) -> Found:
    row = await _row(opened.database, _ACTIVITY, slow=_SLOW)
    said = f"{row['used']} of {row['most']} connections, {row['ours']} of them of Fairlead ({row['ours_active']} busy, "
    said += f"a process may open {opened.pool})"
    return Found(Verdict.FAIL if row["used"] > _CONNECTIONS * row["most"] else Verdict.PASS, said)


async def _slow(database: Database) -> Found:
    row = await _row(database, _ACTIVITY, slow=_SLOW)
    said = f"{row['slow']} run for over {_SLOW} s" + (f", the longest for {row['longest']} s" if row["slow"] else "")
    if row["left_open"]:
        said += f"; {row['left_open']} transactions stand open for over a minute"
    if row["unseen"]:
        return Found(Verdict.COULD_NOT_ASK, f"{said}; {row['unseen']} connections of others can't be seen: grant us "
                     "pg_read_all_stats")  # fmt: skip
    told, slow_on_average = await _on_average(database)
    failed = row["slow"] or row["left_open"] or slow_on_average
    return Found(Verdict.FAIL if failed else Verdict.PASS, said + told, "pg_stat_activity")


async def _on_average(database: Database) -> tuple[str, bool]:
    """Where pg_stat_statements is there; else that is said."""
    if not (await _row(database, _EXTENSION))["there"]:
        return "; what queries take on average is not kept (pg_stat_statements)", False
    try:
        row = await _row(database, _STATEMENTS)
    except FairleadError:  # made, and not loaded or not ours to read
        return "; pg_stat_statements can't be read", False
    worst = f", {row['worst_ms']} ms the worst" if row["slow"] else ""
    return f"; {row['slow']} kinds of query take over 100 ms on average{worst}", row["slow"] > 0


async def _file(database: Database, path: Path) -> Found:
    size, waiting = _size(path), _size(path.with_name(f"{path.name}-wal"))
    said = f"{size / 1e6:.1f} MB, write-ahead log {waiting / 1e6:.1f} MB"
    if size > _QUICK_CHECK_BELOW:
        return Found(Verdict.FAIL if waiting > _LARGEST_WAL else Verdict.PASS, f"{said}; too large to be read through")
    whole = (await _row(database, "PRAGMA quick_check(1)"))[0]
    if whole != "ok":
        return Found(Verdict.FAIL, f"{said}; the file is damaged")
    return Found(Verdict.FAIL if waiting > _LARGEST_WAL else Verdict.PASS, f"{said}; whole")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


async def _row(database: Database, text: str, **given: Any) -> Any:
    return (await database.read(parse("look", text, database.dialect), **given))[0]
