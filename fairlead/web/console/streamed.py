"""A page that is sent in pieces, as they come."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from typing import Any

from starlette.responses import Response

from fairlead.clock import Clock

_LEVEL = 5  # a long page in about a millisecond
_TURN = 0.005  # seconds


def packed(page: bytes) -> bytes:
    return gzip.compress(page, _LEVEL, mtime=0)


async def in_turns(pieces: Iterable[str], clock: Clock) -> AsyncGenerator[str, None]:
    """What is written of a page within a few milliseconds, again and again: others have their turns between, such as
    who asks for the style of the page's beginning."""
    part, until = list[str](), clock.monotonic() + _TURN
    for piece in pieces:
        part.append(piece)
        if clock.monotonic() >= until:
            yield "".join(part)
            await asyncio.sleep(0)
            part, until = [], clock.monotonic() + _TURN
    yield "".join(part)


class Streamed(Response):
    """Each piece can be read once it is sent, packed or not."""

    def __init__(self, pieces: AsyncIterator[str], headers: Mapping[str, str], *, pack: bool) -> None:
        given = {**headers, **({"Content-Encoding": "gzip"} if pack else {})}
        super().__init__(headers=given, media_type="text/html; charset=utf-8")
        self._pieces = pieces
        self._pack = pack
        self.raw_headers = [pair for pair in self.raw_headers if pair[0] != b"content-length"]
        self.raw_headers.append((b"x-accel-buffering", b"no"))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        packer = zlib.compressobj(_LEVEL, wbits=16 + zlib.MAX_WBITS) if self._pack else None
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for piece in self._pieces:
            body = piece.encode()
            if packer is not None:
                body = packer.compress(body) + packer.flush(zlib.Z_SYNC_FLUSH)
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": packer.flush() if packer else b"", "more_body": False})
