"""A stream of server-sent events over raw ASGI: one writer, heartbeats, and an end when the reader is gone or stuck.

A framework's streaming response takes three times the memory for each open stream. Nothing is kept for a slow reader
but what the server's own write buffer holds: the next event is only read when it has taken the last.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import orjson
from starlette.types import Receive, Scope, Send

from fairlead.errors import FairleadError
from fairlead.web.api.call import visit_of
from fairlead.web.api.doors import Doors
from fairlead.web.api.modes import Frame
from fairlead.web.api.open_streams import End
from fairlead.web.api.problems import status_of
from fairlead.web.api.reply import Headers

HEARTBEAT = timedelta(seconds=15)
_PATIENCE = 60.0  # seconds that a reader may take nothing
_HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
)


class EventStream:
    """Writes groups of frames as they come; an empty one is a moment without any, in which the connection is kept
    alive when it is time. `left` is called when the reader went away before the end."""

    def __init__(
        self,
        groups: AsyncIterator[list[Frame]],
        doors: Doors,
        *,
        headers: Headers = (),
        left: Callable[[], Awaitable[None]] | None = None,
        heartbeat: timedelta = HEARTBEAT,
    ) -> None:
        self._groups = groups
        self._doors = doors
        self._headers = headers
        self._left = left
        self._heartbeat = heartbeat.total_seconds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = visit_of(scope).endpoint
        started = self._doors.clock.monotonic()
        self._doors.emit("connection_opened", endpoint=endpoint)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS, *self._headers]})
            end = await self._doors.streams.until_ended(self._write(send), receive)
            if end is End.GONE and self._left is not None:
                await self._left()
            elif end is End.STOPPING:
                # Not a proper end: the reader must know that more would have come, and reconnect.
                raise ConnectionAbortedError("the server is stopping")
        finally:
            took = timedelta(seconds=self._doors.clock.monotonic() - started)
            self._doors.emit("connection_closed", endpoint=endpoint, took=took)

    async def _write(self, send: Send) -> None:
        """Until the groups end. In a stream that is open there is this one task, and one that waits for its reader to
        go away."""
        clock = self._doors.clock
        alive_until = clock.monotonic() + self._heartbeat
        try:
            async for frames in self._groups:
                if frames or clock.monotonic() >= alive_until:
                    body = encode_frames(frames) if frames else b": alive\n\n"
                    async with asyncio.timeout(_PATIENCE):
                        await send({"type": "http.response.body", "body": body, "more_body": True})
                    alive_until = clock.monotonic() + self._heartbeat
        except TimeoutError:
            return  # the reader is stuck: it may come back with its Last-Event-ID
        except FairleadError as error:
            await send({"type": "http.response.body", "body": encode_frames([_refused(error)]), "more_body": True})
        finally:
            await self._groups.aclose()  # type: ignore[attr-defined]
        await send({"type": "http.response.body", "body": b""})


def encode_frames(frames: list[Frame]) -> bytes:
    """In one piece, so that a group is rarely cut in the middle."""
    return b"".join(map(_encode, frames))


def _encode(frame: Frame) -> bytes:
    named = f"id: {frame.id}\n".encode() if frame.id else b""
    return b"event: %b\n%bdata: %b\n\n" % (frame.event.encode(), named, orjson.dumps(frame.data))


def _refused(error: FairleadError) -> Frame:
    told = error.message if status_of(error) != 500 else "Something failed on our side."
    return Frame("error", {"error": error.code, "message": told})
