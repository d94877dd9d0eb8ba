"""HTTP/1.1 to providers: connections that are kept, and nothing between us and their bytes but a parser.

Why not a library: see docs/decisions/0013. Proxies, redirects, cookies, HTTP/2 and decompression are not here because
no call to a provider needs them.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache

from fairlead.errors import ModelRefused, ModelUnavailable
from fairlead.gateway.cut import Cut
from fairlead.gateway.deadlines import Deadlines
from fairlead.gateway.http1_connection import Connection, late
from fairlead.gateway.http1_dial import dial
from fairlead.gateway.http1_head import Place, head_of
from fairlead.gateway.transport import Answer, NeverSent, Post, Stream

_CONNECT = 10.0  # seconds: a machine that does not take a connection by then will not
_KEEP = 30.0  # seconds


class Http1Transport:
    """One pool of connections; the calls in flight are bounded by our callers. `trust`: whose certificates are
    believed; else what the system trusts, or SSL_CERT_FILE names."""

    def __init__(self, *, trust: ssl.SSLContext | None = None) -> None:
        self._trust = trust
        self._trusting = asyncio.Lock()
        self._idle: dict[Place, deque[Connection]] = {}
        self._all: set[Connection] = set()
        self._sweep: asyncio.TimerHandle | None = None
        self._deadlines = Deadlines()
        self._head = lru_cache(maxsize=128)(head_of)
        self._closed = False

    async def post_json(self, post: Post) -> Answer:
        connection = await self._asked(post, streamed=False)
        answer = Answer(connection.status, connection.headers, connection.body())
        self._give_back(connection)
        return answer

    @asynccontextmanager
    async def post_stream(self, post: Post) -> AsyncGenerator[Stream, None]:
        # One bound for all of it: a read timeout would start again with every byte of a slow answer.
        over = Cut()
        self._deadlines.set(over, self._deadlines.loop.time() + post.timeout.total_seconds(), over.off)
        try:
            connection = await self._asked(post, streamed=True)
            try:
                yield Stream(connection.status, connection.headers, _pieces(connection))
            except BaseException:
                connection.abort()
                raise
            self._give_back(connection)
        except asyncio.CancelledError:
            if not over.alone:
                raise
            raise late(post) from None
        finally:
            self._deadlines.drop(over)
            over.end()

    async def aclose(self) -> None:
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in tuple(self._all):
            connection.abort()
        await asyncio.sleep(0)  # they close in the next turn of the loop

    async def _asked(self, post: Post, *, streamed: bool) -> Connection:
        """The connection by which the answer came; of a stream, its head."""
        head = self._head(post.url, tuple(post.headers.items()), post.method)
        data = head.with_body(post.body)
        now = self._deadlines.loop.time()
        deadline = now + post.timeout.total_seconds()
        if (kept := self._kept(head.place, now)) is not None:
            try:
                await kept.ask(data, post, streamed=streamed, deadline=deadline)
            except ModelUnavailable:
                # It had been closed when we sent: the answer was lost with nothing of it heard, and at once.
                if not kept.stale:
                    raise
            else:
                return kept
        fresh = await self._new(head.place, post, deadline)
        await fresh.ask(data, post, streamed=streamed, deadline=deadline)
        return fresh

    def _kept(self, place: Place, now: float) -> Connection | None:
        """The one that was used last: the others may be closed sooner."""
        idle = self._idle.get(place)
        while idle:
            connection = idle.pop()
            if connection.idle_since >= now - _KEEP and not connection.closed:
                return connection
            connection.abort()
        return None

    def _give_back(self, connection: Connection) -> None:
        if self._closed:
            connection.abort()
        elif not connection.whole:
            connection.linger(lambda: self._give_back(connection))
        elif connection.renew():
            if (idle := self._idle.get(connection.place)) is None:
                idle = self._idle[connection.place] = deque()
            idle.append(connection)
            if self._sweep is None:
                self._sweep = asyncio.get_running_loop().call_later(_KEEP, self._close_idle)

    def _close_idle(self) -> None:
        loop = asyncio.get_running_loop()
        for place, idle in tuple(self._idle.items()):
            while idle and (idle[0].closed or idle[0].idle_since <= loop.time() - _KEEP):
                idle.popleft().abort()
            if not idle:
                del self._idle[place]
        self._sweep = loop.call_later(_KEEP, self._close_idle) if self._idle else None

    async def _new(self, place: Place, post: Post, deadline: float) -> Connection:
        if self._closed:
            raise ModelUnavailable("The model layer is being closed.") from NeverSent("closed")
        latest = asyncio.get_running_loop().time() + _CONNECT
        bound = asyncio.timeout_at(min(latest, deadline))
        try:
            async with bound:
                return await self._connect(place)
        except UnicodeError as error:
            raise ModelRefused("The provider's address is not a URL.", hint="Look at base_url.") from _unsent(error)
        except OSError as error:  # also of TLS, of the resolver, and the bound's own
            if bound.expired() and deadline < latest:
                raise late(post) from error
            if bound.expired():
                raise ModelUnavailable(f"The provider took no connection within {_CONNECT:g} s.") from _unsent(error)
            said = f"No connection to the provider: {error}."
            raise ModelUnavailable(said, hint="Is it running and reachable?") from _unsent(error)

    async def _connect(self, place: Place) -> Connection:
        secure, host, port = place
        trust = await self._trusted() if secure else None
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Connection(place, self._all.discard, self._deadlines), ssl=trust,
            server_hostname=host if secure else None, sock=await dial(host, port),
        )  # fmt: skip
        self._all.add(connection)
        return connection

    async def _trusted(self) -> ssl.SSLContext:
        async with self._trusting:
            if self._trust is None:  # reads some hundred certificates
                self._trust = await asyncio.to_thread(ssl.create_default_context)
            return self._trust


async def _pieces(connection: Connection) -> AsyncIterator[bytes]:
    while piece := await connection.take():
        yield piece


def _unsent(error: Exception) -> NeverSent:
    return NeverSent(str(error) or type(error).__name__)
