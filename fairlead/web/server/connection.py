"""One connection: bytes come in, requests go to the application one after the other, answers go out in order.

    quiet ──head──► answering ──answer──► quiet ──► … ──no head for a while──► closed
      │                └── more heads (pipelined) ──► waiting; no more is read until it is their turn
      ├── what is no request ──► 400, after the answers that are due, and closed
      └── half a request, and then nothing ──► 408, the same

httptools reads the bytes; `uvicorn.Server`, which makes us, listens, and at the end tells each connection so.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl
from uvicorn.server import ServerState

from fairlead.gateway.exchange import AT_ONCE, LEAVING, Leaving
from fairlead.web.server.answering import Answering, App
from fairlead.web.server.head import head_without_upgrade, target_of

_LOG = logging.getLogger("fairlead.web.server")
_MOST_FRAMING = 64 * 1024  # bytes of a head or a trailer, beside those that came with its first
_MOST_GATHERED = 64 * 1024  # bytes; what is beyond them the transport has to know of, or it can't make anyone wait
_PATIENCE = 60.0  # seconds for a head, and between two pieces of a body, as nginx gives
_METHODS = {name.encode(): name for name in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")}
_NO_OPTIONS: dict[str, Any] = {}
_ASGI = {"version": "3.0", "spec_version": "2.3"}
_REFUSAL = (
    b"HTTP/1.1 %b\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
)


class Connection(asyncio.Protocol):
    """Made by `uvicorn.Server` for each client that connects. Of its settings we heed the application, how long a
    connection may be quiet, and how long it may take to stop. `patience`: seconds that a client has for its first
    request, for a head it has begun, and for each next piece of a body."""

    __slots__ = (
        "_about", "_advanced", "_answering", "_app", "_due", "_framing", "_gathered", "_headers", "_held", "_in_head",
        "_instead", "_keep_alive", "_last", "_leaving", "_looks_at", "_loop", "_parser", "_patience", "_pieces",
        "_reading", "_refusal", "_server", "_timer", "_transport", "_url", "_waiting", "writable",
    )  # fmt: skip

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None, *, patience: float = _PATIENCE,
    ) -> None:  # fmt: skip
        self._app: App = cast("Any", config).loaded_app
        self._keep_alive = config.timeout_keep_alive
        self._server = server_state
        self._loop = _loop or asyncio.get_running_loop()
        self._parser: Any = httptools.HttpRequestParser(self)
        self._leaving = Leaving()
        self._url = b""  # of a head that is not whole
        self._headers: list[tuple[bytes, bytes]] = []
        self._instead = b""  # of a head that asks for another protocol
        self._framing = 0  # bytes since a head ended, or since there was one of a body
        self._advanced = False  # there was such in what came last
        self._reading: Answering | None = None  # whose body comes in
        self._answering: Answering | None = None
        self._waiting: deque[Answering] | None = None
        self._last = False  # no request is taken after those we have
        self._refusal = b""  # to be said after their answers
        self._held = False  # nothing is read
        self._pieces: list[bytes] = []  # of answers, not yet written
        self._gathered = 0  # bytes of them
        self.writable: asyncio.Event | None = None  # until the client has read more of what we wrote
        self._patience = patience
        self._in_head = False  # a head has begun, and there is nothing else to do
        self._due: float | None = None  # by when more has to come
        self._looks_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    # -- what the event loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._server.connections.add(cast("Any", self))
        self._about = {
            "type": "http", "asgi": _ASGI, "server": get_local_addr(self._transport),
            "client": get_remote_addr(self._transport), "scheme": "https" if is_ssl(self._transport) else "http",
            "root_path": "", "extensions": {LEAVING: self._leaving, AT_ONCE: _NO_OPTIONS},
        }  # fmt: skip
        self._expect_more(self._patience)

    def data_received(self, data: bytes) -> None:
        if self._last and self._reading is None:
            return
        begun = self._url or self._reading is not None
        self._advanced = False
        try:
            self._read(data)
        except httptools.HttpParserError:
            if not self._last or self._reading is not None:
                self._refuse(b"400 Bad Request", b"Invalid HTTP request received.")
            return
        if self._url or self._reading is not None:
            self._framing = 0 if not begun or self._advanced else self._framing + len(data)
            if self._framing > _MOST_FRAMING:
                self._refuse(b"431 Request Header Fields Too Large", b"The head of the request is too large.")
        if self._reading is not None:
            self._expect_more(self._patience)
        elif self._answering is not None:
            self._due = None
        elif not self._in_head:
            self._in_head = True
            self._expect_more(self._patience)

    def _read(self, data: bytes) -> None:
        left = memoryview(data)  # one read may hold thousands of heads: what follows each is not copied
        while True:
            try:
                return self._parser.feed_data(left)
            except httptools.HttpParserUpgrade as upgrade:
                if self._last:
                    return None
                left = left[upgrade.args[0] :]
                self._parser = httptools.HttpRequestParser(self)
                self._parser.feed_data(self._instead)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(cast("Any", self))
        for one in (self._answering, *(self._waiting or ())):
            if one is not None:
                one.left()
        self._waiting = None
        self._leaving.happened()
        self.resume_writing()
        if self._timer is not None:
            self._timer.cancel()
        self._parser = None  # it knows us

    def pause_writing(self) -> None:
        self.writable = asyncio.Event()

    def resume_writing(self) -> None:
        if self.writable is not None:
            self.writable.set()
            self.writable = None

    # -- what the parser finds

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        url, headers, parser = self._url, self._headers, self._parser
        self._url, self._headers, self._advanced, self._in_head = b"", [], True, False
        if self._last:
            return
        path, raw_path, query = target_of(url)
        method: bytes = parser.get_method()
        if method == b"CONNECT":
            raise ValueError("No tunnel begins here.")  # to the parser: this is no request
        version: str = parser.get_http_version()
        if parser.should_upgrade():
            self._instead = head_without_upgrade(method, url, version, headers)
            return
        keeps: bool = parser.should_keep_alive() and version != "1.0"
        scope = {
            **self._about, "http_version": version, "method": _METHODS.get(method) or method.decode("ascii"),
            "path": path, "raw_path": raw_path, "query_string": query, "headers": headers, "state": {},
        }  # fmt: skip
        self._last = not keeps
        self._reading = one = Answering(self, scope, keeps=keeps)
        if self._answering is None:
            self._begin(one)
        else:
            self._waiting = self._waiting or deque()
            self._waiting.append(one)
            self.hold_reading()

    def on_body(self, body: bytes) -> None:
        self._advanced = True
        if self._reading is not None:
            self._reading.got(body)

    def on_message_complete(self) -> None:
        self._advanced = True
        if self._reading is not None:
            self._reading.got_all()
            self._reading = None
        if self._headers:
            self._headers = []  # of a trailer: those are of no use to us, and not the next request's

    # -- what an answer in the making asks for

    def write(self, data: bytes) -> None:
        """After what was gathered."""
        if self._pieces:
            self._pieces.append(data)
            self._flush()
        elif data and not self._transport.is_closing():
            self._transport.write(data)

    def gather(self, data: bytes) -> None:
        """To be written with whatever else comes in this turn of the event loop: each write is a system call."""
        if not self._pieces:
            self._loop.call_soon(self._flush)
        self._pieces.append(data)
        self._gathered += len(data)
        if self._gathered >= _MOST_GATHERED:
            self._flush()

    def _flush(self) -> None:
        if pieces := self._pieces:
            self._pieces, self._gathered = [], 0
            self.write(b"".join(pieces))

    def hold_reading(self) -> None:
        if not self._held:
            self._held = True
            self._transport.pause_reading()

    def go_on_reading(self) -> None:
        if self._held and not self._waiting:
            self._held = False
            self._transport.resume_reading()

    def answered(self, one: Answering) -> None:
        """It is the turn of the next."""
        self._answering = None
        if self._transport.is_closing():
            return
        if not one.keeps:
            self._transport.close()
        elif self._waiting:
            self._begin(self._waiting.popleft())
        elif self._refusal:
            self._transport.write(self._refusal)
            self._transport.close()
        else:
            self._expect_more(self._keep_alive)
        if self._held:
            self.go_on_reading()

    def cut(self) -> None:
        """In the middle of an answer."""
        self._flush()
        self._transport.close()

    # -- its end

    def shutdown(self) -> None:
        """The server ends: what is being answered is the last."""
        self._last, self._waiting, self._refusal = True, None, b""
        if self._answering is None:
            self._transport.close()
        else:
            self._answering.keeps = False

    def _begin(self, one: Answering) -> None:
        self._answering = one
        one.begin(self._app, self._loop, self._server.tasks)

    def _refuse(self, status: bytes, why: bytes) -> None:
        """What came is no request, or not the body of one."""
        _LOG.warning(why.decode())
        self._last = True
        broken, self._reading = self._reading, None
        refusal = _REFUSAL % (status, len(why), why)
        if broken is not None:
            broken.left()
            if self._waiting and self._waiting[-1] is broken:
                self._waiting.pop()
        if self._answering is not None and self._answering is not broken:
            self._refusal = refusal
            return
        if broken is None or not broken.started:
            self.write(refusal)
        self._transport.close()

    def _expect_more(self, seconds: float) -> None:
        """One timer for many requests: to set one costs more than to look."""
        self._due = due = self._loop.time() + seconds
        if self._timer is None or self._looks_at > due:
            self._look_at(due)

    def _look_at(self, moment: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._looks_at = moment
        self._timer = self._loop.call_at(moment, self._look)

    def _look(self) -> None:
        """Ends the connection where nothing came for as long as it may."""
        self._timer = None
        if self._due is None or self._transport.is_closing():
            return
        if self._held:  # it is we who make the client wait
            self._due = self._loop.time() + self._patience
        if self._due > self._loop.time():
            self._look_at(self._due)
        elif self._in_head or self._reading is not None:
            self._refuse(b"408 Request Timeout", b"The rest of the request did not come in time.")
        else:
            self._transport.close()
