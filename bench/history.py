"""A week of runs to look at: with threads, users, tools, model calls and what they cost, all of it counted, and what is
old swept, as a server leaves it that was there all week."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import asyncpg

from bench import loopback, workers
from bench.measures.costs import roll_ups
from bench.place import Place
from fairlead.agents.spec import spec_of
from fairlead.clock import SystemClock
from fairlead.config import load_settings
from fairlead.database import Database
from fairlead.database.sql import parse
from fairlead.runs.run import NewRun
from fairlead.telemetry import silent
from fairlead.wiring.engine import make_worker, open_engine

_DAY = 86_400_000_000  # microseconds
WEEK = 7 * _DAY
_SWEPT = 3 * _DAY  # CHECKPOINT_RETENTION; of one step nothing is old
AGENTS, RELEASES, USERS, RUNS_OF_A_THREAD = 12, 5, 200, 10
_ASKED, _NOTED = 200, 100_000  # approvals, entries of the audit log
_CHUNK = 100_000  # runs in one transaction on SQLite


@dataclass(frozen=True, slots=True)
class History:
    """How many runs there are, and the ids of those that are so many from the newest. `long`: runs of many steps."""

    url: str
    folder: Path
    size: int
    back: Mapping[int, str] = field(default_factory=dict[int, str])
    long: Sequence[str] = ()


async def both(place: Place, size: int, *, back: Sequence[int] = (), steps: int, copies: int) -> dict[str, History]:
    """On PostgreSQL and on SQLite, filled at the same time. They are there until the place is closed: who asks again
    has the same."""
    if not place.filled:
        postgres, folder = await place.new_database(), place.new_folder()
        urls = {"PostgreSQL": postgres, "SQLite": f"sqlite:///{folder}/bench.db"}
        made = await asyncio.gather(*(fill(place, url, size, back=back) for url in urls.values()))
        provider = loopback.start(place)
        for dialect, one in zip(urls, made, strict=True):
            run = await long_run(one.url, one.folder, provider.url, steps=steps)
            place.filled[dialect] = replace(one, long=[run, *await copy(one, run, copies)])
        provider.stop()
    return place.filled


async def fill(place: Place, url: str, size: int, *, back: Sequence[int] = ()) -> History:
    """So many runs that ended within a week, until a minute ago."""
    folder, until = place.new_folder(), int(time.time() * 1e6) - 60_000_000
    async with workers.engine_on(url, folder):
        pass
    if url.startswith("sqlite"):
        await asyncio.to_thread(_fill_sqlite, Path(url.removeprefix("sqlite:///")), size, until)
    else:
        await _fill_postgres(url, size, until)
    async with workers.engine_on(url, folder) as engine:
        while await engine.folding.once() is not None:
            pass
        return History(url, folder, size, await _ids(engine.database, size, back))


async def copy(history: History, run: str, count: int) -> list[str]:
    """The same run under other ids: what was read of one is not known of the others. By their ids they are the oldest:
    no list and no search comes upon them."""
    ids = [f"00000000-0000-7000-8000-{number:012x}" for number in range(count)]
    async with workers.engine_on(history.url, history.folder) as engine:
        ask = engine.database
        for table, named in {"runs": ("id", "root_id"), "events": ("run_id",), "messages": ("run_id",)}.items():
            row: Any = (await ask.read(parse("columns", f"SELECT * FROM {table} LIMIT 1", ask.dialect)))[0]
            columns = [str(name) for name in row.keys() if name != "idempotency_key"]  # noqa: SIM118
            for one in ids:
                values = ", ".join(f"'{one}'" if name in named else name for name in columns)
                into = f"INSERT INTO {table} ({', '.join(columns)})"
                await ask.write(
                    parse("copy", f"{into} SELECT {values} FROM {table} WHERE {named[0]} = '{run}'", ask.dialect)
                )
    return ids


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


def _beside(dialect: _Dialect, until: int) -> list[str]:
    """Questions that wait for an answer, and a log of who did what."""
    series = dialect.series.format(last=_NOTED - 1)
    counted = f"WITH RECURSIVE series(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM series WHERE n < {_NOTED - 1})"
    digest = dialect.hexadecimal.format("n", 64)
    return [
        f"""INSERT INTO approvals (tenant, run_id, id, question, data, created_at, expires_at)
            SELECT tenant, id, 'ask-' || id, 'Send it again?', '{{"order":12}}', {until}, {until + WEEK} FROM runs
            ORDER BY tenant, id LIMIT {_ASKED}""",
        f"""{counted if series == "series" else ""} INSERT INTO audit
            (tenant, seq, id, at, actor, action, subject, detail, method, hash)
            SELECT 'default', n + 1, 'note-' || n, {until - WEEK} + {WEEK // _NOTED} * n, 'key-' || (n % 8),
            CASE WHEN n % 9 = 0 THEN 'budget.set' ELSE 'run.cancel' END, 'run-' || n, '{{}}', 'sha256', {digest}
            FROM {series}""",
        f"""INSERT INTO audit_heads (tenant, seq, hash) SELECT tenant, seq, hash FROM audit WHERE seq = {_NOTED}""",
    ]


async def _ids(database: Database, size: int, back: Sequence[int]) -> dict[int, str]:
    query = "SELECT id FROM runs WHERE tenant = 'default' ORDER BY id DESC LIMIT 1 OFFSET :back"
    found = [await database.read(parse("back", query, database.dialect), back=min(one, size - 1)) for one in back]
    return {one: rows[0]["id"] for one, rows in zip(back, found, strict=True)}


@dataclass(frozen=True, slots=True)
class _Dialect:
    """What the two say differently."""

    series: str
    hexadecimal: str
    number: str  # seven digits
    true: str
    false: str


_SQLITE = _Dialect("series", "printf('%0{1}x', {0})", "printf('%07d', {0})", "1", "0")
_POSTGRES = _Dialect(
    "generate_series(0::bigint, {last}) AS s(n)", "lpad(to_hex({0}), {1}, '0')", "lpad(({0})::text, 7, '0')",
    "true", "false",
)  # fmt: skip


def _rows(dialect: _Dialect, size: int, until: int) -> dict[str, str]:
    """For each table what to put into it: runs, a tool each used, a model call it paid for; every tenth begins a
    thread. The large factor scatters: neighbours differ in everything."""

    def written(number: str, digits: int) -> str:
        return dialect.hexadecimal.format(number, digits)

    order = dialect.number.format("n")
    made = f"""FROM (
        SELECT n, bits, at, 900000 + bits % 5000000 AS took, 100000 + bits % 9000000 AS cost,
            {written("at / 1000", 12)} AS stamp, {written("bits", 16)} AS tail, bits % 40 = 0 AS broke,
            'agent-' || (bits % {AGENTS}) AS agent, '2026.11.' || (n * {RELEASES} / 1000000 + 1) AS release,
            'thread-' || {dialect.number.format(f"n / {RUNS_OF_A_THREAD}")} AS thread,
            'user-' || (n / {RUNS_OF_A_THREAD} % {USERS}) AS person
        FROM (
            SELECT n, n * 2654435761 % 4294967296 / 256 AS bits, {until - WEEK} + {WEEK // size} * n AS at
            FROM {dialect.series.format(last=size - 1)}
        ) AS numbers
    ) AS made"""
    run = f"""substr(stamp, 1, 8) || '-' || substr(stamp, 9) || '-7' || {written("n % 4096", 3)}
        || '-8' || {written("bits % 4096", 3)} || '-' || {written("n", 12)}"""
    status = "CASE WHEN broke THEN 'error' ELSE 'success' END"
    error = """'{"code":"tool_failed","message":"504 from the carrier"}'"""
    events = "events (tenant, run_id, seq, type, kind, name, key, digest, started_at, at, fence, data)"
    return {
        """runs (tenant, id, agent, release, status, thread_id, root_id, input, output, error, fence, seq, created_at,
            started_at, finished_at, executing_us, cost_nano, tokens_in, tokens_out, steps, progress, user_id,
            pruned)""": f"""
            SELECT 'default', {run}, agent, release, {status}, thread, {run},
            '{{"question":"Where is my parcel, order ' || {order} || '?"}}',
            CASE WHEN NOT broke THEN '"It comes tomorrow, before noon."' END, CASE WHEN broke THEN {error} END,
            1, 3, at, at + 3000, at + took, took, cost, 800, 120, 1, 100, person,
            at + took < {until - _SWEPT} {made}""",
        "threads (tenant, id, user_id, created_at, updated_at)": f"""
            SELECT 'default', thread, person, at, at + took {made} WHERE n % {RUNS_OF_A_THREAD} = 0""",
        """usage (at, id, tenant, run_id, provider, model, agent, user_id, release, key, outcome, tokens_in, cached_in,
            cache_written, tokens_out, reasoning, estimated, cost_nano, saved_nano, took_us, first_token_us, streamed,
            cached)""": f"""
            SELECT at + 5000, n, 'default', {run}, 'provider-' || (bits % 4),
            'provider-' || (bits % 4) || '/model-' || (bits % 20), agent, person, release, 'key-' || (bits % 8),
            CASE WHEN bits % 50 = 0 THEN 'model_timeout' ELSE 'ok' END, 800, 200, 0, 120, 20, {dialect.false}, cost, 0,
            took / 2, 120000, {dialect.true}, {dialect.false} {made}""",
        events: f"""
            SELECT 'default', {run}, 1, 'accepted', NULL, agent, NULL, '', NULL, at, 1, NULL {made}
            UNION ALL SELECT 'default', {run}, 2, 'step', 'tool', 'get_order', '/step/get_order/' || tail || '/0', tail,
                at + 3000, at + 5000, 1, '{{"result":{{"state":1}}}}' {made}
            UNION ALL SELECT 'default', {run}, 3, 'finished', NULL, NULL, NULL, '', NULL, at + took, 1,
                '{{"status":"' || {status} || '","reason":null,"error":null}}' {made}""",
    }  # fmt: skip


def _fill_sqlite(path: Path, size: int, until: int) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.create_function("now_us", 0, lambda: until)  # triggers ask for it
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -200000")
    for first in range(0, size, _CHUNK):
        series = f"""WITH RECURSIVE series(n) AS (
            SELECT {first} UNION ALL SELECT n + 1 FROM series WHERE n < {min(first + _CHUNK, size) - 1})"""
        connection.execute("BEGIN")
        for table, select in _rows(_SQLITE, size, until).items():
            connection.execute(f"{series} INSERT INTO {table} {select}")
        connection.execute("COMMIT")
    for statement in [*roll_ups(), *_beside(_SQLITE, until)]:
        connection.execute(statement)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


async def _fill_postgres(url: str, size: int, until: int) -> None:
    """On two connections, as there are cores."""
    rows = {table: f"INSERT INTO {table} {select}" for table, select in _rows(_POSTGRES, size, until).items()}
    events = [statement for table, statement in rows.items() if table.startswith("events")]
    others = [statement for table, statement in rows.items() if not table.startswith("events")]
    await asyncio.gather(_done(url, events), _done(url, [*others, *roll_ups(), *_beside(_POSTGRES, until)]))
    await _done(url, ["VACUUM ANALYZE"])


async def _done(url: str, statements: Sequence[str]) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET synchronous_commit = off")
        await connection.execute("SET work_mem = '128MB'")
        for statement in statements:
            await connection.execute(statement, timeout=600)
    finally:
        await connection.close()
