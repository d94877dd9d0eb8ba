"""Runs of one step: what starting and ending a run costs."""

from __future__ import annotations

from bench import dbos_side, throughput
from bench.figure import Figure, at_least
from bench.place import Place

TITLE = "Runs a second on PostgreSQL"
WORK = "Runs of 1 step that does nothing; 2 worker processes, 200 runs in flight in each; logs and metrics on."


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    runs, theirs = place.amount(20_000), place.amount(300)
    ours: list[throughput.Pace] = []
    peer: list[throughput.Pace] = []
    for _ in range(place.repeats):
        url = await place.new_database()
        ours.append(await throughput.postgres(place, url, "single", runs))
        await place.drop(url)
        peer.append(await dbos_side.postgres(place, "single", theirs))
    return [
        Figure("runs a second", "/s", [pace.runs_per_second for pace in ours], at_least(8000), "DBOS",
               [pace.runs_per_second for pace in peer]),
        Figure("CPU of the workers for a run", "ms", [pace.cpu / pace.runs * 1000 for pace in ours], None, "DBOS",
               [pace.cpu / pace.runs * 1000 for pace in peer]),
    ], [f"{runs} runs of ours, {theirs} of DBOS (async workflows, polling every {dbos_side.POLL} s)."]  # fmt: skip
