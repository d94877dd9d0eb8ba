"""The worker that `fairlead dev` supervises: `python -m fairlead.wiring.child ORDERS`.

It loads everything but the project, and begins when its parent says so: a spare one takes over at once when the
worker before it dies. It talks signals with its parent over a socket pair. The end of that socket is the parent's end,
however it came: then the worker hands its runs back and leaves too.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from fairlead.clock import SystemClock
from fairlead.config import Role
from fairlead.database.relay import Relay
from fairlead.database.signals import Signals
from fairlead.errors import ConfigurationError, FairleadError, InvalidInput
from fairlead.runs.worker import Worker
from fairlead.wiring.engine import make_worker, open_engine
from fairlead.wiring.garbage import settle_garbage_collector
from fairlead.wiring.levels import Levels
from fairlead.wiring.process import Stop, run_process
from fairlead.wiring.project import open_setup
from fairlead.wiring.telemetry import open_telemetry

REFUSED = 6  # the exit code for a project or settings that can't work: to start again would not help
FAILED = 1
BEGIN = b"\n"  # what the parent says when the worker is wanted
READY = "worker_ready"  # what the worker says, with its pid, when it claims runs
_ORPHAN_DRAIN = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class Orders:
    """What the parent was told on its command line."""

    root: str
    overrides: dict[str, Any] = field(default_factory=dict[str, Any])

    def to_json(self, descriptor: int) -> str:
        return orjson.dumps({**asdict(self), "descriptor": descriptor}).decode()


async def work(root: Path, overrides: dict[str, Any], parent_socket: socket.socket) -> int:
    setup = open_setup(root, needed_by=(Role.WORKER,), **overrides)
    settings, clock = setup.settings, SystemClock()
    telemetry = open_telemetry(settings, clock)
    setup.load()
    engine = await open_engine(
        settings, setup.agents, providers=setup.providers, models=setup.models, prices=setup.prices,
        mcp=setup.mcp, clock=clock, emit=telemetry.emit,
    )  # fmt: skip
    stop = Stop()
    stop.hear()
    # PostgreSQL carries signals itself; then the socket only tells that the parent lives.
    shared = settings.database.is_sqlite
    relay = Relay(engine.database.signals if shared else Signals())
    if shared:
        engine.database.signals.carry(relay)
    parent = asyncio.create_task(_until_gone(relay, parent_socket, stop))
    worker = make_worker(engine)
    levels = Levels(engine, telemetry, "worker")
    settle_garbage_collector()
    working = asyncio.create_task(worker.run())
    telling = asyncio.create_task(_tell_ready(worker, relay))
    asked = asyncio.create_task(stop.asked.wait())
    await asyncio.wait([working, asked], return_when=asyncio.FIRST_COMPLETED)
    worker.stop()
    await working
    parent.cancel()
    telling.cancel()
    await levels.stop()
    await engine.close()
    telemetry.close()
    return 0


async def _tell_ready(worker: Worker, relay: Relay) -> None:
    await worker.ready.wait()
    relay.send(READY, str(os.getpid()))


async def _until_gone(relay: Relay, parent_socket: socket.socket, stop: Stop) -> None:
    await relay.join(parent_socket)
    stop.ask()
    # Nobody looks after us any more: whatever hangs must not keep us here.
    asyncio.get_running_loop().call_later(_ORPHAN_DRAIN, os._exit, FAILED)


def main(orders: str) -> int:
    try:
        given = orjson.loads(orders)
        parent_socket = socket.socket(fileno=given["descriptor"])
        if not parent_socket.recv(len(BEGIN)):  # the parent is gone, or never needed us
            return 0
        parent_socket.setblocking(False)
        return run_process(lambda: work(Path(given["root"]), given["overrides"], parent_socket))
    except FairleadError as error:
        sys.stderr.write(f"worker: {error}\n")
        return REFUSED if isinstance(error, ConfigurationError | InvalidInput) else FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
