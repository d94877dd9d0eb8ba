"""A worker is killed, or stands still, with runs in its hands: when do they go on elsewhere?"""

from __future__ import annotations

import asyncio
import os
import signal
import time

from bench import workers
from bench.ear import Ear
from bench.figure import Figure, at_most
from bench.place import Place

TITLE = "A worker dies with 50 runs: when they go on"
RUNS = 50
LEASE = 5  # seconds; 15 is the default
WORK = (
    f"Two workers on PostgreSQL; one holds {RUNS} runs. kill -9: its connections fall with it. SIGSTOP: they stay, and "
    f"the runs are taken when its lease of {LEASE} s has run out. From the signal to the first line of the last run's "
    "next attempt, on the other worker."
)


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    killed: list[float] = []
    stopped: list[float] = []
    for _ in range(place.repeats + 2 if not place.quick else 1):
        killed.append(await _strike(place, signal.SIGKILL))
    for _ in range(place.repeats):
        stopped.append(await _strike(place, signal.SIGSTOP))
    return [
        Figure("kill -9: all resumed after", "s", killed, at_most(0.5)),
        Figure("kill -9: the worst repeat", "s", [max(killed)], at_most(0.5)),
        Figure("SIGSTOP: all resumed after", "s", stopped, at_most(LEASE + 1)),
        Figure("SIGSTOP: the worst repeat", "s", [max(stopped)], at_most(LEASE + 1)),
    ], [f"{len(killed)} kills, {len(stopped)} stops."]


async def _strike(place: Place, number: int) -> float:
    """Seconds until the last run has begun again."""
    url, folder = await place.new_database(), place.new_folder()
    ear = Ear(folder)
    lease = {"FAIRLEAD_LEASE": f"{LEASE}s", "FAIRLEAD_RENEW_EVERY": "1s"}
    members: list[workers.Member] = []
    try:
        async with workers.engine_on(url, folder) as engine:
            members.append(workers.start("work", url, folder, slots=RUNS, more=lease))
            await workers.submit(engine, "holding", {"ear": ear.path}, count=RUNS)
            held = [await ear.hear() for _ in range(RUNS)]
            assert {pid for _, _, pid, _ in held} == {str(members[0].pid)}
            members.append(workers.start("work", url, folder, slots=RUNS, more=lease))
            await workers.until(lambda: _living(engine), members)
            await asyncio.sleep(1)  # a settled peer, not one that is just starting
            began = time.monotonic_ns()
            os.kill(members[0].pid, number)
            resumed = [await ear.hear() for _ in range(RUNS)]
        assert len({run_id for run_id, *_ in resumed}) == RUNS
        assert {(attempt, pid) for _, attempt, pid, _ in resumed} == {("2", str(members[1].pid))}
        return max((int(at) - began) / 1e9 for *_, at in resumed)
    finally:
        for member in members:
            member.stop(signal.SIGKILL)
        ear.close()
        await place.drop(url)


async def _living(engine: workers.Engine) -> bool:
    return sum(worker.alive for worker in await engine.oversight.workers()) == 2
