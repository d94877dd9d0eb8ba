"""How much of a conversation the model is shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from fairlead.errors import ConfigurationError

Message = dict[str, Any]

_OVERHEAD = 4  # tokens a message costs beside its text
_CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class MemoryBuffer:
    """The newest messages that fit. With `summarise` the older ones are not left out: once the conversation passes
    `tokens`, a model call sums them up.

    Kept whatever they cost: the instructions (system messages at the head), the last thing the user
    said, and the newest group. A group is a message, or a tool call together with its results.
    """

    messages: int = 50
    tokens: int = 4000
    summarise: bool = False

    def __post_init__(self) -> None:
        if self.messages < 1 or self.tokens < 1:
            raise ConfigurationError(f"MemoryBuffer({self.messages}, {self.tokens}) would remember nothing.")

    def trim(self, messages: Sequence[Message]) -> list[Message]:
        """The messages to show, in order. The same messages give the same answer."""
        if self.summarise:
            return list(messages)
        groups = list(_groups(messages))
        pinned = _pinned(groups)
        count = sum(len(groups[i]) for i in pinned)
        cost = sum(_cost(groups[i]) for i in pinned)
        first = len(groups)
        for i in range(len(groups) - 1, -1, -1):
            if i not in pinned:
                count += len(groups[i])
                cost += _cost(groups[i])
            if (count > self.messages or cost > self.tokens) and i < len(groups) - 1 and i not in pinned:
                break
            first = i
        return [message for i, group in enumerate(groups) if i >= first or i in pinned for message in group]


def estimate_tokens(message: Message) -> int:
    """A rough count: four characters a token."""
    text = message.get("content") or ""
    size = len(text) if isinstance(text, str) else len(orjson.dumps(text))
    if calls := message.get("tool_calls"):
        size += len(orjson.dumps(calls))
    return _OVERHEAD + size // _CHARACTERS_PER_TOKEN


def _cost(group: list[Message]) -> int:
    return sum(estimate_tokens(message) for message in group)


def _groups(messages: Sequence[Message]) -> Iterator[list[Message]]:
    group: list[Message] = []
    for message in messages:
        if group and message.get("role") != "tool":
            yield group
            group = []
        group.append(message)
    if group:
        yield group


def _pinned(groups: list[list[Message]]) -> set[int]:
    pinned: set[int] = set()
    for i, group in enumerate(groups):
        if group[0].get("role") not in ("system", "developer"):
            break
        pinned.add(i)
    said = [i for i, group in enumerate(groups) if group[0].get("role") == "user"]
    return pinned | set(said[-1:])
