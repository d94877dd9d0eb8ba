"""Reading runs when there are a million of them."""

from __future__ import annotations

import asyncio
import random

import asyncpg

from bench import asking, serving
from bench.figure import Figure, at_most, percentile
from bench.measures.growth import fill
from bench.place import Place

RUNS = 10**6
TITLE = "Reading runs over HTTP, a million of them stored"
WORK = (
    "`fairlead serve` on PostgreSQL, with 10^6 runs and their events in the table. One client asks one thing after the "
    "other: any run by its id; the newest 50; 50 of a status, of an agent, of a status in the middle of the list."
)


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    url, folder = await place.new_database(), place.new_folder()
    ours = await serving.fairlead(place, url, folder)
    await fill(place, url, place.amount(RUNS))
    ids = await _some_ids(url)
    middle = ids[len(ids) // 2]
    kinds = {
        "a run": lambda number: ("GET", f"/runs/{ids[number % len(ids)]}", None),
        "50 newest": lambda _: ("GET", "/runs?limit=50", None),
        "50 of a status": lambda _: ("GET", "/runs?limit=50&status=success", None),
        "50 of an agent": lambda _: ("GET", "/runs?limit=50&agent=ten", None),
        "50 of a status, from the middle": lambda _: ("GET", f"/runs?limit=50&status=success&before={middle}", None),
        "50 of a status nobody has": lambda _: ("GET", "/runs?limit=50&status=error", None),
    }
    took: dict[str, list[list[float]]] = {kind: [] for kind in kinds}
    count = place.amount(500)
    try:
        for number in range(place.repeats + 1):
            for kind, ask in kinds.items():
                seen = await asyncio.to_thread(
                    asking.times, ours.port, asking.repeated(ask, count), serving.HEADERS
                )  # fmt: skip
                if number > 0:
                    took[kind].append(seen)
    finally:
        ours.stop()
    await place.drop(url)
    return [
        Figure(f"{kind}, p95", "ms", [percentile(one, 95) for one in seen], at_most(20)) for kind, seen in took.items()
    ], [f"{count} questions of each kind in a repeat."]


async def _some_ids(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT id FROM runs TABLESAMPLE SYSTEM (1) LIMIT 2000")
    finally:
        await connection.close()
    found = [str(row["id"]) for row in rows]
    random.Random(1).shuffle(found)
    return found
