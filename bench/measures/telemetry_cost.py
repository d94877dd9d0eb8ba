"""What all telemetry costs a run and a model call: the same engine, heard and silent, in turn."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any

from bench import loopback
from bench.figure import Figure, at_most
from bench.paired import interval
from bench.place import Place
from fairlead.agents.spec import spec_of
from fairlead.clock import SystemClock
from fairlead.config import load_settings
from fairlead.runs.run import NewRun, Status
from fairlead.telemetry import Emit, Emitter, silent
from fairlead.wiring.engine import Engine, make_worker, open_engine
from fairlead.wiring.garbage import settle_garbage_collector
from fairlead.wiring.telemetry import Telemetry, open_telemetry
from tests.servers import free_port, wait_for_port

TITLE = "What telemetry costs"
WORK = (
    "Runs of 5 model calls, to a provider on this machine that answers at once, and 5 steps, on SQLite. The same "
    "engine in turns of 8 runs at once, one after the other: nobody listens; all listen (the log into a file, metrics, "
    "Sentry with one run in ten timed, traces of all runs by OTLP). Sentry and the collector are a process of its own "
    "that answers at once. Added is the CPU of telemetry's threads, counted as it is, and what the process takes more "
    "without them, which is the difference of turns side by side; in brackets what holds it with 95 %. `nobody again` "
    "is nobody compared with nobody: how well it is measured. What a part adds is the time within it where it is told, "
    "the clock's own included, and the CPU of its thread."
)
_NOBODY, _AGAIN, _ALL, _TIMED = "nobody", "nobody again", "all", "timed"
_CALLS, _ROUNDS, _RUNS = 5, 200, 8
_PREEMPTED = 0.002  # seconds: the scheduler takes the processor away for longer, no listener works so long
_THREADS = {"log-sink": "log", "span-sender": "traces", "sentry-sdk.BackgroundWorker": "Sentry"}
_TAKES = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Takes(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *about):
        pass

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Takes).serve_forever()
"""


async def asking(input: Any, ctx: Any) -> int:
    for number in range(_CALLS):
        await ctx.model([{"role": "user", "content": f"Look at line {number} of the log."}], model="openai/gpt-5-mini")
        await ctx.step("look", _look, number)
    return _CALLS


async def _look(number: int) -> int:
    return number


class _Ear:
    """What the engine speaks into. Who hears it changes from turn to turn, while nothing runs."""

    def __init__(self) -> None:
        self.emit: Emit = silent

    def __call__(self, event: str, /, **fields: Any) -> None:
        self.emit(event, **fields)


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    port = free_port()
    taker = subprocess.Popen((sys.executable, "-c", _TAKES, str(port)))
    place.processes.append(taker)
    wait_for_port(port)
    provider = loopback.start(place)
    async with _engine(place.new_folder(), provider.url, f"127.0.0.1:{port}") as (engine, ear, telemetry):
        settle_garbage_collector()  # as every process that serves or works does
        timing = _Timing()
        turn = _Turn(engine, ear, {_NOBODY: silent, _AGAIN: silent, _ALL: telemetry.emit,
                                   _TIMED: timing.within(telemetry)})  # fmt: skip
        for who in turn.emits:
            await turn(who)
        figures = await _measured(turn, timing, telemetry, place.amount(_ROUNDS))
    provider.stop()
    taker.kill()
    taker.wait()
    return figures, [loopback.note(place)]


async def _measured(turn: _Turn, timing: _Timing, telemetry: Telemetry, rounds: int) -> list[Figure]:
    blocks: dict[str, list[float]] = {_ALL: [], _AGAIN: []}
    alone = list[float]()
    for number in range(3 * rounds):
        who = _AGAIN if number % 3 == 2 else _ALL
        more, silent = await _block(turn, who, back=number % 2 == 1)
        blocks[who].append(more)
        alone.append(silent)
    timing.clear()
    runs = rounds * _RUNS
    threads = await _cpu_on_threads(turn, telemetry, _ALL, rounds)
    await _cpu_on_threads(turn, telemetry, _TIMED, rounds)
    return _figures(
        blocks, median(alone), {part: took / runs for part, took in threads.items()},
        {part: took / runs for part, took in timing.took.items()},
    )  # fmt: skip


async def _cpu_on_threads(turn: _Turn, telemetry: Telemetry, who: str, turns: int) -> dict[str, float]:
    """Microseconds, where runs follow each other as they do in a busy process: what is written and sent together is
    as much as there."""
    await asyncio.to_thread(telemetry.flush)
    began = _cpu_of_threads()
    for _ in range(turns):
        await turn(who)
    await asyncio.to_thread(telemetry.flush)
    return {part: took - began[part] for part, took in _cpu_of_threads().items()}


async def _block(turn: _Turn, who: str, *, back: bool) -> tuple[float, float]:
    """Microseconds a run: what it takes more where these listen, and what it takes where nobody does. Turns that are
    compared are neighbours in time, and each of both is as early as it is late."""
    order = (_NOBODY, who, who, _NOBODY) if back else (who, _NOBODY, _NOBODY, who)
    took = dict.fromkeys(order, 0.0)
    for one in order:
        took[one] += await turn(one) / 2
    return took[who] - took[_NOBODY], took[_NOBODY]


