"""A week of runs to look at: with threads, users, tools, model calls and what they cost, and all of it counted."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from bench import workers
from bench.measures.costs import roll_ups
from bench.place import Place
from fairlead.agents.spec import spec_of
from fairlead.clock import SystemClock
from fairlead.config import load_settings
from fairlead.runs.run import NewRun
from fairlead.telemetry import silent
from fairlead.wiring.engine import make_worker, open_engine

WEEK = 7 * 86_400_000_000  # microseconds
AGENTS, RELEASES, USERS, RUNS_OF_A_THREAD = 12, 5, 200, 10
_CHUNK = 50_000
_COLUMNS = {
    "runs": (
        "tenant", "id", "agent", "release", "status", "reason", "thread_id", "root_id", "input", "output", "error",
        "fence", "seq", "created_at", "started_at", "finished_at", "executing_us", "cost_nano", "tokens_in",
        "tokens_out", "steps", "progress", "user_id",
    ),
    "events": (
        "tenant", "run_id", "seq", "type", "kind", "name", "key", "digest", "started_at", "at", "fence", "data",
    ),
    "threads": ("tenant", "id", "user_id", "created_at", "updated_at"),
    "usage": (
        "at", "id", "tenant", "run_id", "provider", "model", "agent", "user_id", "release", "key", "outcome",
        "tokens_in", "cached_in", "cache_written", "tokens_out", "reasoning", "estimated", "cost_nano", "saved_nano",
        "took_us", "first_token_us", "streamed", "cached",
    ),
}  # fmt: skip
Rows = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class History:
    """Ids in order of time."""

    ids: list[str]

    def back(self, rows: int) -> str:
        """Where the list goes on after so many rows."""
        return self.ids[-min(rows, len(self.ids) - 1)]


async def fill(place: Place, url: str, size: int) -> History:
    """So many runs that ended within a week, until a minute ago."""
    folder, history = place.new_folder(), History([])
    async with workers.engine_on(url, folder):
        pass
    if url.startswith("sqlite"):
        await asyncio.to_thread(_fill_sqlite, Path(url.removeprefix("sqlite:///")), size, history)
    else:
        await _fill_postgres(url, size, history)
    async with workers.engine_on(url, folder) as engine:
        while await engine.folding.once() is not None:
            pass
    return history


async def long_run(url: str, folder: Path, provider: str, *, steps: int) -> str:
    """A run of so many steps, every second a model call, done by a worker of this process; its id."""

    async def look(number: int) -> dict[str, Any]:
        return {"line": number, "found": "nothing of note"}

    async def search(input: Any, ctx: Any) -> int:
        for number in range(steps // 2):
            asked = [{"role": "user", "content": f"Look at line {number} of the log."}]
            await ctx.model(asked, model="openai/gpt-5-mini", stream=False)
            await ctx.step("look", look, number)
        return steps

    settings = load_settings(
        root=folder, environ={"OPENAI_API_KEY": "sk-bench"}, environment="testing", database_url=url,
        blob_dir=str(folder / "blobs"), model_requests_per_minute=100_000_000, model_tokens_per_minute=10**12,
    )  # fmt: skip
    providers = {"openai": {"base_url": f"{provider}/v1"}}
    agents = {"log-search": spec_of("log-search", search)}
    engine = await open_engine(settings, agents, providers=providers, clock=SystemClock(), emit=silent)
    worker = make_worker(engine)
    working = asyncio.create_task(worker.run())
    try:
        await worker.ready.wait()
        run, _ = await engine.control.submit(NewRun("log-search", {"log": "of a day"}))
        await engine.feed.ended(run.id)
    finally:
        worker.stop()
        await working
        await engine.close()
    return run.id


def _fill_sqlite(path: Path, size: int, history: History) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -200000")
    for made in _made(size, history):
        connection.execute("BEGIN")
        for table, rows in made.items():
            names = _COLUMNS[table]
            values = ", ".join("?" * len(names))
            connection.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({values})", rows)
        connection.execute("COMMIT")
    for statement in roll_ups():
        connection.execute(statement)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


async def _fill_postgres(url: str, size: int, history: History) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET synchronous_commit = off")
        for made in _made(size, history):
            for table, rows in made.items():
                await connection.copy_records_to_table(table, records=rows, columns=_COLUMNS[table], timeout=600)
        for statement in roll_ups():
            await connection.execute(statement, timeout=600)
        await connection.execute("VACUUM ANALYZE", timeout=600)
    finally:
        await connection.close()


def _made(size: int, history: History) -> Iterator[Rows]:
    """A chunk at a time, so that a small machine holds it."""
    luck, until = random.Random(7), int(time.time() * 1e6) - 60_000_000
    for first in range(0, size, _CHUNK):
        rows: Rows = {table: [] for table in _COLUMNS}
        for number in range(first, min(first + _CHUNK, size)):
            history.ids.append(_add(rows, number, until - WEEK + WEEK * number // size, luck))
        yield rows


def _add(rows: Rows, number: int, at: int, luck: random.Random) -> str:
    """A run, a tool it used, a model call it paid for; every tenth begins a thread."""
    bits = luck.getrandbits(64)
    stamp, tail = f"{at // 1000:012x}", f"{bits:016x}"
    run = f"{stamp[:8]}-{stamp[8:]}-7{number % 4096:03x}-8{tail[:3]}-{tail[4:]}"
    thread, user = f"thread-{number // RUNS_OF_A_THREAD:08d}", f"user-{number // RUNS_OF_A_THREAD % USERS}"
    agent, release = f"agent-{bits % AGENTS}", f"2026.11.{number * RELEASES // 1_000_000 + 1}"
    failed, took, cost = bits % 40 == 0, 900_000 + bits % 5_000_000, 100_000 + bits % 9_000_000
    status = "error" if failed else "success"
    error = '{"code":"tool_failed","message":"504 from the carrier"}' if failed else None
    asked = f'{{"question":"Where is my parcel, order {number:07d}?"}}'
    rows["runs"].append((
        "default", run, agent, release, status, None, thread, run, asked,
        None if failed else '"It comes tomorrow, before noon."', error, 1, 3, at, at + 3000, at + took, took, cost,
        800, 120, 1, 100, user,
    ))  # fmt: skip
    key = f"/step/get_order/{tail}/0"
    rows["events"] += [
        ("default", run, 1, "accepted", None, agent, None, "", None, at, 1, None),
        ("default", run, 2, "step", "tool", "get_order", key, tail, at + 3000, at + 5000, 1, '{"result":{"state":1}}'),
        ("default", run, 3, "finished", None, None, None, "", None, at + took, 1,
         f'{{"status":"{status}","reason":null,"error":null}}'),
    ]  # fmt: skip
    if number % RUNS_OF_A_THREAD == 0:
        rows["threads"].append(("default", thread, user, at, at + took))
    provider = f"provider-{bits % 4}"
    rows["usage"].append((
        at + 5000, number, "default", run, provider, f"{provider}/model-{bits % 20}", agent, user, release,
        f"key-{bits % 8}", "model_timeout" if bits % 50 == 0 else "ok", 800, 200, 0, 120, 20, False, cost, 0,
        took // 2, 120_000, True, False,
    ))  # fmt: skip
    return run
