"""Requests at a pace, whether or not they are answered: `python -m bench.paced PORT PATH PACE SECONDS BODY [HEADER …]`.

A request's time runs from the moment it was due, so that a server that stalls is not asked less. Prints JSON, times in
milliseconds. One connection for each request under way; they are kept.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque
from pathlib import Path

import uvloop


class _Connection(asyncio.Protocol):
    """One request after the other. An answer must have a content-length."""

    def __init__(self) -> None:
        self._seen = bytearray()
        self._answer: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    async def ask(self, request: bytes) -> int:
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)  # type: ignore[attr-defined]
        return await self._answer

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, found, body = self._seen.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) >= length and self._answer is not None:
            self._seen.clear()
            self._answer.set_result(int(head[9:12]))

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or ConnectionResetError("closed"))


async def main(port: int, path: str, pace: float, seconds: float, body: bytes, headers: list[str]) -> None:
    lines = [
        f"POST {path} HTTP/1.1",
        "host: 127.0.0.1",
        "content-type: application/json",
        f"content-length: {len(body)}",
    ]
    request = "\r\n".join([*lines, *headers, "", ""]).encode() + body
    loop, idle = asyncio.get_running_loop(), deque[_Connection]()
    took, failed, asked = list[float](), 0, set[asyncio.Task[None]]()

    async def ask(due: float) -> None:
        nonlocal failed
        if idle:
            connection = idle.pop()
        else:
            _, connection = await loop.create_connection(_Connection, "127.0.0.1", port)
        status = await connection.ask(request)
        took.append((time.perf_counter() - due) * 1000)
        failed += status != 200
        idle.append(connection)

    began = time.perf_counter()
    for number in range(round(pace * seconds)):
        due = began + number / pace
        if (early := due - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        task = loop.create_task(ask(due))
        asked.add(task)
        task.add_done_callback(asked.discard)
    await asyncio.gather(*asked)
    took.sort()
    print(json.dumps({
        "n": len(took), "rps": len(took) / (time.perf_counter() - began), "p50": took[len(took) // 2],
        "p99": took[int(len(took) * 0.99)], "errors": failed,
    }))  # fmt: skip


if __name__ == "__main__":
    uvloop.run(
        main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), float(sys.argv[4]), Path(sys.argv[5]).read_bytes(),
             sys.argv[6:])
    )  # fmt: skip