def _figures(
    blocks: dict[str, list[float]], silent: float, threads: dict[str, float], within: dict[str, float]
) -> list[Figure]:
    added = [one + sum(threads.values()) for one in interval(blocks[_ALL])]
    return [
        Figure("CPU of a run that nobody hears", "ms", [silent / 1000]),
        Figure("more CPU a run", "%", [one / silent * 100 for one in added], at_most(5)),
        Figure("added to a model call, its step included", "ms", [one / _CALLS / 1000 for one in added], at_most(0.05)),
        Figure("added to a run", "us", added),
        Figure("nobody again", "%", [one / silent * 100 for one in interval(blocks[_AGAIN])]),
        *(Figure(f"added to a run, thread of {part}", "us", [took]) for part, took in threads.items()),
        *(Figure(f"within a run, {part}", "us", [took]) for part, took in within.items()),
    ]


class _Turn:
    """Some runs that are heard by one."""

    def __init__(self, engine: Engine, ear: _Ear, emits: dict[str, Emit]) -> None:
        self._engine = engine
        self._ear = ear
        self.emits = emits

    async def __call__(self, who: str) -> float:
        """CPU in microseconds a run, without that of telemetry's threads."""
        self._ear.emit = self.emits[who]
        began = time.process_time() * 1e6 - sum(_cpu_of_threads().values())
        runs = await asyncio.gather(*(self._run(number) for number in range(_RUNS)))
        took = (time.process_time() * 1e6 - sum(_cpu_of_threads().values()) - began) / _RUNS
        for run_id in runs:
            run = await self._engine.control.get(run_id)
            if run.status is not Status.SUCCESS:
                raise RuntimeError(f"A run did not go well, so nothing was measured: {run.error}")
        return took

    async def _run(self, number: int) -> str:
        run, _ = await self._engine.control.submit(NewRun("asking", {"number": number}))
        await self._engine.feed.ended(run.id)
        return run.id


class _Timing:
    """Time within each of those who listen, but for when others had the processor."""

    def __init__(self) -> None:
        self.took: dict[str, float] = {}

    def within(self, telemetry: Telemetry) -> Emit:
        """All who listen, timed."""
        assert telemetry.sentry and telemetry.tracing
        emitter = Emitter()
        for name, listener in {
            "traces": telemetry.tracing.listener,
            "log": telemetry.log,
            "metrics": telemetry.metrics,
            "Sentry": telemetry.sentry,
            "counts": telemetry.counts,
        }.items():
            emitter.subscribe(self._timed(name, listener), events=listener.events)
        return emitter.emit

    def clear(self) -> None:
        self.took = dict.fromkeys(self.took, 0.0)

    def _timed(self, name: str, listener: Callable[..., None]) -> Callable[..., None]:
        now, self.took[name] = time.perf_counter, 0.0

        def listen(*said: Any) -> None:
            began = now()
            listener(*said)
            took = now() - began
            if took < _PREEMPTED:
                self.took[name] += took * 1e6

        return listen


def _cpu_of_threads() -> dict[str, float]:
    """Microseconds so far of each thread of telemetry's, by its part."""
    return {
        _THREADS[one.name]: time.clock_gettime(time.pthread_getcpuclockid(one.ident)) * 1e6
        for one in threading.enumerate()
        if one.name in _THREADS and one.ident
    }


@asynccontextmanager
async def _engine(folder: Path, provider: str, taker: str) -> AsyncIterator[tuple[Engine, _Ear, Telemetry]]:
    given: dict[str, Any] = {"database_url": f"sqlite:///{folder}/bench.db", "blob_dir": str(folder / "blobs")}
    settings = load_settings(
        root=folder, environ={"OPENAI_API_KEY": "sk-bench"}, environment="testing", worker_concurrency=20,
        max_concurrent_agents=20, model_requests_per_minute=100_000_000, model_tokens_per_minute=10**12,
        budget_day_usd=1_000_000, **given,
        sentry_dsn=f"http://abcdef0123456789@{taker}/1", otel_exporter_otlp_endpoint=f"http://{taker}",
    )  # fmt: skip
    clock, ear = SystemClock(), _Ear()
    descriptor = os.open(folder / "log", os.O_WRONLY | os.O_CREAT)
    telemetry = open_telemetry(settings, clock, descriptor=descriptor)
    engine = await open_engine(
        settings, {"asking": spec_of("asking", asking)}, providers={"openai": {"base_url": f"{provider}/v1"}},
        clock=clock, emit=ear,
    )  # fmt: skip
    worker = make_worker(engine)
    working = asyncio.create_task(worker.run())
    await worker.ready.wait()
    try:
        yield engine, ear, telemetry
    finally:
        worker.stop()
        await working
        await engine.close()
        telemetry.close()
        os.close(descriptor)
