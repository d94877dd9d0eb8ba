"""Bytes to and from a server with one application, over one connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson

from fairlead.web.server.connection import Connection
from fairlead.wiring.listening import Server, bind

App = Callable[[Any, Any, Any], Awaitable[None]]


@dataclass
class Client:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    server: Server

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def head(self) -> tuple[int, dict[str, str]]:
        """Of the next answer: its status, and its headers by their names in small letters."""
        first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
        pairs = (line.partition(": ") for line in lines)
        return int(first.split(" ")[1]), {name.lower(): value for name, _, value in pairs}

    async def answer(self, *, to_head: bool = False) -> tuple[int, dict[str, str], bytes]:
        status, headers = await self.head()
        body = b""
        if not to_head and headers.get("transfer-encoding") == "chunked":
            while size := int((await self.reader.readline()).strip(), 16):
                body += await self.reader.readexactly(size)
                assert await self.reader.readexactly(2) == b"\r\n"
            assert await self.reader.readexactly(2) == b"\r\n"
        elif not to_head:
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return status, headers, body

    async def rest(self) -> bytes:
        """All that comes before the server closes the connection."""
        return await self.reader.read()

    async def is_closed(self) -> bool:
        return await self.rest() == b""


@asynccontextmanager
async def talking(
    app: App, *, keep_alive: float | None = None, patience: float = 60, grace: int = 5
) -> AsyncIterator[Client]:
    """`keep_alive`, `patience`: seconds."""
    sock = bind("127.0.0.1", 0)
    server = Server(app, sock, grace=grace, connection=partial(Connection, patience=patience))
    if keep_alive is not None:
        server.config.timeout_keep_alive = keep_alive  # type: ignore[assignment]
    task = asyncio.create_task(server.listen())
    reader, writer = await asyncio.open_connection(*sock.getsockname()[:2])
    try:
        async with asyncio.timeout(30):
            yield Client(reader, writer, server)
    finally:
        writer.transport.abort()
        server.stop()
        await task


async def read(receive: Any) -> tuple[bytes, str]:
    """The body of a request, and of which type the message was that ended it."""
    pieces: list[bytes] = []
    while True:
        message = await receive()
        pieces.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(pieces), message["type"]


async def tell(send: Any, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    told = [(b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body})


@dataclass
class Echo:
    """Answers what it was asked."""

    scopes: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        body, _ = await read(receive)
        said = {"method": scope["method"], "path": scope["path"], "query": scope["query_string"].decode(),
                "body": body.decode()}  # fmt: skip
        await tell(send, 200, orjson.dumps(said))
