"""The client: one call with a limit on everything, or a client of httpx2 for a library that wants one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property

import httpx2
from httpcore2 import AsyncConnectionPool, AsyncNetworkBackend

from fairlead.egress.answer import Answer
from fairlead.egress.dial import Dial
from fairlead.egress.names import Resolve, resolve
from fairlead.egress.rules import Rules
from fairlead.egress.transport import EgressTransport, PlainTransport
from fairlead.errors import EgressBroken, EgressError, EgressRefused, EgressTimeout, EgressUnreachable

_CONNECTIONS = 200
_IDLE = 20
_IDLE_SECONDS = 30.0
_REDIRECTS = (301, 302, 303, 307, 308)
_LONGEST_URL = 8192
_LAST_PORT = 65535


class Client:
    """What an `Egress` does, with its libraries. Nothing is taken from the environment, no cookie is kept."""

    def __init__(self, *, rules: Rules, names: Resolve | None, backend: AsyncNetworkBackend | None) -> None:
        self._rules = rules
        self._resolve = names or resolve()
        self._backend = backend

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], content: bytes, timeout: timedelta,
        max_bytes: int, cut: bool, redirects: int,
    ) -> Answer:  # fmt: skip
        request = _request(method, url, headers, content, timeout)
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                return await self._follow(request, max_bytes, cut, redirects if method in ("GET", "HEAD") else 0)
        except (TimeoutError, httpx2.HTTPError) as error:
            raise _ours(error, request.url, timeout) from error

    def transport(self, *, max_bytes: int | None) -> httpx2.AsyncBaseTransport:
        return PlainTransport(self._pool, max_bytes=max_bytes, events=True)

    def client(
        self, *, headers: Mapping[str, str], timeout: httpx2.Timeout | None, max_bytes: int | None,
        auth: httpx2.Auth | None,
    ) -> httpx2.AsyncClient:  # fmt: skip
        return httpx2.AsyncClient(
            transport=self.transport(max_bytes=max_bytes),
            headers=dict(headers),
            timeout=timeout or httpx2.Timeout(30.0),
            auth=auth,
            trust_env=False,
            follow_redirects=False,
        )

    async def close(self) -> None:
        if "_pool" in self.__dict__:
            await self._pool.aclose()

    @cached_property
    def _pool(self) -> AsyncConnectionPool:
        # When first called: reading the certificates of the system takes longer than starting without them.
        return AsyncConnectionPool(
            ssl_context=httpx2.create_ssl_context(trust_env=False),
            max_connections=_CONNECTIONS,
            max_keepalive_connections=_IDLE,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=self._dial(),
        )

    def _dial(self) -> Dial:
        return Dial(rules=self._rules, resolve=self._resolve, backend=self._backend)

    async def _follow(self, request: httpx2.Request, max_bytes: int, cut: bool, redirects: int) -> Answer:
        while True:
            answer = await self._once(request, max_bytes, cut)
            if redirects == 0 or answer.status not in _REDIRECTS or "location" not in answer.headers:
                return answer
            request = _next(request, answer.headers["location"])
            redirects -= 1

    async def _once(self, request: httpx2.Request, max_bytes: int, cut: bool) -> Answer:
        sends = EgressTransport if cut else PlainTransport
        response = await sends(self._pool, max_bytes=max_bytes, cut=cut).handle_async_request(request)
        try:
            body = b"".join([piece async for piece in response.aiter_raw()])
        finally:
            await response.aclose()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, body, str(request.url))


def check_url(url: str) -> httpx2.URL:
    """Raises EgressRefused for what is no address that we would ever call, whatever it resolves to."""
    try:
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, TypeError, ValueError, UnicodeError):
        raise EgressRefused("This is no URL.", hint='Write one such as "https://example.com/hook".') from None
    if parsed.scheme not in ("http", "https") or not parsed.host or len(url) > _LONGEST_URL:
        raise EgressRefused("Only http and https URLs with a host are called.")
    if parsed.port == 0 or (parsed.port or 0) > _LAST_PORT:
        raise EgressRefused(f"There is no port {parsed.port}.")
    if parsed.userinfo:
        raise EgressRefused("A URL with a user or password in it is not called.")
    return parsed


def _request(method: str, url: str, headers: Mapping[str, str], content: bytes, timeout: timedelta) -> httpx2.Request:
    parsed = check_url(url)
    # Each wait is within the whole; the whole is watched by the caller.
    seconds = timeout.total_seconds()
    waits = {"connect": seconds, "read": seconds, "write": seconds, "pool": seconds}
    ours = {"user-agent": "fairlead", "accept": "*/*", **headers}
    return httpx2.Request(method, parsed, headers=ours, content=content or None, extensions={"timeout": waits})


def _next(request: httpx2.Request, location: str) -> httpx2.Request:
    try:
        target = check_url(str(request.url.join(location)))
    except httpx2.InvalidURL:
        raise EgressBroken("The answer is a redirect to what is no URL.") from None
    if request.url.scheme == "https" and target.scheme == "http":
        raise EgressRefused("A redirect from https to http is not followed.")
    same = (request.url.scheme, request.url.host, request.url.port) == (target.scheme, target.host, target.port)
    headers = dict(request.headers) if same else {"user-agent": "fairlead", "accept": "*/*"}
    headers.pop("host", None)
    return httpx2.Request(request.method, target, headers=headers, extensions=request.extensions)


def _ours(error: Exception, url: httpx2.URL, timeout: timedelta) -> EgressError:
    """What a library says, in our words. The address is named without its path and query: they may hold a secret."""
    place = f"{url.scheme}://{url.netloc.decode()}"
    if isinstance(error, TimeoutError | httpx2.TimeoutException):
        return EgressTimeout(f"{place} did not answer within {timeout.total_seconds():g} s.")
    if isinstance(error, httpx2.ConnectError):
        return EgressUnreachable(f"{place} can't be reached: {error}.")
    return EgressBroken(f"{place} broke off its answer, or it was no HTTP: {error}.")
