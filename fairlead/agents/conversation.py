"""Messages: from what a caller sends, from what a model replies, and from what a tool returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import orjson

from fairlead.agents.memory import Message
from fairlead.errors import InvalidInput

_PARTS = ("text", "image_url")
# LangChain's words, which LangGraph clients send, beside OpenAI's.
_ROLES = {
    "user": "user", "human": "user", "assistant": "assistant", "ai": "assistant", "system": "system",
    "developer": "system", "tool": "tool",
}  # fmt: skip


def as_messages(input: Any) -> list[Message]:
    """A string is what the user said; `{"messages": […]}` is a conversation; other JSON is shown as JSON.

    Raises InvalidInput when a message has no known role or no content.
    """
    if isinstance(input, str):
        return [{"role": "user", "content": input}]
    if isinstance(input, dict) and isinstance(cast("dict[str, Any]", input).get("messages"), list):
        given = cast("list[Any]", input["messages"])
        if not given:
            raise InvalidInput("`messages` is empty.", hint="Send at least one message.")
        return [_as_message(one, f"messages[{i}]") for i, one in enumerate(given)]
    return [{"role": "user", "content": orjson.dumps(input).decode()}]


def assistant_message(reply: Mapping[str, Any], turn: int) -> Message:
    """The model's message as it goes back to it: without empty fields, each tool call with an id."""
    message: Message = {"role": "assistant", "content": reply.get("content")}
    message |= {k: v for k, v in reply.items() if k not in ("role", "content") and v not in (None, [], "")}
    if calls := message.get("tool_calls"):
        message["tool_calls"] = [_with_id(call, f"call_{turn}_{i}") for i, call in enumerate(calls)]
    elif message["content"] is None:
        message["content"] = ""
    return message


def tool_message(call_id: str, result: Any) -> Message:
    """Text: no provider takes an image here in every format. `images_of` has what is left."""
    if images_of(result):
        result = [_without_image(part) for part in result]
    content = result if isinstance(result, str) else orjson.dumps(result).decode()
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def images_of(result: Any) -> list[dict[str, Any]]:
    """The images of a tool's result that is a list of parts."""
    parts = cast("list[Any]", result) if isinstance(result, list) else []
    if not all(isinstance(part, dict) and cast("dict[str, Any]", part).get("type") in _PARTS for part in parts):
        return []
    return [part for part in parts if part["type"] == "image_url"]


def image_message(images: Sequence[dict[str, Any]]) -> Message:
    """What tools showed, as the next that the user says."""
    text = {"type": "text", "text": "The image of the tool's result:" if len(images) == 1 else "The tools' images:"}
    return {"role": "user", "content": [text, *images]}


def _without_image(part: dict[str, Any]) -> dict[str, Any]:
    return part if part["type"] == "text" else {"type": "text", "text": "[an image: see the next message]"}


def text_of(message: Mapping[str, Any]) -> str:
    """The text of a message, whether it is a string or parts. A refusal is its text."""
    content = message.get("content")
    if isinstance(content, list):
        parts = cast("list[dict[str, Any]]", content)
        content = "".join(part.get("text", "") for part in parts if part.get("type") in ("text", "output_text"))
    return content or message.get("refusal") or ""


def _as_message(given: Any, where: str) -> Message:
    if not isinstance(given, dict):
        raise InvalidInput(f"`{where}` is no object.", hint='Send {"role": "user", "content": "…"}.')
    message = cast("dict[str, Any]", given)
    role = _ROLES.get(message.get("role") or message.get("type") or "")
    if role is None:
        raise InvalidInput(f"`{where}` has no known role.", hint=f"Use one of {', '.join(_ROLES)}.")
    if not isinstance(message.get("content"), (str, list)) and not message.get("tool_calls"):
        raise InvalidInput(f"`{where}.content` must be text or a list of parts.")
    kept = {k: v for k, v in message.items() if k in ("content", "name", "tool_calls", "tool_call_id")}
    return {"role": role, **kept}


def _with_id(call: Mapping[str, Any], otherwise: str) -> dict[str, Any]:
    return {**call, "id": call.get("id") or otherwise, "type": "function"}
