"""What stands before a body: where a request goes, and the first lines of an answer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus
from urllib.parse import unquote

import httptools

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")  # RFC 9110, 5.1; ASGI has them in small letters
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


@lru_cache(maxsize=256)
def form_of(names: tuple[bytes, ...]) -> bytes:
    """The lines of headers with a place for each value: an application has few sets of names.

    Raises `RuntimeError` where one is no name."""
    if not all(map(_NAME.fullmatch, names)):
        raise RuntimeError("The name of a header is none.")
    return b"".join([b"%b: %%b\r\n" % name.replace(b"%", b"%%") for name in names])


def lines_of(status: int, names: tuple[bytes, ...], values: tuple[bytes, ...]) -> bytes:
    """The first line and those of the headers. Raises `RuntimeError` where one of them would end before it should."""
    text = b"".join(values)
    if b"\n" in text or b"\r" in text or b"\0" in text:
        raise RuntimeError("The value of a header is none.")
    return (_STATUS.get(status) or b"HTTP/1.1 %d \r\n" % status) + form_of(names) % values


def says_close(told: bytes) -> bool:
    return b"close" in [word.strip() for word in told.lower().split(b",")]
