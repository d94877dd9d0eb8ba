"""A conversation as groups that belong together, in either format: what can be left out whole, and nothing in halves.

A group is a message, or a message that calls tools together with all that answers it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import orjson

from fairlead.gateway.usage import estimated_tokens

Message = dict[str, Any]
_OVERHEAD = 4  # tokens a message costs beside its text


def head_and_groups(messages: Sequence[Message]) -> tuple[list[Message], list[list[Message]]]:
    """The system messages at the head, and the groups after them."""
    groups = list(_groups(messages))
    at = 0
    while at < len(groups) and groups[at][0].get("role") in ("system", "developer"):
        at += 1
    return [message for group in groups[:at] for message in group], groups[at:]


def tokens_of(messages: Sequence[Message]) -> int:
    """A rough count: four bytes a token."""
    return sum(_OVERHEAD + estimated_tokens(len(orjson.dumps(message))) for message in messages)


def _groups(messages: Sequence[Message]) -> Iterator[list[Message]]:
    group: list[Message] = []
    for message in messages:
        if group and not _answers_tools(message):
            yield group
            group = []
        group.append(message)
    if group:
        yield group


def _answers_tools(message: Message) -> bool:
    if message.get("role") == "tool":
        return True
    content: Any = message.get("content")
    parts = cast("list[Any]", content) if isinstance(content, list) else []
    return any(isinstance(part, dict) and cast("Any", part).get("type") == "tool_result" for part in parts)
