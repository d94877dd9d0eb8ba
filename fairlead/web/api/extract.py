"""Values out of a view by their paths: `values.messages[-1].content`, `metadata.owner`. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, cast

from pydantic import AfterValidator, Field

_FORM = r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+|\[-?[0-9]{1,6}\])*"
_PATH = re.compile(_FORM)
_LONGEST = 500
_PART = re.compile(r"([\w-]+)|\[(-?[0-9]+)\]")


def _checked(path: str) -> str:
    if len(path) > _LONGEST or not _PATH.fullmatch(path):
        raise ValueError(f"{path[:50]!r} is no path: write values.messages[-1].content")
    return path


Path = Annotated[
    str, AfterValidator(_checked), Field(json_schema_extra={"pattern": f"^{_FORM}$", "maxLength": _LONGEST})
]
"""Refused by its form, whether or not there is anything to look at."""


def extracted(view: Mapping[str, Any], paths: Mapping[str, Path]) -> dict[str, Any]:
    """What is found under each path; None where there is nothing."""
    return {name: _at(view, path) for name, path in paths.items()}


def _at(value: Any, path: str) -> Any:
    for name, index in _PART.findall(path):
        if name:
            value = cast("dict[str, Any]", value).get(name) if isinstance(value, Mapping) else None
        else:
            listed = cast("list[Any]", value) if isinstance(value, list) else []
            place = int(index)
            value = listed[place] if -len(listed) <= place < len(listed) else None
    return value
