"""One connection to a collector, or to Sentry, kept open: for a message now and then it takes a third of the CPU of a
larger client. What asks is written by us, what answers is read by Python's own client. Where a proxy or a password in
the address asks for more, with httpx2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from select import POLLIN, poll
from ssl import SSLContext
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx2

FAILURES = (httpx2.HTTPError, HTTPException, OSError)
"""What `post` may raise because of the collector."""
_TIMEOUT_S = 10.0
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class Headers(Protocol):
    def get(self, name: str, default: str, /) -> str: ...


class Answer(NamedTuple):
    status: int
    headers: Headers
    """By their names, however they are written."""
    content: bytes


class Collector(Protocol):
    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer: ...

    def close(self) -> None:
        """Also from another thread than one that posts."""
        ...


def collector_at(address: str) -> Collector:
    if urlsplit(address).username is not None or {"http", "https", "all"}.intersection(getproxies()):
        return _Roundabout(address)
    return Direct(address)


class Direct:
    def __init__(self, address: str, context: SSLContext | None = None) -> None:
        parts = urlsplit(address)
        host = parts.hostname or ""
        self._path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        self._host = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode()
        self._headers: Mapping[str, str] = {}
        self._head = b""
        self._connection = (
            HTTPSConnection(host, parts.port, timeout=_TIMEOUT_S, context=context or httpx2.create_ssl_context())
            if parts.scheme == "https"
            else HTTPConnection(host, parts.port, timeout=_TIMEOUT_S)
        )

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        if self._was_left():
            self._connection.close()  # and opened again by who asks next
        try:
            self._connection.send(b"%b%d\r\n\r\n%b" % (self._head_with(headers), len(body), body))
            answer = HTTPResponse(self._connection.sock, method="POST")
            answer.begin()
            said = Answer(answer.status, answer.headers, answer.read())
        except BaseException:
            self._connection.close()  # half an exchange: nothing that comes on it belongs to the next
            raise
        if answer.will_close:
            self._connection.close()
        return said

    def _head_with(self, headers: Mapping[str, str]) -> bytes:
        """But for how long the body is. From one message to the next it is the same."""
        if not self._head or headers != self._headers:
            given = {name.lower(): value for name, value in headers.items()}
            own = {"host": self._host, "user-agent": "fairlead", "accept-encoding": "identity"}
            self._head = _head(self._path, own | given)
            self._headers = dict(headers)
        return self._head

    def _was_left(self) -> bool:
        """By a collector that waited too long for us: there is nothing to read between two exchanges but an end."""
        if self._connection.sock is None:
            return False
        waiting = poll()
        waiting.register(self._connection.sock, POLLIN)
        return bool(waiting.poll(0))

    def close(self) -> None:
        self._connection.close()


def _head(path: str, headers: Mapping[str, str]) -> bytes:
    """ValueError: what can't be a header."""
    for name, value in headers.items():
        if _NAME.fullmatch(name) is None or _VALUE.fullmatch(value) is None:
            raise ValueError(f"{name} has what a header can't have")
    lines = (f"POST {path or '/'} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()))
    return "\r\n".join((*lines, "content-length: ")).encode("latin-1")


class _Roundabout:
    def __init__(self, address: str) -> None:
        self._address = address
        self._client = httpx2.Client(timeout=_TIMEOUT_S)

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        answer = self._client.post(self._address, content=body, headers=dict(headers))
        return Answer(answer.status_code, answer.headers, answer.content)

    def close(self) -> None:
        self._client.close()
