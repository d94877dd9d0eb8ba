"""One connection to a collector, kept open: with Python's own client, which for a message now and then takes a third of
the CPU of a larger one. Where a proxy or a password in the address asks for more, with httpx2.
"""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from select import POLLIN, poll
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx2

FAILURES = (httpx2.HTTPError, HTTPException, OSError)
"""What `post` may raise because of the collector."""
_TIMEOUT_S = 10.0


class Answer(NamedTuple):
    status: int
    retry_after: str
    content: bytes


class Collector(Protocol):
    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer: ...

    def close(self) -> None:
        """Also from another thread than one that posts."""
        ...


def collector_at(address: str) -> Collector:
    if urlsplit(address).username is not None or {"http", "https", "all"}.intersection(getproxies()):
        return _Roundabout(address)
    return _Direct(address)


class _Direct:
    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        host = parts.hostname or ""
        self._path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        self._connection = (
            HTTPSConnection(host, parts.port, timeout=_TIMEOUT_S, context=httpx2.create_ssl_context())
            if parts.scheme == "https"
            else HTTPConnection(host, parts.port, timeout=_TIMEOUT_S)
        )

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        if self._was_left():
            self._connection.close()  # and opened again by who asks next
        try:
            self._connection.request("POST", self._path, body, {"user-agent": "fairlead", **headers})
            answer = self._connection.getresponse()
            return Answer(answer.status, answer.headers.get("retry-after", ""), answer.read())
        except BaseException:
            self._connection.close()  # half an exchange: nothing that comes on it belongs to the next
            raise

    def _was_left(self) -> bool:
        """By a collector that waited too long for us: there is nothing to read between two exchanges but an end."""
        if self._connection.sock is None:
            return False
        waiting = poll()
        waiting.register(self._connection.sock, POLLIN)
        return bool(waiting.poll(0))

    def close(self) -> None:
        self._connection.close()


class _Roundabout:
    def __init__(self, address: str) -> None:
        self._address = address
        self._client = httpx2.Client(timeout=_TIMEOUT_S)

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        answer = self._client.post(self._address, content=body, headers=dict(headers))
        return Answer(answer.status_code, answer.headers.get("retry-after", ""), answer.content)

    def close(self) -> None:
        self._client.close()
