"""Serve the gallery: `python -m tests.console.preview [port]`, then open http://127.0.0.1:8123/console/runs."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from fairlead.clock import Clock, SystemClock
from fairlead.runs.run import Event, Status
from fairlead.web.console.router import console_router
from fairlead.web.console.settings import ConsoleSettings
from tests.console.deploys import stage
from tests.console.gallery import gallery, make_run, run_id
from tests.console.memory_door import GalleryDoor


def gallery_app(
    door: GalleryDoor, clock: Clock, *, look_again: timedelta = timedelta(seconds=5), trace_url: str | None = None
) -> ASGIApp:
    settings = ConsoleSettings(environment="production", look_again=look_again, trace_url=trace_url)
    return console_router(lambda caller: door, clock=clock, settings=settings)


SAYING = (
    "The carrier last scanned the parcel on 13 November in Osaka, nine days ago. "
    "Our policy treats a parcel as lost after seven days without a scan, so"
)


async def stir(door: GalleryDoor, clock: Clock) -> None:
    """Something goes on: the open step talks, and new runs come in."""
    door.talk(run_id(2), "main:decide", SAYING)
    words = SAYING.split(" ")
    for number in range(10_000):
        await clock.sleep(timedelta(seconds=0.7))
        door.talk(run_id(2), "main:decide", f" {words[number % len(words)]}")
        if number % 12 == 11:
            run = make_run(
                200 + number % 1000, clock.now(), status=Status.RUNNING, metadata={"title": f"A new question, {number}"}
            )
            door.happen(run, Event(run.id, 1, "accepted", clock.now()))


async def main(port: int) -> None:
    clock = SystemClock()
    door = gallery(clock.now(), large=5000)
    with tempfile.TemporaryDirectory() as folder:
        yard = await stage(Path(folder) / "deploys.db", clock.now())
        door.ledger = yard.ledger
        await _serve(door, clock, port)
        await yard.close()


async def _serve(door: GalleryDoor, clock: Clock, port: int) -> None:
    server = uvicorn.Server(uvicorn.Config(gallery_app(door, clock), port=port, log_level="warning"))
    stirring = asyncio.create_task(stir(door, clock))
    await server.serve()
    stirring.cancel()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8123))
