"""One run alone: what recording a step costs over a bare INSERT and commit of the same row."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median

import asyncpg

from bench import workers
from bench.ear import Ear
from bench.figure import Figure, at_most
from bench.place import Place

TITLE = "Recording a step of a run that is alone"
WORK = (
    "One run records steps one after another and takes the time of each; in turn, a bare INSERT and commit of the same "
    "row into a table like ours, on a connection of the same kind. Medians of each round."
)
_COLUMNS = "(tenant, run_id, seq, type, kind, name, key, branch, digest, started_at, at, fence, data)"
_RUN = "0192f0c0-0000-7000-8000-000000000000"
_VALUES = f"'default', '{_RUN}', {{}}, 'step', 'step', 's', {{}}, '', '', 1, 2, 1, '[1]'"


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    rounds, steps = 2 * place.repeats + 1, place.amount(300)
    postgres = await _postgres(place, rounds, steps)
    sqlite = await _sqlite(place, rounds, steps)
    return [*_figures("PostgreSQL", *postgres), *_figures("SQLite", *sqlite)], [f"{rounds} rounds of {steps} each."]


def _figures(database: str, ours: list[float], bare: list[float]) -> list[Figure]:
    over = [one - other for one, other in zip(ours, bare, strict=True)]
    return [
        Figure(f"{database}: a recorded step, p50", "ms", ours, None, "bare INSERT", bare),
        Figure(f"{database}: over a bare INSERT", "ms", over, at_most(0.25)),
    ]


async def _postgres(place: Place, rounds: int, steps: int) -> tuple[list[float], list[float]]:
    url, folder = await place.new_database(), place.new_folder()
    connection = None
    try:
        async with workers.engine_on(url, folder):
            pass  # makes the schema
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE bare (LIKE events INCLUDING ALL)")
        insert = f"INSERT INTO bare {_COLUMNS} VALUES ({_VALUES.format('$1', '$2')})"

        async def bare(number: int) -> float:
            took: list[float] = []
            for step in range(steps):
                began = time.monotonic_ns()
                await connection.execute(insert, number * steps + step, f"s{number}-{step}")
                took.append(time.monotonic_ns() - began)
            return median(took) / 1e6

        return await _in_turn("work", url, folder, rounds, steps, bare)
    finally:
        if connection is not None:
            await connection.close()
        await place.drop(url)


async def _sqlite(place: Place, rounds: int, steps: int) -> tuple[list[float], list[float]]:
    folder = place.new_folder()
    url = f"sqlite:///{folder}/bench.db"
    async with workers.engine_on(url, folder):
        pass
    with closing(sqlite3.connect(folder / "bench.db")) as ours:
        made = [row[0] for row in ours.execute("SELECT sql FROM sqlite_master WHERE tbl_name = 'events' AND sql <> ''")]

    async def bare(number: int) -> float:
        return await asyncio.to_thread(_bare_sqlite, folder / f"bare-{number}.db", made, steps)

    return await _in_turn("serve", url, folder, rounds, steps, bare)


def _bare_sqlite(path: Path, made: list[str], steps: int) -> float:
    took: list[float] = []
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        for statement in made:
            connection.execute(statement)
        insert = f"INSERT INTO events {_COLUMNS} VALUES ({_VALUES.format('?', '?')})"
        for step in range(steps):
            began = time.monotonic_ns()
            connection.execute(insert, (step, f"s{step}"))
            took.append(time.monotonic_ns() - began)
    return median(took) / 1e6


async def _in_turn(
    command: str, url: str, folder: Path, rounds: int, steps: int, bare: Callable[[int], object]
) -> tuple[list[float], list[float]]:
    ear = Ear(folder)
    member = workers.start(command, url, folder, slots=10)
    ours: list[float] = []
    others: list[float] = []
    try:
        for number in range(rounds + 1):
            async with workers.engine_on(url, folder) as engine:
                await workers.submit(engine, "alone", {"ear": ear.path, "steps": steps}, count=1)
                took = [int(word) for word in await ear.hear()]
            other = await bare(number)  # type: ignore[misc]
            if number > 0:  # the first round warms both
                ours.append(median(took) / 1e6)
                others.append(other)
    finally:
        member.stop()
        ear.close()
    return ours, others
