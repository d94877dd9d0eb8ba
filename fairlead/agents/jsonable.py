"""JSON in and out, and a clear word where a value cannot be carried.

orjson is fast but writes NaN and infinity as `null`; those are refused here, by path.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, cast

import orjson
from pydantic import BaseModel

from fairlead.errors import NotJson

_DEEPEST = 250  # orjson's own limit is 254
_HINTS: dict[str, str] = {
    "bytes": "Keep bytes with `ctx.blob(name, data)` and return what it gives you.",
    "set": "Return a sorted list.",
    "frozenset": "Return a sorted list.",
    "Decimal": "Return a string or an integer of the smallest unit.",
    "PosixPath": "Return `str(path)`.",
    "coroutine": "Did you forget an `await`?",
}


def encode(value: Any) -> bytes:
    """The value as JSON. Dataclasses and pydantic models are written as objects, dates as ISO 8601.

    Raises NotJson naming the path of the first thing that JSON cannot carry.
    """
    try:
        data = orjson.dumps(value, default=_as_json)
    except (TypeError, ValueError, RecursionError) as error:
        problem = find_problem(value)
        if problem is None:
            problem = f"The value cannot be written as JSON: {error}."
        raise NotJson(problem, hint=_hint(value, problem)) from error
    # NaN became `null`. Reading it back and comparing is ten times faster than looking at every value; what
    # differs for another reason (a tuple, a dataclass) is looked at. In a prompt `in` takes twice as long as `rfind`,
    # and six times as long as it took to write all of it.
    if data.rfind(b"null") >= 0 and orjson.loads(data) != value and (problem := find_problem(value)) is not None:
        raise NotJson(problem)
    return data


def encode_known(value: Any) -> bytes:
    """The same for what has no NaN in it: it was read from JSON, or encoded before. Nobody looks for one."""
    try:
        return orjson.dumps(value, default=_as_json)
    except (TypeError, ValueError, RecursionError):
        return encode(value)  # says what it is


def decode(data: bytes | str) -> Any:
    """The value that JSON text carries. Raises NotJson (NaN, 1e400 and lone surrogates are no JSON)."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise NotJson(f"This is not JSON: {error}.") from error


def plain(value: Any) -> Any:
    """The value as it will be read back: only dicts, lists, strings, numbers, booleans and None."""
    if value is None or isinstance(value, bool):
        return value
    return orjson.loads(encode(value))


def find_problem(value: Any, path: str = "$", depth: int = 0) -> str | None:
    """A sentence about the first thing in the value that JSON cannot carry, or None."""
    if value is None or isinstance(value, bool):
        return None
    if depth > _DEEPEST:
        return f"{path[:80]}… is nested deeper than {_DEEPEST} levels, or contains itself."
    match value:
        case str():
            return _text_problem(value, path)
        case int():
            return None if -(2**63) <= value < 2**64 else f"{path} is an integer beyond 64 bits."
        case float():
            return None if math.isfinite(value) else f"{path} is {value}, which JSON does not know."
        case _:
            return _inside(value, path, depth)


def _inside(value: Any, path: str, depth: int) -> str | None:
    if isinstance(value, dict):
        return _in_mapping(cast("dict[Any, Any]", value), path, depth)
    if isinstance(value, (list, tuple)):
        items = cast("list[Any]", value)
        return next((p for i, item in enumerate(items) if (p := find_problem(item, f"{path}[{i}]", depth + 1))), None)
    if is_dataclass(value) and not isinstance(value, type):
        return _in_mapping({f.name: getattr(value, f.name, None) for f in fields(value)}, path, depth)
    if isinstance(value, BaseModel):
        return _in_mapping(value.model_dump(mode="json"), path, depth)
    try:
        orjson.dumps(value)
    except (TypeError, ValueError):
        return f"{path} is a {type(value).__name__}, which is no JSON value."
    return None


def _in_mapping(value: Mapping[Any, Any], path: str, depth: int) -> str | None:
    for key, item in value.items():
        if not isinstance(key, str):
            return f"{path} has the key {key!r}, which is no string."
        where = f"{path}.{key}" if key.isidentifier() else f"{path}[{key!a}]"
        if problem := _text_problem(key, where) or find_problem(item, where, depth + 1):
            return problem
    return None


def _text_problem(text: str, path: str) -> str | None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"{path} holds a lone surrogate at character {error.start}, which is no text."
    return None


def _as_json(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"Type is not JSON serializable: {type(value).__name__}")


def _hint(value: Any, problem: str) -> str:
    return next((hint for name, hint in _HINTS.items() if f"is a {name}," in problem), "")
