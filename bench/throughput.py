"""A backlog worked off: runs that wait before the workers start, timed from the first start to the last end."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from bench import workers
from bench.place import Place

SLOTS = 200  # runs in flight in each worker


@dataclass(frozen=True, slots=True)
class Pace:
    """How a backlog went."""

    seconds: float
    runs: int
    steps: int
    cpu: float  # seconds of the worker processes, their start not counted

    @property
    def steps_per_second(self) -> float:
        return self.steps / self.seconds

    @property
    def runs_per_second(self) -> float:
        return self.runs / self.seconds


async def postgres(place: Place, url: str, agent: str, runs: int, *, processes: int = 2) -> Pace:
    """On what is stored in the database already."""
    folder = place.new_folder()
    async with workers.engine_on(url, folder) as engine:
        await workers.submit(engine, agent, 1, count=runs)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("VACUUM ANALYZE")  # as autovacuum would, a minute later and in the middle
        await connection.execute("CHECKPOINT")
        began = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp()) * 1e6")
        members = await workers.start_together(url, folder, count=processes, slots=SLOTS)
        cpu = -sum(member.cpu() for member in members)
        await workers.until(lambda: connection.fetchval(_DRAINED), members)
        cpu += sum(member.cpu() for member in members)
        for member in members:
            member.stop()
        row = await connection.fetchrow(_PACE, began)
    finally:
        await connection.close()
    assert row["ended"] == runs == row["good"], dict(row)
    return Pace(float(row["took"]) / 1e6, runs, row["steps"], cpu)


async def sqlite(place: Place, agent: str, runs: int) -> Pace:
    """`fairlead serve`: API, console and worker in one process."""
    folder = place.new_folder()
    url = f"sqlite:///{folder}/bench.db"
    async with workers.engine_on(url, folder) as engine:
        await workers.submit(engine, agent, 1, count=runs)
    member = workers.start("serve", url, folder, slots=SLOTS)

    async def drained() -> bool:
        return not await asyncio.to_thread(_ask, folder, _WAITING)

    await workers.until(drained, [member])
    member.stop()
    took, good, steps = _ask(folder, _SQLITE_PACE)
    assert good == runs
    return Pace(took / 1e6, runs, steps, 0.0)


_WAITING = "SELECT 1 FROM runs WHERE status IN ('pending', 'running') LIMIT 1"
_DRAINED = f"SELECT NOT EXISTS ({_WAITING})"
_PACE = """
WITH ours AS (SELECT * FROM runs WHERE started_at >= $1::bigint)
SELECT max(finished_at) - min(started_at) AS took, count(*) AS ended,
       count(*) FILTER (WHERE status = 'success') AS good, sum(steps)::bigint AS steps FROM ours
"""
_SQLITE_PACE = """
SELECT max(finished_at) - min(started_at), count(*) FILTER (WHERE status = 'success'),
       (SELECT count(*) FROM events WHERE type = 'step') FROM runs
"""


def _ask(folder: Path, question: str) -> tuple[int, ...] | None:
    with closing(sqlite3.connect(f"file:{folder}/bench.db?mode=ro", uri=True, timeout=30)) as connection:
        return connection.execute(question).fetchone()
