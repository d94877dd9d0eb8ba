"""How a person writes a value: durations, sizes, lists, and what a setting says about itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr

_SECONDS = {
    "us": 1e-6,
    "ms": 1e-3,
    "s": 1,
    "sec": 1,
    "m": 60,
    "min": 60,
    "h": 3600,
    "hour": 3600,
    "d": 86400,
    "day": 86400,
}
_BYTES = {"b": 1, "kb": 1024, "mb": 1024**2, "gb": 1024**3, "kib": 1024, "mib": 1024**2, "gib": 1024**3}
_QUANTITY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", re.IGNORECASE)


def parse_duration(value: object) -> timedelta:
    """ "15s", "250ms", "3 min", "72h", "30 days", or a number of seconds."""
    if isinstance(value, timedelta):
        return value
    seconds = _quantity(value, _SECONDS, default_unit="s", example='"15s", "250ms" or "3 min"')
    try:
        return timedelta(seconds=seconds)
    except OverflowError:
        raise ValueError("is longer than can be counted") from None


def parse_size(value: object) -> int:
    """ "64 KB", "1 MB", or a number of bytes (1 KB is 1024 bytes)."""
    return int(_quantity(value, _BYTES, default_unit="b", example='"64 KB", "1 MB"'))


def _quantity(value: object, units: dict[str, float] | dict[str, int], *, default_unit: str, example: str) -> float:
    match = None if isinstance(value, bool) else _QUANTITY.fullmatch(str(value))
    unit = match.group(2).lower() or default_unit if match else ""
    factor = units.get(unit) or units.get(unit.removesuffix("s"))
    if match is None or factor is None:
        raise ValueError(f"write it as {example}, or as a plain number")
    return float(match.group(1)) * factor


def parse_list(value: object) -> object:
    if isinstance(value, str):
        return tuple(item.strip() for item in value.split(",") if item.strip())
    return value


def write_duration(value: timedelta) -> str:
    """The shortest of our own spellings: `parse_duration` reads it back."""
    seconds = value.total_seconds()
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds % length == 0 and seconds >= length:
            return f"{_plain(seconds / length)}{unit}"
    return f"{_plain(seconds)}s" if seconds >= 1 else f"{_plain(seconds * 1000)}ms"


def _plain(number: float) -> str:
    return f"{number:.6f}".rstrip("0").rstrip(".")


def write_size(value: int) -> str:
    for unit, length in (("GB", 1024**3), ("MB", 1024**2), ("KB", 1024)):
        if value % length == 0 and value >= length:
            return f"{value // length} {unit}"
    return str(value)


@dataclass(frozen=True, slots=True)
class Unit:
    """What a value is counted in, for people."""

    word: str


Duration = Annotated[timedelta, BeforeValidator(parse_duration), Field(gt=timedelta(0)), Unit("duration")]
Size = Annotated[int, BeforeValidator(parse_size), Field(gt=0), Unit("size")]
TextList = Annotated[tuple[str, ...], BeforeValidator(parse_list), Unit("comma-separated list")]
SecretList = Annotated[tuple[SecretStr, ...], BeforeValidator(parse_list), Unit("comma-separated list")]


@dataclass(frozen=True, slots=True)
class Said:
    """What a setting says of itself: its names, first the one we write, and whether it may be shown."""

    name: str  # with FAIRLEAD_ before it; empty: the field's own name in capitals
    bare: bool  # also without FAIRLEAD_
    also: str  # a well-known name for the same thing, with and without FAIRLEAD_
    secret: bool


def setting(
    default: Any,
    description: str,
    *,
    name: str = "",
    bare: bool = False,
    also: str = "",
    secret: bool = False,
    **limits: Any,
) -> Any:
    """A field of a part."""
    field: Any = Field  # its overloads cannot be told of limits that are passed on
    said = Said(name, bare, also, secret)
    return field(default, description=description, repr=not secret, json_schema_extra={"said": said}, **limits)
