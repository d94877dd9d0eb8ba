"""Tools, the choice among them, and their calls, in both formats."""

from __future__ import annotations

from typing import Any

import orjson

from fairlead.errors import InvalidInput
from fairlead.gateway.wire import checked
from fairlead.gateway.wire.crossing.content import cached
from fairlead.gateway.wire.crossing.losses import Losses
from fairlead.gateway.wire.wire import Json

_NO_PARAMETERS: Json = {"type": "object", "properties": {}}
_TO_MESSAGES = {"auto": "auto", "required": "any", "none": "none"}
_TO_CHAT = {there: here for here, there in _TO_MESSAGES.items()}


def to_messages(body: Json, losses: Losses) -> Json:
    """`tools` and `tool_choice` for Anthropic, from a chat request."""
    made: list[Json] = []
    for number, tool in enumerate(checked.objects(body.get("tools"), "`tools`", InvalidInput)):
        at = f"tools[{number}]"
        if tool.get("type", "function") != "function":
            losses.lose(f"{at} ({tool['type']})")
            continue
        made.append(_tool_to_messages(tool, at, losses))
    if not made:
        return {}
    choice = _choice_to_messages(body.get("tool_choice"), losses)
    if body.get("parallel_tool_calls") is False and (choice or {}).get("type") != "none":
        choice = {**(choice or {"type": "auto"}), "disable_parallel_tool_use": True}
    return {"tools": made, **({} if choice is None else {"tool_choice": choice})}


def _tool_to_messages(tool: Json, at: str, losses: Losses) -> Json:
    function = checked.an_object(tool.get("function"), f"`{at}.function`", InvalidInput)
    losses.rest(tool, at, carried={"type", "function", "cache_control"})
    losses.rest(function, f"{at}.function", carried={"name", "description", "parameters", "strict", "cache_control"})
    made = {
        "name": checked.a_name(function.get("name"), f"`{at}.function.name`", InvalidInput),
        "input_schema": function.get("parameters") or _NO_PARAMETERS,
    }
    more = {name: function[name] for name in ("description", "strict") if function.get(name) is not None}
    return {**made, **more, **(cached(tool) or cached(function))}


def _choice_to_messages(choice: Any, losses: Losses) -> Json | None:
    if choice is None:
        return None
    if isinstance(choice, str) and choice in _TO_MESSAGES:
        return {"type": _TO_MESSAGES[choice]}
    chosen = checked.an_object(choice, "`tool_choice`", InvalidInput)
    if chosen.get("type") == "function":
        function = checked.an_object(chosen.get("function"), "`tool_choice.function`", InvalidInput)
        return {
            "type": "tool",
            "name": checked.a_name(function.get("name"), "`tool_choice.function.name`", InvalidInput),
        }
    losses.lose(f"tool_choice ({chosen.get('type')})")
    return None


def to_chat(body: Json, losses: Losses) -> Json:
    """`tools`, `tool_choice` and `parallel_tool_calls` for a chat request, from an Anthropic one."""
    made: list[Json] = []
    for number, tool in enumerate(checked.objects(body.get("tools"), "`tools`", InvalidInput)):
        at = f"tools[{number}]"
        if tool.get("type") not in (None, "custom"):
            losses.lose(f"{at} ({tool['type']})", "Anthropic's own tools work with Anthropic only.")
            continue
        made.append(_tool_to_chat(tool, at, losses))
    if not made:
        return {}
    return {"tools": made, **_choice_to_chat(body.get("tool_choice"), losses)}


def _tool_to_chat(tool: Json, at: str, losses: Losses) -> Json:
    carried = {"type", "name", "description", "input_schema", "strict"}
    if tool.get("defer_loading") is False:
        carried.add("defer_loading")
    losses.rest(tool, at, carried=carried, left={"cache_control", "eager_input_streaming"})
    function: Json = {"name": checked.a_name(tool.get("name"), f"`{at}.name`", InvalidInput)}
    if tool.get("description") is not None:
        function["description"] = tool["description"]
    function["parameters"] = tool.get("input_schema") or _NO_PARAMETERS
    if tool.get("strict") is not None:
        function["strict"] = tool["strict"]
    return {"type": "function", "function": function}


def _choice_to_chat(choice: Any, losses: Losses) -> Json:
    if choice is None:
        return {}
    chosen = checked.an_object(choice, "`tool_choice`", InvalidInput)
    losses.rest(chosen, "tool_choice", carried={"type", "name", "disable_parallel_tool_use"})
    parallel = {"parallel_tool_calls": False} if chosen.get("disable_parallel_tool_use") is True else {}
    kind = checked.word(chosen.get("type"))
    if kind == "tool":
        name = checked.a_name(chosen.get("name"), "`tool_choice.name`", InvalidInput)
        return {"tool_choice": {"type": "function", "function": {"name": name}}, **parallel}
    if kind not in _TO_CHAT:
        raise InvalidInput("`tool_choice.type` is none of auto, any, tool, none.")
    # "auto" is what a chat request means without it.
    return {**({} if kind == "auto" and parallel else {"tool_choice": _TO_CHAT[kind]}), **parallel}


def call_to_messages(call: Json, at: str, losses: Losses) -> Json | None:
    """A tool call in the history of a chat request, as a `tool_use` block."""
    if call.get("type", "function") != "function":
        losses.lose(f"{at} ({call['type']})")
        return None
    losses.rest(call, at, carried={"type", "id", "function", "index", "cache_control"})
    function = checked.an_object(call.get("function"), f"`{at}.function`", InvalidInput)
    arguments = function.get("arguments") or "{}"
    try:
        given = orjson.loads(checked.a_text(arguments, f"`{at}.function.arguments`", InvalidInput))
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"`{at}.function.arguments` is not JSON.") from error
    return {
        "type": "tool_use",
        "id": checked.a_name(call.get("id"), f"`{at}.id`", InvalidInput),
        "name": checked.a_name(function.get("name"), f"`{at}.function.name`", InvalidInput),
        "input": checked.an_object(given, f"`{at}.function.arguments`", InvalidInput),
        **cached(call),
    }


def call_to_chat(block: Json, at: str, losses: Losses) -> Json:
    """A `tool_use` block in the history of an Anthropic request, as a tool call."""
    carried = {"type", "id", "name", "input"}
    if block.get("caller") == {"type": "direct"}:
        carried.add("caller")
    losses.rest(block, at, carried=carried, left={"cache_control"})
    given = checked.an_object(block.get("input") or {}, f"`{at}.input`", InvalidInput)
    name = checked.a_name(block.get("name"), f"`{at}.name`", InvalidInput)
    return {
        "id": checked.a_name(block.get("id"), f"`{at}.id`", InvalidInput),
        "type": "function",
        "function": {"name": name, "arguments": checked.dump(given).decode()},
    }
