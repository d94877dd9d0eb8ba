"""`fairlead dev`: API and console here, a worker in a child that is restarted when it dies or the code changes."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from watchfiles import Change, DefaultFilter
from watchfiles import awatch as watch_files  # pyright: ignore[reportUnknownVariableType]  its event may be of three libraries

from fairlead.clock import SystemClock
from fairlead.database.relay import Relay
from fairlead.database.signals import Signals
from fairlead.errors import ConfigurationError
from fairlead.wiring.application import open_application
from fairlead.wiring.child import READY, Orders
from fairlead.wiring.engine import Engine, open_engine
from fairlead.wiring.keyring import open_keyring
from fairlead.wiring.levels import Levels
from fairlead.wiring.listening import Server, bind, url_of
from fairlead.wiring.process import Stop, ended
from fairlead.wiring.project import Setup
from fairlead.wiring.serving_lock import take_serving_lock
from fairlead.wiring.supervisor import Announce, Supervisor
from fairlead.wiring.telemetry import open_telemetry

_GRACE = 2  # seconds: a developer does not wait for open streams
_WATCHED = (".py", ".toml", ".env", ".env.local")


async def dev(setup: Setup, announce: Announce, *, overrides: dict[str, Any], reload: bool) -> int:
    """Until told to stop. Answers the exit code."""
    settings, clock = setup.settings, SystemClock()
    sock = bind(settings.server.host, settings.server.port)
    lock = take_serving_lock(settings, url_of(sock))
    telemetry = open_telemetry(settings, clock)
    setup.load()
    engine = await open_engine(
        settings, setup.agents, providers=setup.providers, models=setup.models, prices=setup.prices,
        mcp=setup.mcp, clock=clock, emit=telemetry.emit,
    )  # fmt: skip
    keys = await open_keyring(engine, host=settings.server.host)
    relay = _relay(engine)
    supervisor = Supervisor(Orders(str(setup.declared.file), overrides), relay, announce=announce, clock=clock)

    def heard_ready(pid: str) -> None:
        announce("worker_ready", pid=int(pid))
        supervisor.worker_ready()

    relay.signals.subscribe(READY, heard_ready)
    stop = Stop()
    stop.hear()
    app = open_application(engine, keys=keys, metrics=telemetry.metrics.render, stopping=stop.asked)
    http = Server(app, sock, grace=_GRACE)
    levels = Levels(engine, telemetry, "api")
    listening, supervising = asyncio.create_task(http.listen()), asyncio.create_task(supervisor.run())
    watching = asyncio.create_task(_watch(setup, supervisor, announce)) if reload else None
    announce("listening", url=url_of(sock), pid=os.getpid())
    asked = asyncio.create_task(stop.asked.wait())
    await asyncio.wait([asked, listening, supervising], return_when=asyncio.FIRST_COMPLETED)
    announce("stopping")
    if watching:
        await ended(watching)
    await supervisor.stop()
    http.stop()
    await asyncio.gather(listening, supervising)
    await levels.stop()
    await keys.close()
    await engine.close()
    telemetry.close()
    if lock:
        lock.release()
    return stop.exit_code


def _relay(engine: Engine) -> Relay:
    """PostgreSQL carries signals itself; there the relay has only a few words of its own."""
    if engine.database.dialect != "sqlite":
        return Relay(Signals())
    relay = Relay(engine.database.signals)
    engine.database.signals.carry(relay)
    return relay


async def _watch(setup: Setup, supervisor: Supervisor, announce: Announce) -> None:
    """On a change of the project's own files: read them here too (we know the agents by name), then a new worker."""
    async for changes in watch_files(setup.declared.root, watch_filter=Ours(), debounce=200, step=50):
        announce("changed", files=sorted(str(Path(path).relative_to(setup.declared.root)) for _, path in changes))
        try:
            setup.load()
        except ConfigurationError as error:
            announce("broken", error=str(error))
            continue
        await supervisor.change()


class Ours(DefaultFilter):
    """The project's code, declaration and settings: not what is installed, made or stored beside it."""

    ignore_dirs = (*DefaultFilter.ignore_dirs, ".fairlead", "venv", "env", "build", "dist", ".git", ".tox")

    def __call__(self, change: Change, path: str) -> bool:
        return super().__call__(change, path) and path.endswith(_WATCHED)
