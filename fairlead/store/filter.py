"""What a caller wants of an item's value, as conditions that SQL can hold it to.

{"kind": "note", "size": {"$gt": 3}, "author": {"name": "Ada"}}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import orjson

from fairlead.errors import InvalidInput

OPERATORS = ("$eq", "$ne", "$gt", "$gte", "$lt", "$lte")
_DEEPEST, _MOST = 8, 50
Condition = tuple[tuple[str, ...], str, Any]  # path, operator, operand


def conditions(wanted: Mapping[str, Any]) -> list[Condition]:
    """All must hold. Raises `InvalidInput`."""
    found = list(_conditions(wanted, ()))
    if len(found) > _MOST:
        raise InvalidInput(f"A filter has at most {_MOST} conditions.")
    return found


def as_rows(found: Sequence[Condition], dialect: str) -> list[tuple[str, str, str]]:
    return [(_path(path, dialect), operator, written(operand)) for path, operator, operand in found]


def written(value: Any) -> str:
    """JSON in the one spelling that values are stored in, so that equal texts are equal values."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _conditions(wanted: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Condition]:
    if len(path) > _DEEPEST:
        raise InvalidInput(f"A filter is nested at most {_DEEPEST} levels deep.")
    for key, value in wanted.items():
        if key.startswith("$"):
            if key not in OPERATORS or not path:
                raise InvalidInput(f"`{key}` is no operator of a filter.", hint=f"There are {', '.join(OPERATORS)}.")
            yield path, key, value
        elif not key or not key.isprintable() or '"' in key or "\\" in key:
            raise InvalidInput(f"{key!a} is no field that a filter can name.")
        elif isinstance(value, dict) and value:
            yield from _conditions(cast("Mapping[str, Any]", value), (*path, key))
        else:
            yield (*path, key), "$eq", value


def _path(path: tuple[str, ...], dialect: str) -> str:
    if dialect == "sqlite":
        return "$" + "".join(f'."{key}"' for key in path)
    return orjson.dumps(path).decode()
