"""A key that an object of some JSON has twice. Parsers keep the last: who reads the first, such as a proxy that checks
what passes, or a person, sees another request than we do (RFC 8259, section 4).

    parsed ──► written again ──► the same bytes, or as many colons: each key is there once
                                 else ──► the standard library's parser, which shows every pair
"""

from __future__ import annotations

import json
from typing import Any

import orjson

from fairlead.errors import InvalidInput, NotJson

_MOST_SAID = 100
_BACKSLASH = ord("\\")


class _Repeated(Exception):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def repeated_key(data: bytes, value: Any) -> str | None:
    """The first that is found, or None. `value`: what orjson made of `data`. Raises `NotJson` for what is nested so
    deep that nothing could write it again."""
    return _look_for_it(data) if _may_repeat(data, value) else None


def ensure_keys_once(data: bytes, value: Any) -> None:
    """Raises `InvalidInput`, saying which key is there twice, and as `repeated_key`."""
    if _may_repeat(data, value) and (key := _look_for_it(data)) is not None:
        raise InvalidInput(
            f"The body has the key `{key[:_MOST_SAID]}` twice in one object.", hint="Send each key once."
        )


def _may_repeat(data: bytes, value: Any) -> bool:
    """False: surely not. To parse a second time costs several times the first, this a fraction of it."""
    try:
        again = orjson.dumps(value)
    except orjson.JSONEncodeError:
        return True
    if again == data:
        return False
    # A colon is behind a key or in a string, where only `\u003a` is another way to write it; orjson writes `:`. What
    # was dropped for a later one had a colon at least. Escaped backslashes make this too many: never too few.
    colons = _colons(data)
    if _BACKSLASH in data and b"\\u003" in data:
        colons += data.count(b"\\u003a") + data.count(b"\\u003A")
    return colons != _colons(again)


def _colons(data: bytes) -> int:
    """A prompt has few of them. `bytes.count` looks at each byte, `replace` leaps from one colon to the next: in a
    prompt it is ten times as fast."""
    return len(data) - len(data.replace(b":", b""))


def _look_for_it(data: bytes) -> str | None:
    try:
        json.loads(data.decode(), object_pairs_hook=_ensure_once, parse_int=str, parse_float=str)
    except _Repeated as found:
        return found.key
    except RecursionError as error:
        raise NotJson("The body is nested too deep.", hint="Flatten it.") from error
    return None


def _ensure_once(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _Repeated(next(key for place, key in enumerate(keys) if key in keys[:place]))
