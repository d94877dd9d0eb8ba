"""Real servers on loopback for these tests: the simulated provider, and one that says whatever bytes it is given."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from fairlead.gateway.simulate import Simulator, server
from fairlead.gateway.sink import Sink
from fairlead.gateway.types import Caller, Choices, Format, ModelRequest
from tests.listening import listening


@asynccontextmanager
async def simulating(app: Simulator) -> AsyncIterator[str]:
    """The simulated provider over HTTP; gives its address. The socket listens first, so nobody has to wait."""
    sock = socket.create_server(("127.0.0.1", 0))
    running = server(app, host="127.0.0.1", port=0)
    task = asyncio.create_task(running.serve(sockets=[sock]))
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        running.should_exit = running.force_exit = True
        await task
        sock.close()


Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Peer:
    """A server that reads a request and then does as it is told. `gone` is set when the client has left."""

    speak: Speak
    url: str = ""
    calls: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
            self.calls += 1
            self.asked.set()
            await self.speak(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.gone.set()

    async def hang(self, reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()
        self.gone.set()


@asynccontextmanager
async def peer(speak: Speak | None = None) -> AsyncIterator[Peer]:
    """`speak` None: never answers."""
    it = Peer(speak or hang)
    if speak is None:
        it.speak = it.hang
    async with listening(it.serve) as port:
        it.url = f"http://127.0.0.1:{port}"
        yield it


async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


def says(body: bytes, *, status: str = "200 OK", headers: bytes = b"") -> Speak:
    """An answer of these bytes, after which the connection is closed: their end is the end of the body."""

    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 %s\r\nconnection: close\r\n%s\r\n%s" % (status.encode(), headers, body))
        await writer.drain()

    return speak


class MovedClock:
    """Time passes only by sleeping, and then at once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 11, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, duration: timedelta) -> None:
        self.slept.append(duration.total_seconds())
        self.seconds += duration.total_seconds()
        await asyncio.sleep(0)


class Heard:
    """Remembers what was emitted."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, event: str, /, **fields: Any) -> None:
        self.events.append((event, fields))

    def of(self, event: str) -> list[dict[str, Any]]:
        return [fields for name, fields in self.events if name == event]


def ask(text: str = "hello", *, model: str = "simulated/test", seconds: float = 5, **more: Any) -> ModelRequest:
    on_delta, on_data = more.pop("on_delta", None), more.pop("on_data", None)
    form, choices = more.pop("form", Format.CHAT), more.pop("choices", Choices())
    messages = [{"role": "user", "content": text}]
    if form is Format.EMBEDDINGS:
        body: dict[str, Any] = {"input": text, **more}
    else:
        body = {"input" if form is Format.RESPONSES else "messages": messages, **more}
    sink = None if on_delta is None and on_data is None else Sink(on_delta, on_data)
    return ModelRequest(
        model, body, timedelta(seconds=seconds), Caller(run_id="run-1"), form, sink=sink, choices=choices
    )
