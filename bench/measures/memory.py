"""What a run that waits costs in memory."""

from __future__ import annotations

import asyncpg

from bench import workers
from bench.figure import Figure, at_most
from bench.place import Place

TITLE = "Memory of waiting runs"
WORK = (
    "One worker on PostgreSQL. Held: every run is in a step that waits for something outside, all at once. Parked: "
    "every run sleeps for an hour, and the worker has let go of it. Growth of the resident memory, divided by the runs."
)
_KB = 1024


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    runs = place.amount(10_000)
    held: list[float] = []
    parked: list[float] = []
    for _ in range(place.repeats):
        held.append(await _held(place, runs))
        parked.append(await _parked(place, runs))
    return [
        Figure("a held run", "KB", held, at_most(10)),
        Figure("a parked run", "KB", parked, at_most(0.1)),
    ], [
        f"{runs} runs. Parked: 200 slots; growth after half as many have warmed the process.",
        "10 000 held by one process need WORKER_CONCURRENCY=10000.",
    ]


async def _held(place: Place, runs: int) -> float:
    url, folder = await place.new_database(), place.new_folder()
    try:
        async with workers.engine_on(url, folder) as engine:
            member = workers.start("work", url, folder, slots=runs)
            await _submit_and_wait(engine, url, "waiting", 100, "status = 'running'", member)
            before = member.memory()
            await _submit_and_wait(engine, url, "waiting", runs - 100, "status = 'running'", member)
            grown = member.memory() - before
            member.stop(9)
        return grown / _KB / (runs - 100)
    finally:
        await place.drop(url)


async def _parked(place: Place, runs: int) -> float:
    url, folder = await place.new_database(), place.new_folder()
    try:
        async with workers.engine_on(url, folder) as engine:
            member = workers.start("work", url, folder, slots=200)
            asleep = "status = 'pending' AND reason = 'timer'"
            await _submit_and_wait(engine, url, "sleeping", runs // 2, asleep, member)
            before = member.memory()
            await _submit_and_wait(engine, url, "sleeping", runs, asleep, member)
            grown = member.memory() - before
            member.stop()
        return grown / _KB / runs
    finally:
        await place.drop(url)


async def _submit_and_wait(
    engine: workers.Engine, url: str, agent: str, count: int, there: str, member: workers.Member
) -> None:
    connection = await asyncpg.connect(url)
    question = f"SELECT count(*) FROM runs WHERE {there}"
    try:
        wanted = count + await connection.fetchval(question)

        async def all_there() -> bool:
            return await connection.fetchval(question) >= wanted

        await workers.submit(engine, agent, None, count=count)
        await workers.until(all_there, [member])
    finally:
        await connection.close()
