"""What a caller writes into a thread's state: messages are added, replaced and removed by id, other keys set. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import orjson

from fairlead.agents.conversation import as_messages
from fairlead.agents.memory import Message
from fairlead.errors import InvalidInput
from fairlead.runs.ids import derived_id

_ALL = "__remove_all__"


def written(state: Mapping[str, Any] | None, update: Any, *, scope: str) -> dict[str, Any]:
    """The state with the update in it. `scope` makes the ids of messages that have none. Raises `InvalidInput`."""
    changed: dict[str, Any] = dict(state or {})
    values = _as_object(update)
    if "messages" in values:
        changed["messages"] = _merged(changed.get("messages", ()), _listed(values.pop("messages")), scope)
    if values:
        changed["values"] = {**changed.get("values", {}), **values}
        changed["shown"] = {**changed.get("shown", {}), **values}
    return changed


def _as_object(update: Any) -> dict[str, Any]:
    """An object, or LangGraph's other way to say it: pairs, in order."""
    if isinstance(update, dict):
        return dict(cast("dict[str, Any]", update))
    pairs: list[Any] = cast("list[Any]", update) if isinstance(update, list) else [None]
    if all(isinstance(pair, list) and len(cast("list[Any]", pair)) == 2 and isinstance(pair[0], str) for pair in pairs):
        return {pair[0]: pair[1] for pair in pairs}
    raise InvalidInput("An update is an object, or a list of [key, value].")


def _listed(given: Any) -> list[Any]:
    return cast("list[Any]", given) if isinstance(given, list) else [given]


def _merged(before: Sequence[Message], given: Sequence[Any], scope: str) -> list[Message]:
    messages = [dict(one) for one in before]
    for place, one in enumerate(given):
        if isinstance(one, dict) and cast("dict[str, Any]", one).get("type") == "remove":
            messages = _without(messages, cast("dict[str, Any]", one).get("id"))
            continue
        sent: Any = _with_calls({"role": "user", "content": one} if isinstance(one, str) else one)
        (message,) = as_messages({"messages": [sent]})
        given_id = cast("dict[str, Any]", one).get("id") if isinstance(one, dict) else None
        message["id"] = str(given_id or derived_id(scope, "written", str(place)))
        at = next((i for i, known in enumerate(messages) if known.get("id") == message["id"]), None)
        if at is None:
            messages.append(message)
        else:
            messages[at] = message
    return messages


def _without(messages: list[dict[str, Any]], message_id: Any) -> list[dict[str, Any]]:
    if message_id == _ALL:
        return []
    left = [one for one in messages if one.get("id") != message_id]
    if len(left) == len(messages):
        raise InvalidInput(f"There is no message {message_id!r} to remove.")
    return left


def _with_calls(message: Any) -> Any:
    """LangChain's tool calls as models know them: people send back what they were shown."""
    calls: Any = cast("dict[str, Any]", message).get("tool_calls") if isinstance(message, dict) else None
    if not isinstance(calls, list) or not calls:
        return cast("Any", message)
    return {**cast("dict[str, Any]", message), "tool_calls": [_as_call(one) for one in cast("list[Any]", calls)]}


def _as_call(call: Any) -> Any:
    if not isinstance(call, dict) or "args" not in call:
        return cast("Any", call)
    shown = cast("dict[str, Any]", call)
    arguments = orjson.dumps(shown["args"]).decode()
    return {"id": shown.get("id"), "type": "function", "function": {"name": shown.get("name"), "arguments": arguments}}
