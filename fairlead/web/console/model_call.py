"""A model call as journals keep it, in one plain form: request, reply, usage, attempts beside each other."""

from __future__ import annotations

from typing import Any

from fairlead.runs.body import Body
from fairlead.web.console import reading


def told(data: Any) -> dict[str, Any]:
    """The fields of the record and of the reply beside each other, without what was said."""
    found = reading.mapping(data.alone() if isinstance(data, Body) else data)
    result = found.get("result")
    return {**found, **result} if isinstance(result, dict) and "body" in result else found


def plain(data: Any) -> Any:
    """The fields of the recorded reply lifted up, and its message as `reply`; anything else as it is."""
    data = reading.at(data)
    result = reading.mapping(data, "result")
    if "body" not in result:
        return data
    choices = reading.items(result, "body", "choices")
    rest = {name: value for name, value in result.items() if name != "body"}
    lifted = {**reading.mapping(data), **rest, "reply": reading.mapping(choices[0], "message") if choices else {}}
    del lifted["result"]
    return lifted
