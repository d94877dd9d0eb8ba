"""Which text of a value is searched, and a search as the databases' full text wants it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, cast

from fairlead.errors import InvalidInput

_LONGEST = 100_000  # characters that are indexed of one value
_MOST_WORDS = 32
_WORD = re.compile(r"\w+")
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+|\*)\]")
FIELD = r"(?:\$|(?:\$\.)?[^.\[\]$][^.\[\]]*(?:\.[^.\[\]]+|\[(?:[0-9]{1,6}|\*)\])*)"
_LONGEST_FIELD = 500


def words_of(value: Any, fields: Sequence[str] | None = None) -> str:
    """All texts of a value, or those of its `fields`: "title", "author.name", "parts[*].text"."""
    if fields is None:
        return _bounded(_texts(value))
    return _bounded(text for field in fields for found in _at(value, steps_of(field)) for text in _texts(found))


def steps_of(field: str) -> list[str | int]:
    """Raises `InvalidInput` for what is no path. -1 is any place of a list."""
    if field == "$":
        return []
    plain = field.removeprefix("$.")
    steps: list[str | int] = []
    for found in _STEP.finditer(plain):
        key, place = found.groups()
        steps.append(key if key is not None else -1 if place == "*" else int(place))
    if len(field) > _LONGEST_FIELD or re.fullmatch(FIELD, field) is None:
        raise InvalidInput(
            f"{field[:100]!a} is no path of a field.", hint='Write it as "author.name" or "parts[*].text".'
        )
    return steps


def any_of(query: str, dialect: str) -> str:
    """The search for any of the words of a question; empty when it has none."""
    words = _WORD.findall(query.lower())[:_MOST_WORDS]
    if dialect == "sqlite":  # each in quotes: FTS5 has words of its own
        return " OR ".join(f'"{word}"' for word in words)
    return " ".join(words)


def _at(value: Any, steps: Sequence[str | int]) -> Iterator[Any]:
    if not steps:
        yield value
        return
    step, rest = steps[0], steps[1:]
    if isinstance(step, str):
        if isinstance(value, dict) and step in value:
            yield from _at(value[step], rest)
    elif isinstance(value, list):
        items = cast("list[Any]", value)
        for item in items if step == -1 else items[step : step + 1]:
            yield from _at(item, rest)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in cast("dict[str, Any]", value).values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in cast("list[Any]", value):
            yield from _texts(inner)


def _bounded(texts: Iterator[str]) -> str:
    parts: list[str] = []
    left = _LONGEST
    for text in texts:
        parts.append(text[:left])
        left -= len(parts[-1]) + 1
        if left <= 0:
            break
    return "\n".join(parts)
