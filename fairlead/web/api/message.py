"""Messages as LangGraph's clients know them, from messages as models speak them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from fairlead.runs.ids import derived_id

Message = dict[str, Any]
_TYPES = {"user": "human", "assistant": "ai", "system": "system", "tool": "tool"}


def as_client_message(message: Mapping[str, Any], id: str, **more: Any) -> Message:
    """`{role: assistant, …}` as `{type: ai, id, …}`."""
    shown: Message = {
        "type": _TYPES.get(str(message.get("role")), str(message.get("role"))),
        "id": id,
        "content": message.get("content") or "",
        "additional_kwargs": {},
        "response_metadata": {},
        "name": message.get("name"),
        **more,
    }
    if shown["type"] == "ai":
        calls = [_tool_call(call) for call in message.get("tool_calls") or ()]
        shown["tool_calls"] = [call for call in calls if call["type"] == "tool_call"]
        shown["invalid_tool_calls"] = [call for call in calls if call["type"] != "tool_call"]
    elif shown["type"] == "tool":
        shown["tool_call_id"] = message.get("tool_call_id") or ""
        shown.setdefault("status", "success")
    return shown


def as_client_messages(messages: Sequence[Mapping[str, Any]], scope: str) -> list[Message]:
    """A conversation; ids follow from `scope` and place, so that the same message always has the same id."""
    return [
        as_client_message(one, str(one.get("id") or derived_id(scope, str(place))))
        for place, one in enumerate(messages)
    ]


def _tool_call(call: Mapping[str, Any]) -> dict[str, Any]:
    function: Mapping[str, Any] = call.get("function") or {}
    shown = {"name": function.get("name") or "", "id": call.get("id") or ""}
    try:
        arguments = orjson.loads(function.get("arguments") or "{}")
    except orjson.JSONDecodeError:
        arguments = None
    if not isinstance(arguments, dict):
        return {**shown, "args": function.get("arguments"), "error": "no JSON object", "type": "invalid_tool_call"}
    return {**shown, "args": arguments, "type": "tool_call"}
