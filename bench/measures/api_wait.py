"""A run that does nothing, from the request to its answer, when nothing else goes on."""

from __future__ import annotations

import asyncio
from statistics import median

from bench import asking, langgraph_side, serving, workers
from bench.figure import Figure, at_most, percentile
from bench.place import Place
from bench.serving import Serving

TITLE = "A trivial run through `/runs/wait`, idle"
WORK = (
    "`fairlead serve` and `fairlead work` on PostgreSQL: the run is stored, claimed by the worker, done, stored, and "
    "its values answered. Beside it the LangGraph dev server, in memory, with a graph of one node. One client asks one "
    "thing after the other, with a moment of rest between two."
)
_REST = 0.05  # seconds at most


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    url, folder = await place.new_database(), place.new_folder()
    ours = await serving.fairlead(place, url, folder)
    worker = workers.start("work", url, folder, slots=10)
    place.processes.append(worker.process)
    peer, missing = await langgraph_side.start(place)
    mine, theirs = list[list[float]](), list[list[float]]()
    try:
        for number in range(place.repeats + 1):
            seen = await _asked(ours, "echo", place.amount(200))
            other = await _asked(peer, "agent", place.amount(10)) if peer else []
            if number > 0:  # the first warms both
                mine.append(seen)
                theirs.append(other)
    finally:
        for one in (ours, *([peer] if peer else [])):
            one.stop()
        worker.stop()
    await place.drop(url)
    name = langgraph_side.NAME if peer else ""
    return [
        Figure("p50", "ms", [median(one) for one in mine], at_most(12), name, [median(o) for o in theirs if o]),
        Figure("p99", "ms", [percentile(one, 99) for one in mine], None, name,
               [percentile(o, 99) for o in theirs if o]),
    ], missing  # fmt: skip


async def _asked(one: Serving, assistant: str, count: int) -> list[float]:
    body = {"assistant_id": assistant, "input": {"n": 1}}
    asks = asking.repeated(lambda _: ("POST", "/runs/wait", body), count)
    return await asyncio.to_thread(asking.times, one.port, asks, one.headers, rest=_REST)
