"""Runs of ten steps that do nothing: what recording costs."""

from __future__ import annotations

from bench import dbos_side, throughput
from bench.figure import Figure, at_least, at_most
from bench.place import Place

TITLE = "Steps a second on PostgreSQL"
WORK = (
    "Runs of 10 steps that do nothing; 2 worker processes, 200 runs in flight in each; logs and metrics on. "
    "All runs wait before the workers start; from the first run's start to the last one's end."
)


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    runs, theirs = place.amount(10_000), place.amount(150)
    ours: list[throughput.Pace] = []
    peer: list[throughput.Pace] = []
    for _ in range(place.repeats):
        url = await place.new_database()
        ours.append(await throughput.postgres(place, url, "ten", runs))
        await place.drop(url)
        peer.append(await dbos_side.postgres(place, "ten", theirs))
    steps, dbos = [pace.steps_per_second for pace in ours], [pace.steps_per_second for pace in peer]
    ratios = [one / other for one, other in zip(steps, dbos, strict=True)]
    return [
        Figure("steps a second", "/s", steps, at_least(20_000), "DBOS", dbos),
        Figure("times DBOS", "x", ratios, at_least(50)),
        Figure(
            "CPU of the workers for a recorded step", "ms", [pace.cpu / pace.steps * 1000 for pace in ours],
            at_most(0.06), "DBOS", [pace.cpu / pace.steps * 1000 for pace in peer],
        ),
        Figure("steps in a CPU second of the workers", "/s", [pace.steps / pace.cpu for pace in ours], None, "DBOS",
               [pace.steps / pace.cpu for pace in peer]),
    ], [f"{runs} runs of ours, {theirs} of DBOS (async workflows, polling every {dbos_side.POLL} s)."]  # fmt: skip
