"""One request while the application answers it, in ASGI's words.

    request   head ──► pieces of the body, held until the application takes them ──► whole
    answer    nothing ──start──► head, held until there is a body ──► pieces ──► done

A head is held where the answer says how long it will be: then its body is at hand, and both are written at once. Any
other is a stream, and whoever waits for it sees its head before there is an event.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, cast

from fairlead.web.server.head import form_of, says_close

if TYPE_CHECKING:
    from fairlead.web.server.connection import Connection

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

_LOG = logging.getLogger("fairlead.web.server")
_MOST_HELD = 64 * 1024  # bytes of a request's body; then its client has to wait
_MOST_JOINED = 64 * 1024  # bytes of an answer's body: to copy more costs more than to write twice
_NO_BODY = frozenset((204, 304))
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_FAILED: Message = {
    "type": "http.response.start", "status": 500,
    "headers": [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"21"), (b"connection", b"close")],
}  # fmt: skip
_CHUNKED, _OPEN = -1, -2  # instead of how much of a body is left: it has chunks, or ends with the connection


class _Sent(tuple[()]):
    """There is nothing to wait for: to make a coroutine, only to say so, costs as much as to send."""

    __slots__ = ()
    __await__ = cast("Any", tuple).__iter__


_SENT: Any = _Sent()


class Answering:
    """`started`: the application has begun its answer. `done`: the answer is written. `gone`: the client has left.
    `keeps`: the connection may be used again after it."""

    __slots__ = (
        "_body", "_connection", "_continued", "_head", "_left", "_news", "_scope", "_taken", "_task", "_whole", "done",
        "gone", "keeps", "started",
    )  # fmt: skip

    def __init__(self, connection: Connection, scope: dict[str, Any], *, keeps: bool) -> None:
        self._connection = connection
        self._scope = scope
        self._body: bytes | bytearray = b""
        self._whole = self._taken = self._continued = False
        self._news: asyncio.Event | None = None
        self._head = b""
        self._left = 0
        self.started = self.done = self.gone = False
        self.keeps = keeps

    def begin(self, app: App, loop: asyncio.AbstractEventLoop, tasks: set[asyncio.Task[None]]) -> None:
        self._task = task = loop.create_task(self._run(app, tasks))
        tasks.add(task)

    # -- what the connection tells

    def got(self, body: bytes) -> None:
        if self.done:
            return  # nobody will ask for it
        if not self._body:
            self._body = body
        elif isinstance(self._body, bytearray):
            self._body += body
        else:
            self._body = bytearray(self._body) + body
        if len(self._body) > _MOST_HELD:
            self._connection.hold_reading()
        if self._news is not None:
            self._tell()

    def got_all(self) -> None:
        self._whole = True
        if self._news is not None:
            self._tell()

    def left(self) -> None:
        self.gone = True
        if self._news is not None:
            self._tell()

    def _tell(self) -> None:
        if self._news is not None:
            self._news.set()
            self._news = None

    # -- what the application is given

    async def receive(self) -> Message:
        while not (self.gone or self.done):
            if self._body or (self._whole and not self._taken):
                body, self._body, self._taken, self._continued = self._body, b"", self._whole, True
                self._connection.go_on_reading()
                return {"type": "http.request", "body": bytes(body), "more_body": not self._whole}
            if not (self._whole or self._continued):
                self._continued = True
                if not self.started and _waits(self._scope):
                    self._connection.write(_CONTINUE)
            if self._news is None:
                self._news = asyncio.Event()
            self._connection.go_on_reading()
            await self._news.wait()
        return {"type": "http.disconnect"}

    def send(self, message: Message) -> Awaitable[None]:
        if self._connection.writable is not None:
            return self._send_later(message)
        self._send(message)
        return _SENT

    async def _send_later(self, message: Message) -> None:
        while self._connection.writable is not None and not self.gone:
            await self._connection.writable.wait()
        self._send(message)

    def _send(self, message: Message) -> None:
        if self.gone:
            return
        kind = message["type"]
        if kind == "http.response.body" and self.started and not self.done:
            self._piece(message.get("body", b""), more=message.get("more_body", False))
        elif kind == "http.response.start" and not self.started:
            self._start(message["status"], list(message.get("headers", ())))
            if (body := message.get("body")) is not None:  # all of it: see `AT_ONCE`
                self._piece(body, more=False)
        else:
            raise RuntimeError(f"{kind} was sent out of turn.")

    def _start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        names, values = zip(*headers, strict=True) if headers else ((), ())
        form = form_of(names)
        head = form.head(status, values)
        self.started = True
        if form.length is not None:
            self._left = int(values[form.length])
        elif form.coding is not None and values[form.coding] == b"chunked":
            self._left = _CHUNKED
        elif self._scope["method"] != "HEAD" and status not in _NO_BODY:
            if self._scope["http_version"] == "1.0":
                self._left, self.keeps = _OPEN, False
            else:
                self._left = _CHUNKED
                head += b"transfer-encoding: chunked\r\n"
        if form.connection is not None and says_close(values[form.connection]):
            self.keeps = False
        elif not self.keeps:
            head += b"connection: close\r\n"
        if self._left < 0:
            self._connection.gather(head + b"\r\n")
        else:
            self._head = head + b"\r\n"

    def _piece(self, body: bytes, *, more: bool) -> None:
        left = self._left
        if self._scope["method"] == "HEAD":
            body = b""
        elif left == _CHUNKED:
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + (b"" if more else b"0\r\n\r\n")
        elif left != _OPEN:
            self._left = left = left - len(body)
            if left < 0 or (left and not more):
                raise RuntimeError("The body of an answer is not as long as its content-length.")
        if self._head:
            head, self._head = self._head, b""
            if len(body) > _MOST_JOINED:
                self._connection.gather(head)
            else:
                body = head + body
        if more:
            if body:
                self._connection.gather(body)
            return
        self._connection.write(body)
        self.done = True
        if self._news is not None:
            self._tell()
        self._connection.answered(self)

    # -- its life

    async def _run(self, app: App, tasks: set[asyncio.Task[None]]) -> None:
        try:
            await app(self._scope, self.receive, self.send)
            if not (self.done or self.gone):
                _LOG.error("The application ended without an answer.")
                await self._fail()
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 whatever fails, the client learns of it
            _LOG.error("The application failed.", exc_info=error)
            await self._fail()
        finally:
            tasks.discard(self._task)

    async def _fail(self) -> None:
        """What has begun must not look complete; a head that was held has not."""
        if self._head:
            self.started, self._head, self._left = False, b"", 0
        if self.started or self.gone:
            self._connection.cut()
        else:
            await self.send(_FAILED)
            await self.send({"type": "http.response.body", "body": b"Internal Server Error"})


def _waits(scope: dict[str, Any]) -> bool:
    """Whether the client sends no body before it is told to (RFC 9110, 10.1.1)."""
    waits = any(name == b"expect" and value.lower() == b"100-continue" for name, value in scope["headers"])
    return waits and scope["http_version"] != "1.0"
