"""A stream of server-sent events over raw ASGI: one writer, heartbeats, and an end when the reader is gone or stuck.

A framework's streaming response takes three times the memory for each open stream. Nothing is kept for a slow reader
but what the server's own write buffer holds: the next event is only read when it has taken the last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from datetime import timedelta
from typing import Protocol

import orjson
from starlette.types import Receive, Scope, Send

from fairlead.errors import FairleadError
from fairlead.web.api.call import visit_of
from fairlead.web.api.doors import Doors
from fairlead.web.api.frame import Frame
from fairlead.web.api.problems import status_of
from fairlead.web.api.reply import Headers

HEARTBEAT = timedelta(seconds=15)
PATIENCE = 60.0  # seconds that a reader may take nothing
_HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
)


class Source(Protocol):
    """Where the frames come from."""

    async def come(self) -> list[Frame]:
        """What has come since this was asked last."""
        ...

    @property
    def ended(self) -> bool:
        """Nothing more will come."""
        ...

    @property
    def waiting(self) -> bool:
        """There is something to ask for."""
        ...

    def on_news(self, call: Callable[[], None]) -> None:
        """Call it when there may be something to ask for; now and then also when there is not."""
        ...

    def close(self) -> None: ...


class EventStream:
    """Writes frames as they come. `left` is called when the reader went away before the end.

    The task of the request waits for the end, whoever makes it; frames are written by tasks that live no longer than
    that takes. Of an open stream there is nothing else.
    """

    __slots__ = ("_alive_until", "_doors", "_failure", "_headers", "_heartbeat", "_left", "_send", "_source", "_task",
                 "_whole", "_writing")  # fmt: skip

    def __init__(
        self,
        source: Source,
        doors: Doors,
        *,
        headers: Headers = (),
        left: Callable[[], Awaitable[object]] | None = None,
        heartbeat: timedelta = HEARTBEAT,
    ) -> None:
        self._source = source
        self._doors = doors
        self._headers = headers
        self._left = left
        self._heartbeat = heartbeat.total_seconds()
        self._alive_until = 0.0
        self._writing: asyncio.Task[None] | None = None
        self._whole = False
        self._failure: Exception | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = visit_of(scope).endpoint
        started = self._doors.clock.monotonic()
        self._doors.emit("connection_opened", endpoint=endpoint)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS, *self._headers]})
            self._send, self._task = send, asyncio.current_task()
            self._source.on_news(self._wake)
            self._wake()
            with self._doors.keys.watch(visit_of(scope).caller, self._cut):
                cut = await self._doors.streams.until_gone(receive)
            await self._close()
            if cut:
                # Not a proper end: the reader must know that more would have come, and reconnect.
                raise self._failure or ConnectionAbortedError("the server stops, or its reader is stuck or barred")
            if not self._whole and self._left is not None:
                await self._left()
        finally:
            await self._close()
            took = timedelta(seconds=self._doors.clock.monotonic() - started)
            self._doors.emit("connection_closed", endpoint=endpoint, took=took)

    def _wake(self) -> None:
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write(), context=Context())

    def _cut(self) -> None:
        self._doors.streams.cut(self._task)

    async def _close(self) -> None:
        self._source.close()
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.wait((self._writing,))

    async def _write(self) -> None:
        """All that has come, until there is no more of it for now."""
        try:
            while self._source.waiting and not self._source.ended:
                await self._put(encode_frames(await self._source.come()))
            if self._source.ended:
                await self._put_last(b"")
        except TimeoutError:
            self._cut()  # the reader is stuck: it may come back with its Last-Event-ID
        except FairleadError as error:
            await self._put_last(encode_frames([_refused(error)]))
        except Exception as error:  # noqa: BLE001 the request's task raises it, where it is heard
            self._failure = error
            self._cut()
        finally:
            self._writing = None

    async def _put(self, data: bytes) -> None:
        now = self._doors.clock.monotonic()
        if not data and now < self._alive_until:
            return
        self._alive_until = now + self._heartbeat
        async with asyncio.timeout(PATIENCE):
            await self._send({"type": "http.response.body", "body": data or b": alive\n\n", "more_body": True})

    async def _put_last(self, data: bytes) -> None:
        """Then the request's task hears that nobody reads any more: the answer is whole."""
        self._whole = True
        await self._send({"type": "http.response.body", "body": data})


def encode_frames(frames: list[Frame]) -> bytes:
    """In one piece, so that a group is rarely cut in the middle."""
    return b"".join(map(_encode, frames))


def _encode(frame: Frame) -> bytes:
    named = f"id: {frame.id}\n".encode() if frame.id else b""
    return b"event: %b\n%bdata: %b\n\n" % (frame.event.encode(), named, orjson.dumps(frame.data))


def _refused(error: FairleadError) -> Frame:
    told = error.message if status_of(error) != 500 else "Something failed on our side."
    return Frame("error", {"error": error.code, "message": told})
