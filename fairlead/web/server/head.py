"""What stands before a body: where a request goes, and the first lines of an answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from http import HTTPStatus
from urllib.parse import unquote

import httptools

_TOKEN = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"  # RFC 9110, 5.1; ASGI has them in small letters
_TEXT = bytes(code for code in range(256) if (code >= 0x20 and code != 0x7F) or code == 0x09)  # RFC 9110, 5.5
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


def lines_of(status: int, headers: Iterable[tuple[bytes, bytes]], names: Iterable[bytes]) -> bytes:
    """The first line and those of the headers, of which `names` are the names. Raises `RuntimeError` where one of them
    would end its line or begin another."""
    if b"".join(names).translate(None, _TOKEN):
        raise RuntimeError("The name of a header is none.")
    lines = [*map(b": ".join, headers)]
    block = b"\r\n".join(lines)
    if block.translate(None, _TEXT) != b"\r\n" * (len(lines) - 1):
        raise RuntimeError("The value of a header is none.")
    first = _STATUS.get(status) or b"HTTP/1.1 %d \r\n" % status
    return b"%b%b\r\n" % (first, block) if lines else first


def says_close(names: Mapping[bytes, bytes]) -> bool:
    told = names.get(b"connection")
    return told is not None and b"close" in [word.strip() for word in told.lower().split(b",")]
