"""The server itself, over a raw socket: what is written leaves at once, in order, and no faster than it is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fairlead.gateway.exchange import Exchange
from fairlead.wiring.listening import Server, bind

_ASK = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


@asynccontextmanager
async def listening(app: Any) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    sock = bind("127.0.0.1", 0)
    server = Server(app, sock, grace=1)
    task = asyncio.create_task(server.listen())
    reader, writer = await asyncio.open_connection(*sock.getsockname()[:2])
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        server.stop()
        await task


async def answer(send: Any, body: bytes) -> None:
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def test_answers_on_one_connection_come_whole_and_in_order() -> None:
    number = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal number
        number += 1
        await answer(send, b"answer %d" % number)

    async with listening(app) as (reader, writer):
        writer.write(_ASK * 3)  # pipelined
        for expected in (b"answer 1", b"answer 2", b"answer 3"):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            assert await reader.readexactly(len(expected)) == expected


async def test_each_piece_of_a_stream_leaves_before_the_next_is_made() -> None:
    seen = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for piece in (b"one", b"two"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await seen.wait()
            seen.clear()
        await send({"type": "http.response.body", "body": b""})

    async with listening(app) as (reader, writer), asyncio.timeout(10):
        writer.write(_ASK)
        for piece in (b"one", b"two"):
            await reader.readuntil(b"3\r\n%b\r\n" % piece)
            seen.set()
        assert await reader.readuntil(b"0\r\n\r\n") == b"0\r\n\r\n"


async def test_whoever_does_not_read_makes_the_answer_wait() -> None:
    sent = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal sent
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"64000000")]})
        for _ in range(1000):
            await send({"type": "http.response.body", "body": b"x" * 64_000, "more_body": True})
            sent += 1
        await send({"type": "http.response.body", "body": b""})

    async with listening(app) as (reader, writer), asyncio.timeout(30):
        writer.write(_ASK)
        before = -1
        while sent == 0 or sent != before:  # until it gets no further
            before = sent
            await asyncio.sleep(0.05)
        assert sent < 1000
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(64_000_000)


async def test_a_connection_that_is_to_be_closed_is_closed_after_its_answer() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, b"x" * 100_000)

    async with listening(app) as (reader, writer):
        writer.write(_ASK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
        assert (await reader.read()).endswith(b"x" * 100_000)


class Work:
    """Asked for by `/wait`, it waits for ever; anything else is done at once. Says how it ended."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.ended: asyncio.Queue[str] = asyncio.Queue()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        exchange = Exchange(scope, receive, send)
        await exchange.until_gone(self._do(exchange, scope["path"]))

    async def _do(self, exchange: Exchange, path: str) -> None:
        try:
            self.begun.set()
            if path == "/wait":
                await asyncio.Event().wait()
            await exchange.whole(200, b"done")
            self.ended.put_nowait("done")
        except asyncio.CancelledError:
            self.ended.put_nowait("dropped")
            raise


async def test_work_is_dropped_when_its_client_leaves_and_not_when_another_answer_came_before() -> None:
    work = Work()
    async with listening(work) as (reader, writer), asyncio.timeout(10):
        writer.write(_ASK * 2)
        for _ in range(2):
            await reader.readuntil(b"done")
            assert await work.ended.get() == "done"
        work.begun.clear()
        writer.write(_ASK.replace(b"GET /", b"GET /wait"))
        await work.begun.wait()
        assert work.ended.empty()
        writer.transport.abort()
        assert await work.ended.get() == "dropped"
