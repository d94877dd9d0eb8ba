"""The same on SQLite, in one process, every commit on the disk."""

from __future__ import annotations

from bench import dbos_side, throughput
from bench.figure import Figure, at_least
from bench.place import Place

TITLE = "Steps a second on SQLite"
WORK = (
    "Runs of 10 steps that do nothing; one `fairlead serve` process with 200 runs in flight; WAL, synchronous=FULL; "
    "logs and metrics on. DBOS: one process, with its own settings of SQLite."
)


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    runs, theirs = place.amount(5000), place.amount(100)
    ours: list[float] = []
    peer: list[float] = []
    for _ in range(place.repeats):
        ours.append((await throughput.sqlite(place, "ten", runs)).steps_per_second)
        peer.append((await dbos_side.sqlite(place, "ten", theirs)).steps_per_second)
    figure = Figure("steps a second", "/s", ours, at_least(12_000), "DBOS", peer)
    return [figure], [f"{runs} runs of ours, {theirs} of DBOS."]
