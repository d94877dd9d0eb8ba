"""JSON for reading: pieces with a kind, so that the template colours them; large values are cut and say so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import orjson

LARGEST = 16_000  # bytes shown
_BASE64 = re.compile(r"[A-Za-z0-9+/\s_-]{1024,}={0,2}\Z")
_LONG_STRING = 4000
_MANY = 40
_DEEP = 5
_FEW = 3


@dataclass(frozen=True, slots=True)
class Piece:
    kind: str  # key string number word mark more text
    text: str


@dataclass(frozen=True, slots=True)
class JsonView:
    pieces: tuple[Piece, ...]
    size: int
    cut: bool


def view(value: Any) -> JsonView:
    """The pieces of a value, at most `LARGEST` bytes of them. A text of several lines is shown as the text it is."""
    size = len(orjson.dumps(value, default=str))
    pieces: list[Piece] = []
    shown = 0
    for piece in _prose(value) if isinstance(value, str) and "\n" in value else _pieces(value, 0):
        shown += len(piece.text)
        if shown > LARGEST:
            pieces.append(Piece("more", "\n…"))
            return JsonView(tuple(pieces), size, True)
        pieces.append(piece)
    return JsonView(tuple(pieces), size, any(piece.kind == "more" for piece in pieces))


def _pieces(value: Any, depth: int) -> Iterator[Piece]:
    match value:
        case dict():
            yield from _object(cast("dict[str, Any]", value), depth)
        case list() | tuple():
            yield from _list(list(cast("list[Any]", value)), depth)
        case str():
            yield _string(value)
        case bool() | None:
            yield Piece("word", orjson.dumps(value).decode())
        case int() | float():
            yield Piece("number", orjson.dumps(value, default=str).decode())
        case _:
            yield _string(str(value))


def _prose(value: str) -> Iterator[Piece]:
    piece = _string(value)
    yield piece if piece.kind == "more" else Piece("text", value)


def _string(value: str) -> Piece:
    if (value.startswith("data:") and ";base64," in value[:100]) or (len(value) > 1024 and _BASE64.match(value)):
        return Piece("more", f"«base64, {len(value):,} characters»")
    if len(value) > _LONG_STRING:
        return Piece("more", f"{_quote(value[:_LONG_STRING])} … {len(value) - _LONG_STRING:,} more characters")
    return Piece("string", _quote(value))


def _quote(value: str) -> str:
    try:
        return orjson.dumps(value).decode()
    except (TypeError, ValueError):  # a lone surrogate
        return orjson.dumps(value.encode("utf-8", "replace").decode()).decode()


def _object(value: dict[str, Any], depth: int) -> Iterator[Piece]:
    if not value:
        yield Piece("mark", "{}")
        return
    if depth >= _DEEP:
        yield Piece("more", f"{{ {len(value)} fields }}")
        return
    yield Piece("mark", "{\n")
    for number, (name, below) in enumerate(value.items()):
        yield Piece("mark", "  " * (depth + 1))
        yield Piece("key", _quote(str(name)))
        yield Piece("mark", ": ")
        yield from _pieces(below, depth + 1)
        yield Piece("mark", ",\n" if number < len(value) - 1 else "\n")
    yield Piece("mark", "  " * depth + "}")


def _list(value: list[Any], depth: int) -> Iterator[Piece]:
    if not value:
        yield Piece("mark", "[]")
        return
    if depth >= _DEEP or (depth and len(value) > _FEW and any(isinstance(one, (dict, list)) for one in value)):
        yield Piece("more", f"[ {len(value)} items ]")
        return
    yield Piece("mark", "[\n")
    for number, below in enumerate(value[:_MANY]):
        yield Piece("mark", "  " * (depth + 1))
        yield from _pieces(below, depth + 1)
        yield Piece("mark", ",\n" if number < len(value) - 1 else "\n")
    if len(value) > _MANY:
        yield Piece("more", "  " * (depth + 1) + f"… {len(value) - _MANY:,} more items\n")
    yield Piece("mark", "  " * depth + "]")
