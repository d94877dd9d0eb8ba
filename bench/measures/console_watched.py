"""What fifty open consoles cost the API process while a worker is busy, and how late they show what happened."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

import asyncpg

from bench import history, serving, workers
from bench.figure import Figure, at_most, percentile
from bench.place import Place
from bench.serving import Serving
from fairlead.runs.run import NewRun

STORED, BUSY, PERIOD, SHOWN = 100_000, 100, 1.0, 50
DASHBOARDS, LISTS, ONE_RUN = 20, 20, 10
SECONDS = 20.0
_SETTLE = 15.0
_LATE = 500  # milliseconds
TITLE = "Fifty consoles open all day"
WORK = (
    f"A worker on PostgreSQL holds {BUSY} runs with a step each {PERIOD:.0f} s beside 10^5 stored ones. "
    f"{DASHBOARDS + LISTS + ONE_RUN} readers follow one `fairlead serve`: {DASHBOARDS} the dashboard, {LISTS} the list "
    f"of runs, {ONE_RUN} a run each. CPU is the API process's, in turn without and with them. To screen: from the "
    "moment an event says that it happened, before its commit, to the arrival of the fragment that shows it, or to the "
    "end, if that is more than half a second and it was not shown."
)
_NUMBER = re.compile(rb"^id: (\d+)", re.MULTILINE)
_ROW = re.compile(rb'<tr id="run-([^"]+)".*?c-steps num">(\d+)<', re.DOTALL)


class Console:
    """One that shows `runs`. `shown`: which of them, how far before and now (the number of an event, or of steps), and
    when. The first time is left out: it shows what there was."""

    def __init__(self, port: int, path: str, *, runs: Sequence[str] = (), single: bool = False) -> None:
        self.runs, self.single = runs, single
        self.shown: list[tuple[str, int, int, float]] = []
        self.reached: dict[str, int] = {}
        self.settled = self.ended = float("inf")
        self._port, self._path = port, path

    async def follow(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 24)
        lines = [f"GET {self._path} HTTP/1.1", "host: 127.0.0.1", "accept: text/event-stream", *serving.HEADERS, "", ""]
        writer.write("\r\n".join(lines).encode())
        try:
            if b" 200 " not in (head := await reader.readuntil(b"\r\n\r\n")):
                raise RuntimeError(f"{self._path}: {head[:200]!r}")
            while True:
                self._take(await reader.readuntil(b"\n\n"), time.time())
        finally:
            self.ended = time.time()
            writer.close()

    def _take(self, message: bytes, now: float) -> None:
        rows = [(run.decode(), int(steps)) for run, steps in _ROW.findall(message)]
        if self.single:
            rows = [(self.runs[0], int(number)) for number in _NUMBER.findall(message)]
        for run, reached in rows:
            if run in self.reached:
                self.shown.append((run, self.reached[run], reached, now))
            self.reached[run] = reached


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    url, folder = await place.new_database(), place.new_folder()
    await history.fill(place, url, place.stored(STORED))
    ours = await serving.fairlead(place, url, folder)
    async with workers.engine_on(url, folder) as engine:
        new = NewRun("ticking", PERIOD, release=workers.RELEASE)
        runs = [(await engine.control.submit(new))[0].id for _ in range(BUSY)]
    member = workers.start("work", url, folder, slots=BUSY)
    seconds = place.amount(int(SECONDS)) + 4.0
    more, calm, lists, single = list[float](), list[float](), list[list[float]](), list[list[float]]()
    try:
        await asyncio.sleep(10)  # the worker takes them
        for number in range(place.repeats + 1):
            quiet = await _cpu(ours, seconds)
            consoles = _consoles(ours.port, sorted(runs))
            watched = await _watched(consoles, ours, seconds)
            by_step, by_event = await _late(url, consoles)
            if number > 0:
                calm.append(quiet)
                more.append(watched - quiet)
                lists.append(by_step)
                single.append(by_event)
    finally:
        member.stop(9)
        ours.stop()
    await place.drop(url)
    return [
        Figure("CPU for them, of a core", "%", more, at_most(5)),
        Figure("CPU without them, of a core", "%", calm),
        *_figures("list of runs", lists),
        *_figures("run", single),
    ], [f"{min(map(len, lists))} and {min(map(len, single))} events heard of in a repeat of {seconds:.0f} s."]


def _figures(page: str, late: list[list[float]]) -> list[Figure]:
    return [
        Figure(f"event to screen, {page}, p50", "ms", [percentile(one, 50) for one in late]),
        Figure(f"event to screen, {page}, p95", "ms", [percentile(one, 95) for one in late], at_most(_LATE)),
    ]


def _consoles(port: int, runs: Sequence[str]) -> list[Console]:
    listed = f"/console/live?first={runs[-1]}&last={runs[-SHOWN]}&newest=1"
    return [
        *(Console(port, "/console/dashboard/live?period=24h") for _ in range(DASHBOARDS)),
        *(Console(port, listed, runs=runs[-SHOWN:]) for _ in range(LISTS)),
        *(Console(port, f"/console/runs/{run}/live", runs=[run], single=True) for run in runs[-ONE_RUN:]),
    ]


async def _watched(consoles: Sequence[Console], ours: Serving, seconds: float) -> float:
    """CPU while they are open. What one of them met with is raised."""
    following = [asyncio.create_task(one.follow()) for one in consoles]
    await asyncio.sleep(_SETTLE)  # opening fifty at once is another thing
    for one in consoles:
        one.settled = time.time()
    used = await _cpu(ours, seconds)
    for task in following:
        if task.done():
            await task
        task.cancel()
    for task in following:
        with suppress(asyncio.CancelledError):
            await task
    return used


async def _cpu(ours: Serving, seconds: float) -> float:
    """Percent of a core."""
    before, began = ours.member.cpu(), time.monotonic()
    await asyncio.sleep(seconds)
    return (ours.member.cpu() - before) / (time.monotonic() - began) * 100


async def _late(url: str, consoles: Sequence[Console]) -> tuple[list[float], list[float]]:
    """Milliseconds of every event that a list, and that a run's page has shown; and what those that are too late, and
    were not shown until the end, have waited at least."""
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetch(
            """SELECT run_id, seq, at / 1e6 AS at, row_number() OVER (PARTITION BY run_id ORDER BY seq) AS step
            FROM events WHERE type = 'step' AND run_id IN (SELECT id FROM runs WHERE agent = 'ticking')"""
        )
    finally:
        await connection.close()
    by_step, by_event = dict[str, dict[int, float]](), dict[str, dict[int, float]]()
    for row in found:
        by_step.setdefault(row["run_id"], {})[row["step"]] = float(row["at"])
        by_event.setdefault(row["run_id"], {})[row["seq"]] = float(row["at"])
    lists = [late for one in consoles if one.runs and not one.single for late in _lateness(one, by_step)]
    return lists, [late for one in consoles if one.single for late in _lateness(one, by_event)]


def _lateness(console: Console, happened: Mapping[str, Mapping[int, float]]) -> Iterator[float]:
    for run, before, reached, when in console.shown:
        for number in range(before + 1, reached + 1):
            if (at := happened[run].get(number, 0)) > console.settled:
                yield (when - at) * 1000
    for run in console.runs:
        for number, at in happened[run].items():
            waited = (console.ended - at) * 1000
            if at > console.settled and number > console.reached.get(run, 0) and waited > _LATE:
                yield waited
