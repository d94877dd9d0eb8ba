"""One HTTP request and its response, in ASGI's words and without a framework: small for each open stream."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from fairlead.errors import FairleadError, InvalidInput, TooLarge
from fairlead.gateway.cut import Cut

JSON = (b"content-type", b"application/json")
MOST_BODY = 32 * 1024 * 1024  # images

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


_NONE: dict[str, Any] = {}
LEAVING = "fairlead.leaving"
AT_ONCE = "fairlead.at_once"
"""A server that offers this extension takes a whole answer as one message: its start, with a `body`."""


class Leaving:
    """When a client leaves, told to those who asked. A server that offers it (as the extension `LEAVING` of a scope)
    spares each request a task that waits for nothing else."""

    __slots__ = ("_gone", "_told")

    def __init__(self) -> None:
        self._told: set[Callable[[], None]] = set()
        self._gone = False

    def tell(self, whom: Callable[[], None]) -> None:
        """Once, until `forget`; at once where the client has left."""
        self._told.add(whom)
        if self._gone:
            whom()

    def forget(self, whom: Callable[[], None]) -> None:
        self._told.discard(whom)

    def happened(self) -> None:
        self._gone = True
        for whom in tuple(self._told):
            whom()


class Exchange:
    """One request and its response, in ASGI's words."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._headers: list[tuple[bytes, bytes]] = scope["headers"]
        extensions = scope.get("extensions") or _NONE
        self._leaving: Leaving | None = extensions.get(LEAVING)
        self._at_once = AT_ONCE in extensions
        self._receive = receive
        self._send = send

    @property
    def asks(self) -> str:
        return f"{self._scope['method']} {self._scope['path']}"

    def header(self, name: bytes) -> bytes:
        for key, value in self._headers:
            if key == name:
                return value
        return b""

    async def read(self) -> bytes:
        """The whole body. Raises TooLarge, before anything is read where the length is told; InvalidInput when the
        caller leaves in the middle of it."""
        told = self.header(b"content-length")
        if told.isdigit() and int(told) > MOST_BODY:
            raise _too_large()
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body", False):  # as most come
            body = message.get("body", b"")
            if len(body) > MOST_BODY:
                raise _too_large()
            return body
        pieces: list[bytes] = []
        size, more = 0, True
        while more:
            if message["type"] == "http.disconnect":
                raise InvalidInput("The caller went away in the middle of the body.")
            piece = message.get("body", b"")
            size += len(piece)
            if size > MOST_BODY:
                raise _too_large()
            pieces.append(piece)
            if more := message.get("more_body", False):
                message = await self._receive()
        return b"".join(pieces)

    async def read_object(self) -> dict[str, Any]:
        try:
            value = orjson.loads(await self.read())
        except orjson.JSONDecodeError as error:
            raise InvalidInput(f"The body is not JSON: {error}.") from error
        if not isinstance(value, dict):
            raise InvalidInput("The body is not a JSON object.")
        return value  # pyright: ignore[reportUnknownVariableType]

    async def until_gone(self, work: Awaitable[None]) -> None:
        """Does the work, or drops it when the client leaves: then it has let go of everything before this returns."""
        left, leaving = Cut(), self._leaving or Leaving()
        drop = left.off
        leaving.tell(drop)
        watching = None if self._leaving else asyncio.ensure_future(self._watch(leaving))
        try:
            await work
        except asyncio.CancelledError:
            if not left.alone:
                raise
        finally:
            leaving.forget(drop)
            left.end()
            if watching is not None:
                watching.cancel()

    async def _watch(self, leaving: Leaving) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        leaving.happened()

    # What the server gives to be awaited is handed on: a coroutine around it costs as much as to send.

    def start(self, status: int, *headers: tuple[bytes, bytes]) -> Awaitable[None]:
        return self._send({"type": "http.response.start", "status": status, "headers": list(headers)})

    def piece(self, body: bytes) -> Awaitable[None]:
        return self._send({"type": "http.response.body", "body": body, "more_body": True})

    def end(self, body: bytes = b"") -> Awaitable[None]:
        return self._send({"type": "http.response.body", "body": body})

    def whole(self, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> Awaitable[None]:
        start: Message = {
            "type": "http.response.start", "status": status,
            "headers": [*headers, (b"content-length", b"%d" % len(body))],
        }  # fmt: skip
        if self._at_once:
            start["body"] = body
            return self._send(start)
        return self._in_two(start, body)

    async def _in_two(self, start: Message, body: bytes) -> None:
        await self._send(start)
        await self.end(body)

    def json(self, value: Any) -> Awaitable[None]:
        return self.whole(200, orjson.dumps(value), JSON)

    def problem(self, status: int, error: FairleadError, *headers: tuple[bytes, bytes]) -> Awaitable[None]:
        """An error as OpenAI words it."""
        said = {"message": str(error), "type": error.code, "param": None, "code": error.code}
        return self.whole(status, orjson.dumps({"error": said}), JSON, *headers)


def _too_large() -> TooLarge:
    return TooLarge(f"The body is larger than {MOST_BODY // 1024 // 1024} MB.")
