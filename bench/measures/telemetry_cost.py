"""What all telemetry costs a run and a model call: the same engine, heard and silent, in turn."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from bench import loopback
from bench.figure import Figure, at_most
from bench.place import Place
from fairlead.agents.spec import spec_of
from fairlead.clock import SystemClock
from fairlead.config import load_settings
from fairlead.runs.run import NewRun
from fairlead.telemetry import silent
from fairlead.wiring.engine import Engine, make_worker, open_engine
from fairlead.wiring.garbage import settle_garbage_collector
from fairlead.wiring.telemetry import open_telemetry
from tests.servers import free_port, wait_for_port

TITLE = "What telemetry costs"
WORK = (
    "Runs of 5 model calls, to a provider on this machine that answers at once, and 5 steps, 20 at a time, on SQLite. "
    "In turn with nobody listening, and with all that listens: the log into a file, metrics, Sentry (one run in ten "
    "timed). CPU is the process's, its threads included; Sentry is a process of its own that answers at once."
)
_CALLS, _TURNS, _RUNS = 5, 16, 200
_SENTRY = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Takes(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

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


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    port = free_port()
    sentry = subprocess.Popen((sys.executable, "-c", _SENTRY, str(port)))
    place.processes.append(sentry)
    wait_for_port(port)
    provider = loopback.start(place)
    quiet, heard = list[float](), list[float]()
    async with AsyncExitStack() as stack:
        silence = await stack.enter_async_context(_engine(place.new_folder(), provider.url, dsn=""))
        telling = await stack.enter_async_context(
            _engine(place.new_folder(), provider.url, dsn=f"http://abcdef0123456789@127.0.0.1:{port}/1")
        )
        settle_garbage_collector()  # as every process that serves or works does
        for engine in (silence, telling):
            await _cpu_of(engine, 50)
        for turn in range(place.amount(_TURNS)):
            pair = ((silence, quiet), (telling, heard))
            for engine, figures in pair if turn % 2 else reversed(pair):
                figures.append(await _cpu_of(engine, _RUNS))
    provider.stop()
    sentry.kill()
    sentry.wait()
    more = [(loud - calm) / calm * 100 for calm, loud in zip(quiet, heard, strict=True)]
    a_call = [(loud - calm) / _CALLS for calm, loud in zip(quiet, heard, strict=True)]
    return [
        Figure("CPU of a run", "ms", heard, None, "silent", quiet),
        Figure("more CPU a run", "%", more, at_most(5)),
        Figure("added to a model call, its step included", "ms", a_call, at_most(0.05)),
    ], [loopback.note(place)]


@asynccontextmanager
async def _engine(folder: Path, provider: str, *, dsn: str) -> Any:
    given: dict[str, Any] = {"database_url": f"sqlite:///{folder}/bench.db", "blob_dir": str(folder / "blobs")}
    settings = load_settings(
        root=folder, environ={"OPENAI_API_KEY": "sk-bench"}, environment="testing", worker_concurrency=20,
        max_concurrent_agents=20, model_requests_per_minute=100_000_000, model_tokens_per_minute=10**12, **given,
        **({"sentry_dsn": dsn} if dsn else {}),
    )  # fmt: skip
    providers = {"openai": {"base_url": f"{provider}/v1"}}
    clock = SystemClock()
    descriptor = os.open(folder / "log", os.O_WRONLY | os.O_CREAT)
    telemetry = open_telemetry(settings, clock, descriptor=descriptor) if dsn else None
    engine = await open_engine(
        settings, {"asking": spec_of("asking", asking)}, providers=providers, clock=clock,
        emit=telemetry.emit if telemetry else silent,
    )  # fmt: skip
    worker = make_worker(engine)
    working = asyncio.create_task(worker.run())
    await worker.ready.wait()
    try:
        yield engine
    finally:
        worker.stop()
        await working
        await engine.close()
        if telemetry:
            telemetry.close()
        os.close(descriptor)


async def _cpu_of(engine: Engine, runs: int) -> float:
    """Milliseconds a run."""
    gc.collect()
    began = time.process_time()

    async def one(number: int) -> None:
        run, _ = await engine.control.submit(NewRun("asking", {"number": number}))
        await engine.feed.ended(run.id)

    await asyncio.gather(*(one(number) for number in range(runs)))
    return (time.process_time() - began) / runs * 1000
