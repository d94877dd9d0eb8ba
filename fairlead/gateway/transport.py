"""The door to HTTP: post, and get the whole answer or its pieces. What lies behind it is one file.

Whoever stands behind it keeps these: nothing outlives the timeout, however slowly bytes come, nor the silence it may
keep; no answer grows beyond the limit; a cancelled call closes its connection at once; a redirect is an answer, not
followed (a key must not go where a provider points); nothing is decompressed (we ask for none, and a bomb can't go off
unopened).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from fairlead.gateway.value import value

MOST_BYTES = 16 * 1024 * 1024


@value
class Post:
    """What to send. `limit` bounds the bytes of the answer, `silence` the time between two of them. A GET has no
    body."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    timeout: timedelta
    limit: int = MOST_BYTES
    silence: timedelta | None = None
    method: str = "POST"


@value
class Answer:
    """Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer whose body is still coming. `rest` reads what remains."""

    status: int
    headers: Mapping[str, str]
    pieces: AsyncIterator[bytes]

    async def rest(self) -> bytes:
        return b"".join([piece async for piece in self.pieces])


class NeverSent(Exception):
    """Marks, as the cause of a ModelUnavailable, that the provider can't have seen the request: nothing to charge."""


class Transport(Protocol):
    """Raises ModelTimeout, ModelUnavailable (no connection, or lost before an answer), BrokenAnswer (lost within it,
    or too large)."""

    async def post_json(self, post: Post) -> Answer: ...

    def post_stream(self, post: Post) -> AbstractAsyncContextManager[Stream]: ...

    async def aclose(self) -> None: ...
