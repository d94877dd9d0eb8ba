"""What httpx2 sends with: no proxy, no decompression, an answer that can't grow without end."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Generator
from contextlib import aclosing, contextmanager
from typing import Any, cast

import httpcore2
import httpx2

from fairlead.errors import EgressBroken, EgressRefused

TRANSLATED: dict[type[Exception], type[httpx2.TransportError]] = {
    httpcore2.ConnectTimeout: httpx2.ConnectTimeout,
    httpcore2.ReadTimeout: httpx2.ReadTimeout,
    httpcore2.WriteTimeout: httpx2.WriteTimeout,
    httpcore2.PoolTimeout: httpx2.PoolTimeout,
    httpcore2.TimeoutException: httpx2.TimeoutException,
    httpcore2.ConnectError: httpx2.ConnectError,
    httpcore2.ReadError: httpx2.ReadError,
    httpcore2.WriteError: httpx2.WriteError,
    httpcore2.NetworkError: httpx2.NetworkError,
    httpcore2.ProxyError: httpx2.ProxyError,
    httpcore2.UnsupportedProtocol: httpx2.UnsupportedProtocol,
    httpcore2.LocalProtocolError: httpx2.LocalProtocolError,
    httpcore2.RemoteProtocolError: httpx2.RemoteProtocolError,
    httpcore2.ProtocolError: httpx2.ProtocolError,
}
"""The first that fits: the special before the general."""


_EVENT_END = re.compile(rb"\n\n|\r\n\r\n|\r\r")


class EgressTransport(httpx2.AsyncBaseTransport):
    """Raises EgressRefused and EgressBroken, and else what httpx2's own transport raises.

    `events`: `max_bytes` counts for each event of a stream, which may go on. Who gathers the whole answer does not want
    that.
    """

    def __init__(
        self, pool: httpcore2.AsyncConnectionPool, *, max_bytes: int | None, cut: bool = False, events: bool = False
    ) -> None:
        self._pool = pool
        self._max_bytes = max_bytes
        self._cut = cut
        self._events = events

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.scheme not in ("http", "https"):
            raise EgressRefused(f"{request.url.scheme or 'An address without a scheme'}: is not called, only http(s).")
        request.headers["accept-encoding"] = "identity"
        asked = httpcore2.Request(
            method=request.method.encode(),
            url=httpcore2.URL(
                scheme=request.url.raw_scheme,
                host=request.url.raw_host,
                port=request.url.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=cast("AsyncIterable[bytes]", request.stream),
            extensions={"timeout": request.extensions.get("timeout", {})},
        )
        with _in_httpx2_words():
            answer = await self._pool.handle_async_request(asked)
        return httpx2.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_Counted(
                cast("_Body", answer.stream), self._max_bytes, self._cut, events=self._events and _is_stream(answer)
            ),
            extensions=cast("Any", answer).extensions,
        )

    async def aclose(self) -> None:
        """Does nothing: the connections are the egress's, and others use them."""


class PlainTransport(EgressTransport):
    """For a library that unpacks whatever comes: a packed answer, which nobody asked for, is refused."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = await super().handle_async_request(request)
        packed = answer.headers.get("content-encoding", "identity").strip().lower()
        if packed not in ("", "identity"):
            await answer.aclose()
            raise EgressBroken("The answer is compressed, though it was asked for as it is.")
        return answer


def _is_stream(answer: httpcore2.Response) -> bool:
    types = [value for name, value in answer.headers if name.lower() == b"content-type"]
    return any(value.strip().lower().startswith(b"text/event-stream") for value in types)


class _Body(AsyncIterable[bytes]):
    """What httpcore2 gives: its iterator has to be closed before itself."""

    def __aiter__(self) -> AsyncGenerator[bytes]: ...

    async def aclose(self) -> None: ...


class _Counted(httpx2.AsyncByteStream):
    """Of `events`, which may come for ever, each is counted for itself."""

    def __init__(self, body: _Body, limit: int | None, cut: bool, *, events: bool) -> None:
        self._body = body
        self._limit = limit
        self._cut = cut
        self._events = events

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._limit
        with _in_httpx2_words():
            async with aclosing(self._body.__aiter__()) as pieces:
                async for piece in pieces:
                    if left is None:
                        yield piece
                        continue
                    after = self._left(left, piece)
                    if after < 0 and not self._cut:
                        raise EgressBroken(f"The answer is longer than {self._limit} bytes.")
                    yield piece if after >= 0 else piece[:left]
                    left = after
                    if left <= 0 and self._cut:
                        return

    def _left(self, left: int, piece: bytes) -> int:
        """After this piece; below 0: it is too much."""
        first, *others = _EVENT_END.split(piece) if self._events else [piece]
        limit = self._limit or 0
        if len(first) > left or any(len(one) > limit for one in others):
            return -1
        return limit - len(others[-1]) if others else left - len(first)

    async def aclose(self) -> None:
        await self._body.aclose()


@contextmanager
def _in_httpx2_words() -> Generator[None]:
    try:
        yield
    except tuple(TRANSLATED) as error:
        wanted = next(ours for theirs, ours in TRANSLATED.items() if isinstance(error, theirs))
        raise wanted(str(error)) from error
