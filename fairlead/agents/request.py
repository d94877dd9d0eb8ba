"""The wire body of a model call: an OpenAI chat completions request without model and stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.agents.memory import Message
from fairlead.agents.tool import Tool


def request_body(
    messages: Sequence[Message],
    *,
    tools: Sequence[Tool | Mapping[str, Any]] = (),
    response_format: Mapping[str, Any] | None = None,
    temperature: float | None = None,
    max_tokens: int | None = None,
) -> dict[str, Any]:
    """What was not given is not in the body."""
    body: dict[str, Any] = {"messages": list(messages)}
    if tools:
        body["tools"] = [one.spec if isinstance(one, Tool) else dict(one) for one in tools]
    if response_format is not None:
        body["response_format"] = dict(response_format)
    if temperature is not None:
        body["temperature"] = temperature
    if max_tokens is not None:
        body["max_tokens"] = max_tokens
    return body
