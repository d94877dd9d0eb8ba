"""Many readers of event streams in one process: `python -m bench.watchers PORT KEY FILE`, the file of a run a line.

Opens a stream for each, says `open` when all have begun, then, at each line it reads, how late the events since the
last line came: milliseconds from the moment an event says that it happened, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from datetime import datetime
from pathlib import Path

import uvloop

_AT = re.compile(rb'"type":"step","at":"([^"]+)"')
_TOGETHER = 100  # that are opened at once


class _Reader(asyncio.Protocol):
    """One stream. Counts what comes in; keeps nothing but the end of it, where an event may be cut."""

    __slots__ = ("_begun", "_late", "_request", "_rest", "opened")

    def __init__(self, request: bytes, late: list[float]) -> None:
        self._request = request
        self._late = late
        self._rest = b""
        self._begun = False
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        now = time.time()
        seen = self._rest + data
        if not self._begun and b"event: metadata" in seen:
            self._begun = True
            self.opened.set_result(None)
        *whole, self._rest = seen.split(b"\n\n")
        for piece in whole:
            if found := _AT.search(piece):
                self._late.append((now - datetime.fromisoformat(found.group(1).decode()).timestamp()) * 1000)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(error or ConnectionResetError("closed before it began"))


async def main(port: int, key: str, runs: list[str]) -> None:
    loop, late, begun = asyncio.get_running_loop(), list[float](), time.time()
    gate = asyncio.Semaphore(_TOGETHER)

    async def watch(run: str) -> None:
        lines = [f"GET /runs/{run}/stream?stream_mode=debug HTTP/1.1", "host: 127.0.0.1", f"x-api-key: {key}", "", ""]
        async with gate:
            _, reader = await loop.create_connection(
                lambda: _Reader("\r\n".join(lines).encode(), late), "127.0.0.1", port
            )
            await reader.opened

    await asyncio.gather(*(watch(run) for run in runs))
    print(f"open after {time.time() - begun:.1f} s", flush=True)
    late.clear()
    while await asyncio.to_thread(sys.stdin.readline):
        said, late[:] = list(late), []
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]).read_text().split()))
