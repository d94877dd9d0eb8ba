"""`fairlead work`: a worker, and a small door for those who watch over it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fairlead.clock import SystemClock
from fairlead.config import Environment, Role
from fairlead.errors import ConfigurationError
from fairlead.wiring.complete import load_complete
from fairlead.wiring.engine import make_worker, open_engine
from fairlead.wiring.garbage import settle_garbage_collector
from fairlead.wiring.huge_pages import keep_in_huge_pages
from fairlead.wiring.keyring import open_keyring, open_tokens
from fairlead.wiring.levels import Levels
from fairlead.wiring.listening import Server, bind, url_of
from fairlead.wiring.probes import open_pulse
from fairlead.wiring.process import Stop
from fairlead.wiring.project import Setup
from fairlead.wiring.telemetry import open_telemetry
from fairlead.wiring.worker_door import WorkerDoor

_GRACE = 5  # seconds for open requests: metrics and health answer at once


async def work(setup: Setup, announce: Callable[[str], None]) -> int:
    """Until told to stop; then runs are handed back. Answers the exit code."""
    settings, clock = setup.settings, SystemClock()
    if settings.database.is_sqlite and settings.app.environment is not Environment.PRODUCTION:
        raise ConfigurationError(
            "A worker of its own needs PostgreSQL: a SQLite file is served by one process.",
            hint="Set DATABASE_URL to postgresql://…, or use `fairlead serve`, which works on its file itself.",
        )
    server = settings.server
    sock = bind(server.worker_host, server.worker_port)
    telemetry = open_telemetry(settings, clock)
    load_complete(setup, Role.WORKER)
    engine = await open_engine(
        settings, setup.agents, providers=setup.providers, models=setup.models, prices=setup.prices,
        mcp=setup.mcp, clock=clock, emit=telemetry.emit,
    )  # fmt: skip
    tokens = open_tokens(engine)
    keys = await open_keyring(engine, host=server.worker_host, tokens=tokens)
    worker, stop = make_worker(engine), Stop()
    settle_garbage_collector()
    stop.hear()
    door = WorkerDoor(
        worker, pulse=open_pulse(engine, stopping=stop.asked.is_set), metrics=telemetry.metrics, keys=keys, clock=clock,
        drain=stop.ask, draining=stop.asked.is_set,
    )  # fmt: skip
    http = Server(door, sock, grace=_GRACE)
    levels = Levels(engine, telemetry, "worker")
    listening, working = asyncio.create_task(http.listen()), asyncio.create_task(worker.run())
    asked, keeping = asyncio.create_task(stop.asked.wait()), asyncio.create_task(keep_in_huge_pages(clock))
    announce(url_of(sock))
    await asyncio.wait([asked, working, listening], return_when=asyncio.FIRST_COMPLETED)
    keeping.cancel()
    worker.stop()
    await working  # answers /health/ready with 503 and /metrics to the end
    http.stop()
    await listening
    await levels.stop()
    await keys.close()
    await engine.close()
    telemetry.close()
    return stop.exit_code
