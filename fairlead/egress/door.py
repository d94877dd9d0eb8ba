"""The client as parts hold it. Its libraries are loaded with the first call: they are 4 MB and 40 ms of each start, and
many a process calls nobody but model providers, whose client is another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING

from fairlead.egress.answer import Answer
from fairlead.egress.names import Resolve
from fairlead.egress.rules import Rules

if TYPE_CHECKING:
    from httpcore2 import AsyncNetworkBackend
    from httpx2 import AsyncBaseTransport, AsyncClient, Auth, Timeout

    from fairlead.egress.client import Client

_CLIENT = "fairlead.egress.client"


class Egress:
    """Calls to addresses that others name."""

    def __init__(
        self, *, rules: Rules, names: Resolve | None = None, backend: AsyncNetworkBackend | None = None
    ) -> None:
        self._rules = rules
        self._names = names
        self._backend = backend

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        timeout: timedelta = timedelta(seconds=15),
        max_bytes: int = 1024 * 1024,
        cut: bool = False,
        redirects: int = 0,
    ) -> Answer:
        """The whole answer, whatever its status, within `timeout` from the look-up of the name to the last byte.

        A longer answer than `max_bytes` is an error, or is `cut`. A redirect is an answer like others, unless
        `redirects` says how many to follow (GET and HEAD only; each passes the same check; to another host without
        `headers`). Raises EgressRefused, EgressTimeout, EgressUnreachable, EgressBroken.
        """
        if "_client" not in self.__dict__:
            await asyncio.to_thread(import_module, _CLIENT)  # others are answered meanwhile
        return await self._client.request(
            method, url, headers=headers or {}, content=content, timeout=timeout, max_bytes=max_bytes, cut=cut,
            redirects=redirects,
        )  # fmt: skip

    def transport(self, *, max_bytes: int | None = None) -> AsyncBaseTransport:
        """For a client of httpx2. `max_bytes` of one answer, or of one event of a stream; None: any number. Every
        `Egress*` error of `request` comes out of it, beside httpx2's own."""
        return self._client.transport(max_bytes=max_bytes)

    def client(
        self,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: Timeout | None = None,
        max_bytes: int | None = None,
        auth: Auth | None = None,
    ) -> AsyncClient:
        """A client that calls through the same check, for a library that takes one. Redirects are not followed."""
        return self._client.client(headers=headers or {}, timeout=timeout, max_bytes=max_bytes, auth=auth)

    async def close(self) -> None:
        if "_client" in self.__dict__:
            await self._client.close()

    @cached_property
    def _client(self) -> Client:
        return import_module(_CLIENT).Client(rules=self._rules, names=self._names, backend=self._backend)


def check_url(url: str) -> str:
    """As it is called. Raises EgressRefused for what is no address that we would ever call, whatever it resolves to."""
    return str(import_module(_CLIENT).check_url(url))
