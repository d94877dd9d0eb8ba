"""From submitting a run to the first line of its agent, when nothing else goes on."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from functools import partial
from statistics import median

from dbos import DBOSClient

from bench import dbos_side, workers
from bench.ear import Ear
from bench.figure import Figure, at_most, percentile
from bench.place import Place
from fairlead.runs.run import NewRun

TITLE = "Submit to the first line of the agent, idle, on PostgreSQL"
WORK = "One process submits, another works; one run at a time, with a moment of rest between two."
Submit = Callable[[int], Awaitable[object]]


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    many, theirs = place.amount(300), place.amount(60)
    ours: list[list[float]] = []
    peer: list[list[float]] = []
    for _ in range(place.repeats):
        ours.append(await _ours(place, many))
        peer.append(await _dbos(place, theirs))
    return [
        Figure("p50", "ms", [median(one) for one in ours], at_most(4), "DBOS", [median(one) for one in peer]),
        Figure("p99", "ms", [percentile(one, 99) for one in ours], at_most(20), "DBOS",
               [percentile(one, 99) for one in peer]),
    ], [f"{many} runs of ours in a repeat, {theirs} of DBOS (polling every {dbos_side.POLL} s)."]  # fmt: skip


async def _ours(place: Place, many: int) -> list[float]:
    url, folder = await place.new_database(), place.new_folder()
    ear = Ear(folder)
    async with workers.engine_on(url, folder) as engine:
        member = workers.start("work", url, folder, slots=10)

        async def submit(number: int) -> None:
            await engine.control.submit(NewRun("hello", {"ear": ear.path, "number": number}, release=workers.RELEASE))

        try:
            took = await _times(ear, submit, many)
        finally:
            member.stop()
            ear.close()
    await place.drop(url)
    return took


async def _dbos(place: Place, many: int) -> list[float]:
    url, folder = await place.new_database(), place.new_folder()
    ear = Ear(folder)
    member = await dbos_side.start(url, folder)
    client = await asyncio.to_thread(partial(DBOSClient, system_database_url=url))

    async def submit(number: int) -> None:
        dbos_side.enqueue(client, "hello", ear.path, number)

    try:
        return await _times(ear, submit, many)
    finally:
        client.destroy()
        member.stop()
        ear.close()
        await place.drop(url)


async def _times(ear: Ear, submit: Submit, many: int) -> list[float]:
    """Milliseconds; the first ten warm both sides."""
    rng, took = random.Random(1), list[float]()
    for number in range(many + 10):
        await asyncio.sleep(rng.uniform(0.002, 0.02))
        began = time.monotonic_ns()
        await submit(number)
        heard, at = await ear.hear()
        assert int(heard) == number
        took.append((int(at) - began) / 1e6)
    return took[10:]
