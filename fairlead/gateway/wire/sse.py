"""Server-sent events, as far as model providers use them: bytes in any pieces to the data of each event."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import Any, cast

import orjson

DONE = b"[DONE]"


async def batches(pieces: AsyncIterable[bytes]) -> AsyncIterator[list[bytes]]:
    """The data of the events that each piece of bytes completes, however the bytes were cut; never an empty list.

    An event that was not ended by an empty line is dropped, as the standard says: whoever needs to know that the end
    came must look for it."""
    rest: list[bytes] = []  # the beginning of a line, not joined before its end: hostile lines come byte by byte
    data: list[bytes] = []
    async for piece in pieces:
        if b"\n" not in piece:
            rest.append(piece)
            continue
        lines = b"".join([*rest, piece]).split(b"\n")
        rest = [lines.pop()]
        batch: list[bytes] = []
        for line in lines:
            line = line.removesuffix(b"\r")
            if line.startswith(b"data:"):
                data.append(line[5:].removeprefix(b" "))
            elif data and not line.strip():
                batch.append(data[0] if len(data) == 1 else b"\n".join(data))
                data.clear()
        if batch:
            yield batch


async def events(pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The same, one by one."""
    async for batch in batches(pieces):
        for data in batch:
            yield data


def event(data: bytes) -> bytes:
    return b"data: %s\n\n" % _lines(data)


def named(data: bytes) -> bytes:
    """An event that bears the name of its `type`, for the formats that name their events; its data untouched."""
    return b"event: %s\ndata: %s\n\n" % (_type(data), _lines(data))


def _lines(data: bytes) -> bytes:
    return data.replace(b"\n", b"\ndata: ") if b"\n" in data else data


_FIRST = b'{"type":"'


def _type(data: bytes) -> bytes:
    end = data.find(b'"', len(_FIRST))
    if data.startswith(_FIRST) and end > 0:
        return data[len(_FIRST) : end]
    try:
        value: Any = orjson.loads(data)
    except orjson.JSONDecodeError:
        return b"message"
    kind = cast("dict[str, Any]", value).get("type") if isinstance(value, dict) else None
    return kind.encode() if isinstance(kind, str) and kind.isprintable() else b"message"
