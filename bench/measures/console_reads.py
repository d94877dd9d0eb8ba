"""How long the server takes for the console's pages when a million runs are stored."""

from __future__ import annotations

import asyncio

from bench import asking, history, loopback, serving
from bench.figure import Figure, at_most, percentile
from bench.history import History
from bench.place import Place

RUNS, STEPS, PAGE = 10**6, 5000, 50
TITLE = "The console's pages, a million runs stored"
WORK = (
    f"`fairlead serve` with 10^6 runs of a week, their threads, events, model calls and figures, and a run of {STEPS} "
    "steps, on PostgreSQL and on SQLite. One client asks for one page after the other, without what it is shown with."
)


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    figures = list[Figure]()
    for dialect in ("PostgreSQL", "SQLite"):
        figures += await _on(place, dialect)
    stored = f"{place.stored(RUNS):,}".replace(",", " ")
    return figures, [f"{stored} runs, {_count(place)} questions of each kind in a repeat."]


async def _on(place: Place, dialect: str) -> list[Figure]:
    folder = place.new_folder()
    url = await place.new_database() if dialect == "PostgreSQL" else f"sqlite:///{folder}/bench.db"
    stored = await history.fill(place, url, place.stored(RUNS))
    provider = loopback.start(place)
    long = await history.long_run(url, folder, provider.url, steps=STEPS)
    provider.stop()
    ours = await serving.fairlead(place, url, folder)
    pages = _pages(stored, long)
    took: dict[str, list[list[float]]] = {page: [] for page in pages}
    try:
        for number in range(place.repeats + 1):
            for page, address in pages.items():
                asks = asking.repeated(lambda _, address=address: ("GET", address, None), _count(place))
                seen = await asyncio.to_thread(asking.times, ours.port, asks, serving.HEADERS)
                if number > 0:
                    took[page].append(seen)
    finally:
        ours.stop()
    if dialect == "PostgreSQL":
        await place.drop(url)
    return [figure for page, seen in took.items() for figure in _figures(f"{dialect}, {page}", seen)]


def _figures(what: str, seen: list[list[float]]) -> list[Figure]:
    return [
        Figure(f"{what}, p50", "ms", [percentile(one, 50) for one in seen]),
        Figure(f"{what}, p95", "ms", [percentile(one, 95) for one in seen], at_most(150)),
    ]


def _pages(stored: History, long: str) -> dict[str, str]:
    return {
        "dashboard of 24 h": "/console?period=24h",
        "dashboard of 7 d": "/console?period=7d",
        "newest runs": "/console/runs",
        "runs that failed": "/console/runs?status=error",
        "runs of an agent": "/console/runs?agent=agent-3",
        "runs by a text that fits one": f"/console/runs?q={len(stored.ids) // 2:07d}",
        "runs, 100 pages back": f"/console/runs?before={stored.back(100 * PAGE)}",
        "costs of 7 d": "/console/costs?period=7d",
        "providers": "/console/providers",
        "threads": "/console/threads",
        f"a run of {STEPS} steps": f"/console/runs/{long}",
    }


def _count(place: Place) -> int:
    return place.amount(50)
