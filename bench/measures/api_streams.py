"""What an open stream costs one API process, and how late its reader hears of what happened."""

from __future__ import annotations

import asyncio
import json
import sys

from bench import serving, workers
from bench.figure import Figure, at_most, percentile
from bench.place import Place
from fairlead.runs.run import NewRun

STREAMS = 5000
PERIOD = 20.0  # seconds between two steps of a run
TITLE = "Many open event streams"
WORK = (
    f"{STREAMS} runs are held by two workers on PostgreSQL, each with a step every {PERIOD:.0f} s, that is "
    f"{STREAMS / PERIOD:.0f} a second; one `fairlead serve` has a stream open for each. Memory is what the process "
    "grew by, for a stream. Late: from the moment an event says that it happened, before its commit, to its arrival "
    "at the reader."
)


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    streams = place.amount(STREAMS)
    url, folder = await place.new_database(), place.new_folder()
    ours = await serving.fairlead(place, url, folder)
    async with workers.engine_on(url, folder) as engine:
        new = NewRun("ticking", PERIOD, release=workers.RELEASE)
        runs = [(await engine.control.submit(new))[0].id for _ in range(streams)]
    members = [workers.start("work", url, folder, slots=streams) for _ in range(2)]
    file = folder / "runs"
    file.write_text("\n".join(runs))
    seconds = 10.0 if place.quick else 40.0
    try:
        await asyncio.sleep(10)  # the workers take them
        before = ours.member.memory()
        command = [sys.executable, "-m", "bench.watchers", str(ours.port), "bench-key", str(file)]
        pipe = asyncio.subprocess.PIPE
        watchers = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=1 << 26)
        opened = (await _next(watchers)).decode().strip()
        late, memory, cpu = list[list[float]](), list[float](), list[float]()
        for number in range(place.repeats + 1):
            began = ours.member.cpu()
            await asyncio.sleep(seconds)
            assert watchers.stdin is not None
            watchers.stdin.write(b"\n")
            heard = json.loads(await _next(watchers))
            if number > 0:
                late.append(heard)
                memory.append((ours.member.memory() - before) / streams / 1000)
                cpu.append((ours.member.cpu() - began) / seconds)
        watchers.kill()
    finally:
        for one in (*members, ours):
            one.stop(9) if one is not ours else one.stop()
    await place.drop(url)
    expected = streams / PERIOD * seconds
    return [
        Figure("memory of a stream", "KB", memory, at_most(15)),
        Figure("event to reader, p50", "ms", [percentile(one, 50) for one in late]),
        Figure("event to reader, p99", "ms", [percentile(one, 99) for one in late], at_most(100)),
        Figure("events that came, of those due", "%", [100 * len(one) / expected for one in late]),
        Figure("CPU of the process", "s/s", cpu),
    ], [f"{streams} streams, {opened}."]


async def _next(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    async with asyncio.timeout(300):
        line = await process.stdout.readline()
    if not line:
        raise RuntimeError("The watchers died.")
    return line
