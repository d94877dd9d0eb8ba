"""The first bytes of a request: where it goes, and its head up to the length of its body."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from fairlead.errors import ModelRefused
from fairlead.gateway.transport import NeverSent

_URL = re.compile(r"https?://[!-~]+", re.IGNORECASE)  # urlsplit drops a line feed without a word
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t -~\x80-\xff]*")
_OURS = {"accept-encoding": "identity", "content-type": "application/json", "user-agent": "fairlead"}
_FRAMING = frozenset({"host", "content-length", "transfer-encoding", "connection", "expect", "upgrade", "te"})

Place = tuple[bool, str, int]
"""Whether by TLS, the host, and its port."""


@dataclass(frozen=True, slots=True)
class Head:
    place: Place
    start: bytes

    def with_body(self, body: bytes) -> bytes:
        return b"%b%d\r\n\r\n%b" % (self.start, len(body), body)


def head_of(url: str, headers: tuple[tuple[str, str], ...], method: str = "POST") -> Head:
    """Raises ModelRefused, with NeverSent as its cause, for what is no address or no header: a line feed in one of
    them would be the beginning of another header, or of another request."""
    place, host, path = _address(url)
    lines = [f"{method} {path} HTTP/1.1", f"host: {host}"]
    for name, value in {**_OURS, **{name.lower(): value for name, value in headers}}.items():
        if name in _FRAMING or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ModelRefused(f"{name[:50]!r} can't be sent as a header.") from NeverSent("no header")
        lines.append(f"{name}: {value}")
    return Head(place, "\r\n".join([*lines, "content-length: "]).encode("latin-1"))


def _address(url: str) -> tuple[Place, str, str]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if not _URL.fullmatch(url) or not host or parts.username is not None or port == 0:
        hint = "Look at base_url of the provider: http://HOST or https://HOST, and no name or password in it."
        raise ModelRefused("The provider's address is not a URL.", hint=hint) from NeverSent("no address")
    secure = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return (secure, host, port or (443 if secure else 80)), parts.netloc, path
