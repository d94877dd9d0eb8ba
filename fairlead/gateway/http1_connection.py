"""One connection of HTTP/1.1, one exchange at a time.

    idle ──send──► asked ──head──► body ──end──► whole ──► idle, where it may be used again
      │              └───────────────┴── lost, broken, too large, silent ──► failed, and closed
      └── bytes that nobody asked for ──► closed

httptools reads the bytes; that they are bounded, belong to our request and end where they should is seen to here.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

import httptools

from fairlead.errors import BrokenAnswer, FairleadError, ModelTimeout, ModelUnavailable
from fairlead.gateway.deadlines import Deadlines
from fairlead.gateway.http1_head import Place
from fairlead.gateway.transport import Post

_MOST_HEAD = 64 * 1024  # bytes of all headers and trailers of an answer, and of one piece of framing
_PER_HEADER = 32  # what we count for each beside its bytes: many empty ones cost too
_MOST_KEPT = 256 * 1024  # bytes of a stream that nobody has taken yet: then the provider has to wait
_STALE = 1.0  # seconds within which a connection that had been closed already says so
_LINGER = 1.0
_LEFT_OVER = 1024  # bytes
_NO_BODY = frozenset({204, 304})


@lru_cache(maxsize=128)
def _name(name: bytes) -> str:
    """Of a header: providers send a dozen, and the same with each answer."""
    return name.decode("latin-1").lower()


def late(post: Post) -> ModelTimeout:
    return ModelTimeout(
        f"The provider did not finish within {post.timeout.total_seconds():g} s.",
        hint="Raise model_timeout, or ask for a shorter answer.",
    )


class _Stage(enum.Enum):
    IDLE = enum.auto()
    ASKED = enum.auto()
    BODY = enum.auto()
    WHOLE = enum.auto()


_IDLE, _ASKED, _BODY, _WHOLE = _Stage  # a member found through its class takes ten times as long


class Connection(asyncio.Protocol):
    """`ask`, and where the answer is streamed, `take`. These raise ModelUnavailable before the head of an answer has
    come and BrokenAnswer after it; the connection is closed then. Whoever gives up taking closes it: `abort`."""

    __slots__ = (
        "_active_at", "_deadlines", "_error", "_forget", "_framing", "_head_size", "_heard", "_informed", "_keep",
        "_kept", "_limit", "_loop", "_parser", "_paused", "_pieces", "_post", "_sent_at", "_silence", "_size", "_stage",
        "_streamed", "_transport", "_until_close", "_used", "_waiter", "_whole", "headers", "idle_since", "place",
        "stale", "status",
    )  # fmt: skip

    def __init__(self, place: Place, forget: Callable[[Connection], None], deadlines: Deadlines) -> None:
        self.place = place
        self._forget = forget
        self._deadlines = deadlines
        self._loop = asyncio.get_running_loop()
        self._parser: Any = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)
        self._stage = _IDLE
        self._keep = True
        self._waiter: asyncio.Future[None] | None = None
        self._error: FairleadError | None = None
        self._silence: asyncio.TimerHandle | None = None
        self._used = False
        self.idle_since = 0.0
        self.stale = False
        """Whether it failed as one does that the other side had closed before we sent: the request was not seen."""

    async def ask(self, data: bytes, post: Post, *, streamed: bool, deadline: float) -> None:
        """Sends it and waits for the answer, which must be here by then, whole; streamed, for its head: then the
        provider has to wait for whoever takes, and whoever takes sees to the deadline. Given up, it is closed."""
        self._send(data, post, streamed=streamed)
        if not streamed:
            self._deadlines.set(self, deadline, self._end_late)
        try:
            while self._error is None and (self._stage is _ASKED or not (streamed or self._stage is _WHOLE)):
                await self._happening()
        except BaseException:
            self.abort()
            raise
        if self._error is not None and not (streamed and self._pieces):
            raise self._error

    def _send(self, data: bytes, post: Post, *, streamed: bool) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self._pieces: list[bytes] = []
        self._size = self._kept = self._head_size = self._framing = 0
        self._post, self._limit, self._streamed = post, post.limit, streamed
        self._heard = self._paused = self._until_close = self._informed = False
        self._whole: Callable[[], None] | None = None
        self._stage = _ASKED
        self._sent_at = self._active_at = self._loop.time()
        if post.silence is not None:
            silence = post.silence.total_seconds()
            self._silence = self._loop.call_later(silence, self._listen, silence)
        self._transport.write(data)

    async def take(self) -> bytes:
        """What has come since; nothing when that was all. What came before a failure is given before it."""
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self._stage is _WHOLE:
                return b""
            await self._happening()
        data, self._kept = self.body(), 0
        self._pieces = []
        if self._paused:
            self._paused, self._active_at = False, self._loop.time()
            self._transport.resume_reading()
        return data

    def body(self) -> bytes:
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)

    @property
    def closed(self) -> bool:
        return self._transport.is_closing()

    @property
    def whole(self) -> bool:
        return self._stage is _WHOLE

    def renew(self) -> bool:
        """Get ready for another exchange. False, and closed, where there can be none: the server said so, or answered
        before all of the request had been sent."""
        self._quiet()
        transport = self._transport
        if not self._keep or transport.is_closing() or transport.get_write_buffer_size():
            self.abort()
            return False
        self._stage, self._used, self._pieces, self.headers = _IDLE, True, [], {}
        self.idle_since = self._loop.time()
        return True

    def linger(self, whole: Callable[[], None]) -> None:
        """A stream says that it is over before its last bytes of framing have come. Waits for them a moment."""
        if self.closed:
            return
        self._quiet()
        self._limit = min(self._limit, self._size + _LEFT_OVER)
        self._whole = whole
        self._silence = self._loop.call_later(_LINGER, self.abort)
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    def abort(self) -> None:
        """Closed at once, whatever is still to be sent or read."""
        self._quiet()
        self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._stage is _IDLE or self._stage is _WHOLE:
            self.abort()  # nobody asked for it: what answers the next request could not be told from it
            return
        self._heard = True
        if self._silence is not None:
            self._active_at = self._loop.time()
        self._framing += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(f"what came is not HTTP ({error})")
        if self._framing > _MOST_HEAD:
            self._fail("its head or its framing is too large")
        if self._streamed:
            if self._kept > _MOST_KEPT and not self._paused and not self.closed:
                self._paused = True
                self._transport.pause_reading()
            self._wake()
        elif self._stage is _WHOLE:
            self._wake()

    def eof_received(self) -> None:
        self._ended(cleanly=True)

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended(cleanly=exc is None)
        self._quiet()
        self._parser = None  # they hold each other
        self._forget(self)

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self._stage is not _ASKED:
            self.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._framing = 0
        self._head_size += len(name) + len(value) + _PER_HEADER
        if self._head_size > _MOST_HEAD:
            self._fail("its headers are too large")
        elif self._stage is _ASKED:
            self.headers[_name(name)] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        status: int = self._parser.get_status_code()
        if status < 200:  # says only that more will come; 101 stops the parser
            self._informed = True
            self.headers = {}
            return
        if self._stage is not _ASKED or self._error is not None:
            return
        self._stage, self.status, self._framing = _BODY, status, 0
        self._keep = self._parser.should_keep_alive() and self._parser.get_http_version() == "1.1"
        headers = self.headers
        coding = headers.get("transfer-encoding")
        self._until_close = coding is None and "content-length" not in headers and status not in _NO_BODY
        compressed = headers.get("content-encoding", "identity").lower() not in ("", "identity")
        if compressed or (coding is not None and coding.lower() != "chunked"):
            self._refuse(BrokenAnswer("The provider compressed its answer although it was asked not to."))

    def on_body(self, data: bytes) -> None:
        if self._stage is not _BODY:
            return
        self._framing = 0
        self._size += len(data)
        if self._size > self._limit:
            said = f"The answer is larger than {self._limit // 1024} KB."
            self._refuse(BrokenAnswer(said, hint="Ask for a shorter answer."))
        elif self._error is None:
            self._kept += len(data)
            self._pieces.append(data)

    def on_message_complete(self) -> None:
        if self._informed:
            self._informed = False
        elif self._stage is _BODY and self._error is None:
            self._finish()

    # Ends.

    def _finish(self) -> None:
        self._stage = _WHOLE
        if self._whole is not None:
            self._loop.call_soon(self._whole)

    def _ended(self, *, cleanly: bool) -> None:
        self._keep = False
        if self._stage is _BODY and self._until_close and cleanly and self._error is None:
            self._finish()
        else:
            if self._stage is _ASKED and self._error is None and self._used and not self._heard:
                self.stale = self._loop.time() - self._sent_at < _STALE
            self._fail("it was closed" if cleanly else "it broke")
        self._wake()

    def _fail(self, why: str) -> None:
        if self._stage is _BODY:
            self._refuse(BrokenAnswer(f"The connection was lost within the answer: {why}."))
        elif self._stage is _ASKED:
            self._refuse(ModelUnavailable(f"The connection was lost before an answer came: {why}."))
        else:
            self.abort()

    def _refuse(self, error: FairleadError) -> None:
        if self._error is None and self._stage is not _WHOLE:
            self._error = error
        self.abort()
        self._wake()

    def _listen(self, silence: float) -> None:
        left = self._active_at + silence - self._loop.time()
        if self._paused:  # it is not the provider who is silent
            left = silence
        if left > 0:
            self._silence = self._loop.call_later(left, self._listen, silence)
        else:
            self._refuse(ModelUnavailable("The provider fell silent.", hint="See AI_SERVICE_TIMEOUT."))

    def _end_late(self) -> None:
        self._refuse(late(self._post))

    def _quiet(self) -> None:
        self._deadlines.drop(self)
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def _happening(self) -> asyncio.Future[None]:
        self._waiter = self._loop.create_future()
        return self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
