"""A DBOS executor with the same work as ours: `python -m bench.dbos_worker URL SLOTS POLL`, until SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import sys
import time

from dbos import DBOS, DBOSConfig

from bench.project.agents import tell

QUEUE = "bench"
VERSION = "1"


def config(url: str) -> DBOSConfig:
    return {
        "name": "bench",
        "system_database_url": url,
        "application_version": VERSION,
        "log_level": "ERROR",
        "sys_db_pool_size": 20 if url.startswith("postgresql") else 5,
    }


@DBOS.step()
async def nothing() -> int:
    return 1


@DBOS.workflow()
async def ten(_: int) -> int:
    for _ in range(10):
        await nothing()
    return 1


@DBOS.workflow()
async def single(_: int) -> int:
    return await nothing()


@DBOS.workflow()
async def hello(ear: str, number: int) -> None:
    now = time.monotonic_ns()
    tell(ear, f"{number} {now}")


async def main(url: str, slots: int, poll: float) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    DBOS(config=config(url))
    DBOS.launch()
    await DBOS.register_queue_async(QUEUE, worker_concurrency=slots, polling_interval_sec=poll)
    print("ready", flush=True)
    await stop.wait()
    DBOS.destroy()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
