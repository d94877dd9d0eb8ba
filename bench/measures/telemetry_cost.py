"""What all telemetry costs a run and a model call: the same engine, heard and silent, in turn."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from bench import loopback
from bench.figure import Figure, at_most
from bench.paired import interval
from bench.place import Place
from fairlead.agents.spec import spec_of
from fairlead.clock import SystemClock
from fairlead.config import load_settings
from fairlead.runs.run import NewRun
from fairlead.telemetry import Emit, Emitter, silent
from fairlead.wiring.engine import Engine, make_worker, open_engine
from fairlead.wiring.garbage import settle_garbage_collector
from fairlead.wiring.telemetry import Telemetry, open_telemetry
from tests.servers import free_port, wait_for_port

TITLE = "What telemetry costs"
WORK = (
    "Runs of 5 model calls, to a provider on this machine that answers at once, and 5 steps, 20 at a time, on SQLite. "
    "The same engine in turns of 40 runs: nobody listens; all listen (the log into a file, metrics, Sentry with one "
    "run in ten timed, traces of all runs by OTLP); one of them listens. CPU is the process's, its threads included, "
    "until what was noted is written and sent; Sentry and the collector are a process of its own that answers at once. "
    "Differences are of turns side by side; in brackets what holds them with 95 %. `nobody again` is nobody compared "
    "with nobody: how well it is measured."
)
_ALL, _NOBODY, _AGAIN = "all", "nobody", "nobody again"
_ALONE = ("log", "metrics", "Sentry", "traces", _AGAIN)
_CALLS, _BLOCKS, _RUNS = 5, 100, 40
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


class _Listening(NamedTuple):
    emit: Emit
    flush: Callable[[], object]
    """Write and send what was noted, now."""


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
        turn, hearing = _Turn(engine, ear), _hearing(telemetry)
        for who in hearing.values():
            await turn(who)
        blocks = list[tuple[str, dict[str, float]]]()
        for number in range(place.amount(_BLOCKS)):
            one = _ALONE[number // 2 % len(_ALONE)]
            whole = {who: hearing[who] for who in (_ALL, _NOBODY, one)}
            blocks.append((one, await _block(turn, whole, back=number % 2 == 1)))
    provider.stop()
    taker.kill()
    taker.wait()
    return _figures(blocks), [loopback.note(place)]


async def _block(turn: _Turn, hearing: dict[str, _Listening], *, back: bool) -> dict[str, float]:
    """Microseconds a run by who hears it. Those who are compared are neighbours in time, and each of them is as early
    as it is late."""
    order = list(hearing)
    if back:
        order.reverse()
    took = dict.fromkeys(order, 0.0)
    for who in (*order, *reversed(order)):
        took[who] += await turn(hearing[who]) / 2
    return took


def _figures(blocks: list[tuple[str, dict[str, float]]]) -> list[Figure]:
    more = [took[_ALL] - took[_NOBODY] for _, took in blocks]
    silent = median(took[_NOBODY] for _, took in blocks)
    figures = [
        Figure("CPU of a run that nobody hears", "ms", [silent / 1000]),
        Figure("more CPU a run", "%", interval([one / silent * 100 for one in more]), at_most(5)),
        Figure("added to a model call, its step included", "ms", interval([one / _CALLS / 1000 for one in more]),
               at_most(0.05)),
        Figure("added to a run", "us", interval(more)),
    ]  # fmt: skip
    for part in _ALONE:
        alone = [took[part] - took[_NOBODY] for one, took in blocks if one == part]
        if alone:
            figures.append(Figure(f"added to a run, {part}", "us", interval(alone)))
    return figures


class _Turn:
    """Some runs that are heard by one."""

    def __init__(self, engine: Engine, ear: _Ear) -> None:
        self._engine = engine
        self._ear = ear

    async def __call__(self, who: _Listening) -> float:
        """CPU in microseconds a run, until what was noted is written and sent."""
        self._ear.emit = who.emit
        gc.collect()
        began = time.process_time()
        await asyncio.gather(*(self._run(number) for number in range(_RUNS)))
        await asyncio.to_thread(who.flush)
        return (time.process_time() - began) / _RUNS * 1e6

    async def _run(self, number: int) -> None:
        run, _ = await self._engine.control.submit(NewRun("asking", {"number": number}))
        await self._engine.feed.ended(run.id)


@asynccontextmanager
async def _engine(folder: Path, provider: str, taker: str) -> AsyncIterator[tuple[Engine, _Ear, Telemetry]]:
    given: dict[str, Any] = {"database_url": f"sqlite:///{folder}/bench.db", "blob_dir": str(folder / "blobs")}
    settings = load_settings(
        root=folder, environ={"OPENAI_API_KEY": "sk-bench"}, environment="testing", worker_concurrency=20,
        max_concurrent_agents=20, model_requests_per_minute=100_000_000, model_tokens_per_minute=10**12, **given,
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


def _hearing(telemetry: Telemetry) -> dict[str, _Listening]:
    sentry, tracing = telemetry.sentry, telemetry.tracing
    assert sentry and tracing
    nobody = _Listening(silent, lambda: None)
    return {
        _ALL: _Listening(telemetry.emit, telemetry.flush), _NOBODY: nobody, _AGAIN: nobody,
        "log": _alone(telemetry.log, telemetry.log.flush), "metrics": _alone(telemetry.metrics, lambda: None),
        "Sentry": _alone(sentry, sentry.flush), "traces": _alone(tracing.listener, tracing.sender.flush),
    }  # fmt: skip


def _alone(listener: Any, flush: Callable[[], object]) -> _Listening:
    emitter = Emitter()
    emitter.subscribe(listener, events=listener.events)
    return _Listening(emitter.emit, flush)
