"""A model call as journals keep it, in one plain form: request, reply, usage, attempts beside each other."""

from __future__ import annotations

from typing import Any

from fairlead.web.console import reading


def plain(data: Any) -> Any:
    """The fields of the recorded reply lifted up, and its message as `reply`; anything else as it is."""
    result = reading.mapping(data, "result")
    if "body" not in result:
        return data
    choices = reading.items(result, "body", "choices")
    rest = {name: value for name, value in result.items() if name != "body"}
    lifted = {**reading.mapping(data), **rest, "reply": reading.mapping(choices[0], "message") if choices else {}}
    del lifted["result"]
    return lifted
