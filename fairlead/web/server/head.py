"""What stands before a body: where a request goes, and the first lines of an answer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import unquote

import httptools

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")  # RFC 9110, 5.1; ASGI has them in small letters
_LF, _CR, _NUL = b"\n\r\0"  # numbers: for `bytes in bytes` Python first raises, and drops, that bytes are no number
_REMEMBERED = 200  # bytes of an address that is asked for again and again
_STATUS = {status.value: b"HTTP/1.1 %d %b\r\n" % (status.value, status.phrase.encode()) for status in HTTPStatus}

Target = tuple[str, bytes, bytes]
"""Path, the same as it came, and query."""


def target_of(url: bytes) -> Target:
    """Raises what tells the parser that this is no request."""
    return _known(url) if len(url) <= _REMEMBERED else _parsed(url)


def _parsed(url: bytes) -> Target:
    parts = httptools.parse_url(url)
    path = parts.path.decode("ascii")
    return unquote(path) if "%" in path else path, parts.path, parts.query or b""


_known = lru_cache(maxsize=256)(_parsed)


def head_without_upgrade(method: bytes, url: bytes, version: str, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The same request without its wish for another protocol, which we don't heed (RFC 9110, 7.8): after such a head
    the parser reads no body."""
    lines = [b"%b: %b\r\n" % (name, value) for name, value in headers if name != b"upgrade"]
    return b"%b %b HTTP/%b\r\n%b\r\n" % (method, url, version.encode(), b"".join(lines))


class Form(NamedTuple):
    """Of headers with such names: their lines, with a place for each value, and which of the values say how the answer
    ends. None: there is none."""

    lines: bytes
    length: int | None
    coding: int | None
    connection: int | None

    def head(self, status: int, values: tuple[bytes, ...]) -> bytes:
        """The first line and those of the headers. Raises `RuntimeError` where one would end before it should."""
        text = b"".join(values)
        if _LF in text or _CR in text or _NUL in text:
            raise RuntimeError("The value of a header is none.")
        return (_STATUS.get(status) or b"HTTP/1.1 %d \r\n" % status) + self.lines % values


@lru_cache(maxsize=256)
def form_of(names: tuple[bytes, ...]) -> Form:
    """An application has few sets of names. Raises `RuntimeError` where one is no name."""
    if not all(map(_NAME.fullmatch, names)):
        raise RuntimeError("The name of a header is none.")
    lines = b"".join([b"%b: %%b\r\n" % name.replace(b"%", b"%%") for name in names])
    places = {name: place for place, name in enumerate(names)}  # of one that is there twice, the last
    return Form(lines, *map(places.get, (b"content-length", b"transfer-encoding", b"connection")))


def says_close(told: bytes) -> bool:
    return b"close" in [word.strip() for word in told.lower().split(b",")]
