"""A server of raw bytes for tests: when it is left, nothing of it is."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(serve: Serve, host: str = "127.0.0.1", *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Gives the port. At the end whoever is still being served is cancelled, and every connection is closed.

    Raises what `serve` raised, except that a connection broke. asyncio's own server leaves a connection open whose
    task was cancelled before its first line.
    """
    tasks: list[asyncio.Task[None]] = []

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.create_task(_served(serve, reader, writer)))
        tasks[-1].add_done_callback(lambda _: writer.close())

    server = await asyncio.start_server(connected, host, 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.sleep(0.001)  # whoever was accepted in this moment comes to us
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # what is closed is closed in the next turn of the loop
    for error in ended:
        if isinstance(error, Exception):
            raise error


async def _served(serve: Serve, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await serve(reader, writer)
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
