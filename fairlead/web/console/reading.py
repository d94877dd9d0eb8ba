"""Read fields out of journal data that an agent, a provider or an older release wrote: nothing is taken on trust. And
questions beside the main one, which may fail without taking the page with them."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

from fairlead.errors import FairleadError
from fairlead.runs.body import Body

T = TypeVar("T")


async def or_none(asking: Awaitable[T]) -> T | None:
    """The answer; None when it can't be had now."""
    try:
        return await asking
    except FairleadError:
        return None


def mapping(data: Any, *path: str) -> dict[str, Any]:
    """The object at a path, or an empty one."""
    found = at(data, *path)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def items(data: Any, *path: str) -> list[Any]:
    found = at(data, *path)
    return cast("list[Any]", found) if isinstance(found, list) else []


def text(data: Any, *path: str) -> str:
    found = at(data, *path)
    return found if isinstance(found, str) else ""


def number(data: Any, *path: str) -> float | None:
    found = at(data, *path)
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        return None
    return found if found == found and abs(found) < 1e15 else None


def whole(data: Any, *path: str) -> int:
    return int(number(data, *path) or 0)


def moment(data: Any, *path: str) -> datetime | None:
    found = at(data, *path)
    if isinstance(found, datetime):
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    if not isinstance(found, str):
        return None
    try:
        parsed = datetime.fromisoformat(found)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def span(data: Any, name: str) -> timedelta | None:
    """A length of time written as `name_us` or `name_ms`."""
    given = mapping(data)
    for unit, field in ((1, f"{name}_us"), (1000, f"{name}_ms")):
        found = number(given, field) if field in given else None
        if found is not None and found >= 0:
            return timedelta(microseconds=found * unit)
    return None


def at(data: Any, *path: str) -> Any:
    """What JSON has there; None where it has nothing."""
    if isinstance(data, Body):
        data = data.read()
    for name in path:
        if not isinstance(data, dict):
            return None
        data = cast("dict[str, Any]", data).get(name)
    return data
