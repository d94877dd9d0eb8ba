"""A worker of the battery: a real process on the engine's own parts. `python -m tests.crash.worker ORDER`."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from typing import Any

from fairlead.wiring import make_worker
from tests.crash import bugs
from tests.crash.settings import Order, open

_TOLD = ("error", "database_unreachable", "database_recovered", "worker_lost", "worker_fenced", "worker_started",
         "run_diverged", "listener_failed")  # fmt: skip


async def main(order: Order) -> None:
    engine = await open(order, _tell)
    worker = bugs.make_worker(engine, order.bug) if order.bug else make_worker(engine)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, _show_tasks)
    await worker.run()
    await engine.close()


def _tell(event: str, /, **fields: Any) -> None:
    if event in _TOLD:
        print(f"{time.time():.3f}", event, fields, file=sys.stderr, flush=True)


def _show_tasks() -> None:
    """What keeps this process from ending."""
    for task in asyncio.all_tasks():
        task.print_stack(limit=4, file=sys.stderr)
    sys.stderr.flush()


if __name__ == "__main__":
    asyncio.run(main(Order(**json.loads(sys.argv[1]))))
