"""HTTP to providers by aiohttp.

Why not pyreqwest, which is faster: in 0.12 to 0.15.1 cancelling the awaiting task, leaving the stream's context and
closing the client all leave the request running on the wire until its own timeout. The provider would go on
generating, and billing, for a run that a person has cancelled.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache

import aiohttp

from fairlead.errors import BrokenAnswer, FairleadError, ModelRefused, ModelTimeout, ModelUnavailable
from fairlead.gateway.transport import Answer, NeverSent, Post, Stream

_HEADERS = {"accept-encoding": "identity", "content-type": "application/json", "user-agent": "fairlead"}
_CONNECT = 10.0  # seconds: a machine that does not take a connection by then will not
_LARGE = 1024 * 1024
_NO_LIMIT = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=_CONNECT, sock_read=None)


@lru_cache(maxsize=16)
def _silent_at_most(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=None, sock_connect=_CONNECT, sock_read=seconds)


class AiohttpTransport:
    """One connection pool. Make it inside a running event loop."""

    def __init__(self, *, proxy: str | None = None) -> None:
        # No proxy from the environment: only config.py reads that. The calls in flight are bounded by our callers.
        self._proxy = proxy
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            timeout=_NO_LIMIT,
        )

    async def post_json(self, post: Post) -> Answer:
        async with self.post_stream(post) as stream:
            return Answer(stream.status, stream.headers, await stream.rest())

    @asynccontextmanager
    async def post_stream(self, post: Post) -> AsyncGenerator[Stream, None]:
        phase = _Phase()
        bound = asyncio.timeout(post.timeout.total_seconds())
        try:
            # One bound for all of it: a read timeout would start again with every byte of a slow answer.
            async with bound:
                try:
                    async with self._send(post) as response:
                        phase.answered = True
                        headers = {name.lower(): value for name, value in response.headers.items()}
                        yield Stream(response.status, headers, _pieces(response, post.limit))
                except aiohttp.ClientError as error:
                    raise translate(error, answered=phase.answered) from _cause(error)
        except TimeoutError as error:
            if not bound.expired():
                raise
            raise ModelTimeout(
                f"The provider did not finish within {post.timeout.total_seconds():g} s.",
                hint="Raise model_timeout, or ask for a shorter answer.",
            ) from error

    def _send(self, post: Post) -> aiohttp.client._RequestContextManager:  # pyright: ignore[reportPrivateUsage]
        return self._session.post(
            post.url,
            # In one piece, a large body would be written by one call that nothing else gets a turn within.
            data=io.BytesIO(post.body) if len(post.body) > _LARGE else post.body,
            headers={**_HEADERS, **post.headers},
            allow_redirects=False,
            proxy=self._proxy,
            timeout=_NO_LIMIT if post.silence is None else _silent_at_most(post.silence.total_seconds()),
        )

    async def aclose(self) -> None:
        await self._session.close()


class _Phase:
    """Whether the head of an answer has come: before it a lost connection may be tried again unseen."""

    answered = False


async def _pieces(response: aiohttp.ClientResponse, limit: int) -> AsyncIterator[bytes]:
    if response.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
        raise BrokenAnswer("The provider compressed its answer although it was asked not to.")
    size = 0
    async for piece in response.content.iter_any():
        size += len(piece)
        if size > limit:
            raise BrokenAnswer(f"The answer is larger than {limit // 1024} KB.", hint="Ask for a shorter answer.")
        yield piece


def translate(error: aiohttp.ClientError, *, answered: bool) -> FairleadError:
    """Our error for one of aiohttp's; every ClientError has one."""
    if isinstance(error, aiohttp.SocketTimeoutError):
        return ModelUnavailable("The provider fell silent.", hint="See AI_SERVICE_TIMEOUT.")
    if answered:
        return BrokenAnswer(f"The connection was lost within the answer ({type(error).__name__}).")
    match error:
        case aiohttp.InvalidURL():
            return ModelRefused("The provider's address is not a URL.", hint="Look at base_url of the provider.")
        case aiohttp.ConnectionTimeoutError():
            return ModelUnavailable(f"The provider took no connection within {_CONNECT:g} s.")
        case aiohttp.ClientConnectorError():
            return ModelUnavailable(f"No connection to the provider: {error}.", hint="Is it running and reachable?")
        case _:
            return ModelUnavailable(f"The connection was lost before an answer came ({type(error).__name__}).")


def _cause(error: aiohttp.ClientError) -> Exception:
    unsent = isinstance(error, aiohttp.ClientConnectorError | aiohttp.InvalidURL | aiohttp.ConnectionTimeoutError)
    return NeverSent(str(error)) if unsent else error
