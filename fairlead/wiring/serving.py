"""`fairlead serve`: API and console, and a worker beside them where one is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from fairlead.clock import SystemClock
from fairlead.config import Role
from fairlead.wiring.application import open_application
from fairlead.wiring.complete import load_complete
from fairlead.wiring.engine import make_worker, open_engine
from fairlead.wiring.garbage import settle_garbage_collector
from fairlead.wiring.huge_pages import keep_in_huge_pages
from fairlead.wiring.keyring import open_keyring, open_tokens
from fairlead.wiring.levels import Levels
from fairlead.wiring.listening import Server, bind, url_of
from fairlead.wiring.process import Stop
from fairlead.wiring.project import Setup
from fairlead.wiring.serving_lock import take_serving_lock
from fairlead.wiring.telemetry import open_telemetry

_GRACE = 20  # seconds that open requests and streams have to end


async def serve(setup: Setup, announce: Callable[[str], None], *, with_worker: bool) -> int:
    """Until told to stop; then open requests are answered and runs handed back. Answers the exit code."""
    settings, clock = setup.settings, SystemClock()
    sock = bind(settings.server.host, settings.server.port)
    lock = take_serving_lock(settings, url_of(sock))
    telemetry = open_telemetry(settings, clock)
    load_complete(setup, Role.API, *([Role.WORKER] if with_worker else []))
    engine = await open_engine(
        settings, setup.agents, providers=setup.providers, models=setup.models, prices=setup.prices,
        mcp=setup.mcp, clock=clock, emit=telemetry.emit,
    )  # fmt: skip
    tokens = open_tokens(engine)
    keys = await open_keyring(engine, host=settings.server.host, tokens=tokens)
    worker = make_worker(engine) if with_worker else None
    settle_garbage_collector()
    working = asyncio.create_task(worker.run()) if worker else None
    stop = Stop()
    stop.hear()
    app = open_application(engine, keys=keys, tokens=tokens, metrics=telemetry.metrics.render, stopping=stop.asked)
    http = Server(app, sock, grace=_GRACE)
    levels = Levels(engine, telemetry, "api")
    listening = asyncio.create_task(http.listen())
    asked, keeping = asyncio.create_task(stop.asked.wait()), asyncio.create_task(keep_in_huge_pages(clock))
    announce(url_of(sock))
    tasks: list[asyncio.Task[Any]] = [asked, listening, *([working] if working else [])]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    keeping.cancel()
    http.stop()
    if worker and working:
        worker.stop()
        await working
    await listening
    await levels.stop()
    await keys.close()
    await engine.close()
    telemetry.close()
    if lock:
        lock.release()
    return stop.exit_code
