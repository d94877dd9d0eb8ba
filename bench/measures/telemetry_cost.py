"""What all telemetry costs a run and a model call: the same engine, heard and silent, in turn."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import sentry_sdk

from bench import loopback
from bench.figure import Figure, at_most
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
    "The same engine in short turns: nobody listens; all listen (the log into a file, metrics, Sentry with one run in "
    "ten timed, traces of all runs by OTLP); one of them listens. CPU is the process's, its threads included, until "
    "what was noted is written and sent; Sentry and the collector are a process of its own that answers at once."
)
_ALL = "all"
_CALLS, _ROUNDS, _RUNS = 5, 32, 100
_SETTLED = 0.35  # seconds: longer than lines and spans wait for others, and in which they are written and sent
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
    async with _engine(place.new_folder(), provider.url, f"127.0.0.1:{port}") as (engine, ear, hearing):
        settle_garbage_collector()  # as every process that serves or works does
        for ear.emit in (silent, *hearing.values()):
            await _cpu_of(engine, 50)
        parts = itertools.cycle([part for part in hearing if part != _ALL])
        rounds = [await _round(engine, ear, hearing, next(parts), back=n % 2) for n in range(place.amount(_ROUNDS))]
    provider.stop()
    taker.kill()
    taker.wait()
    return _figures(rounds, [part for part in hearing if part != _ALL]), [loopback.note(place)]


async def _round(engine: Engine, ear: _Ear, hearing: dict[str, Emit], part: str, *, back: bool) -> dict[str, float]:
    """Milliseconds a run by who hears it."""
    turns = [("", silent), (_ALL, hearing[_ALL]), (part, hearing[part])]
    took: dict[str, float] = {}
    for who, ear.emit in reversed(turns) if back else turns:
        took[who] = await _cpu_of(engine, _RUNS)
    return took


def _figures(rounds: list[dict[str, float]], parts: list[str]) -> list[Figure]:
    def more(who: str) -> list[float]:
        return [(took[who] - took[""]) / took[""] * 100 for took in rounds if who in took]

    a_call = [(took[_ALL] - took[""]) / _CALLS for took in rounds]
    return [
        Figure("CPU of a run", "ms", [took[_ALL] for took in rounds], None, "silent", [took[""] for took in rounds]),
        Figure("more CPU a run", "%", more(_ALL), at_most(5)),
        Figure("added to a model call, its step included", "ms", a_call, at_most(0.05)),
        *(Figure(f"more CPU a run, {part} alone", "%", figures) for part in parts if (figures := more(part))),
    ]


@asynccontextmanager
async def _engine(folder: Path, provider: str, taker: str) -> AsyncIterator[tuple[Engine, _Ear, dict[str, Emit]]]:
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
        yield engine, ear, _hearing(telemetry)
    finally:
        worker.stop()
        await working
        await engine.close()
        telemetry.close()
        os.close(descriptor)


def _hearing(telemetry: Telemetry) -> dict[str, Emit]:
    assert telemetry.sentry and telemetry.tracing
    hearing: dict[str, Emit] = {_ALL: telemetry.emit}
    parts = {"log": telemetry.log, "metrics": telemetry.metrics, "Sentry": telemetry.sentry,
             "traces": telemetry.tracing.listener}  # fmt: skip
    for name, listener in parts.items():
        alone = Emitter()
        alone.subscribe(listener, events=listener.events)
        hearing[name] = alone.emit
    return hearing


async def _cpu_of(engine: Engine, runs: int) -> float:
    """Milliseconds a run."""
    gc.collect()
    began = time.process_time()

    async def one(number: int) -> None:
        run, _ = await engine.control.submit(NewRun("asking", {"number": number}))
        await engine.feed.ended(run.id)

    await asyncio.gather(*(one(number) for number in range(runs)))
    await asyncio.sleep(_SETTLED)
    await asyncio.to_thread(sentry_sdk.flush, 2)
    return (time.process_time() - began) / runs * 1000
