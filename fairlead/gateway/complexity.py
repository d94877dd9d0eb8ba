"""How hard a request is, by rules that look at it and not into it: simple, medium or complex."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, cast

from fairlead.errors import InvalidInput
from fairlead.gateway import bounds
from fairlead.gateway.types import ModelRequest
from fairlead.gateway.usage import estimated_tokens


class Complexity(StrEnum):
    SIMPLE = "simple"
    MEDIUM = "medium"
    COMPLEX = "complex"


Classify = Callable[[list[dict[str, Any]], list[dict[str, Any]]], str | None]
"""A project's own rule: (messages, tools) to a complexity, or None to leave it to ours."""

_MEDIUM_TOKENS = 1_000
_COMPLEX_TOKENS = 8_000
_MANY_TOOLS = 8
_HARD_EFFORT = frozenset({"high", "xhigh", "max"})


def complexity_of(request: ModelRequest, classify: Classify | None = None) -> Complexity:
    """The caller's own word first, then the project's classifier, then what is asked and how much of it there is."""
    if request.choices.complexity is not None:
        return _parse(request.choices.complexity, "The complexity of the request")
    body = request.body
    if classify is not None:
        said = classify(body.get("messages") or body.get("input") or [], body.get("tools") or [])
        if said is not None:
            return _parse(said, "What the classifier said")
    return _by_rules(body)


def _by_rules(body: dict[str, Any]) -> Complexity:
    tokens, tools = estimated_tokens(bounds.input_size(body)), len(body.get("tools") or [])
    if tokens > _COMPLEX_TOKENS or tools > _MANY_TOOLS or _wants_thought(body):
        return Complexity.COMPLEX
    if tokens > _MEDIUM_TOKENS or tools or body.get("response_format") or body.get("text"):
        return Complexity.MEDIUM
    return Complexity.SIMPLE


def _wants_thought(body: dict[str, Any]) -> bool:
    reasoning, thinking = _object(body, "reasoning"), _object(body, "thinking")
    effort = body.get("reasoning_effort") or reasoning.get("effort")
    return effort in _HARD_EFFORT or thinking.get("type", "disabled") != "disabled"


def _object(body: dict[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _parse(said: str, what: str) -> Complexity:
    try:
        return Complexity(said)
    except ValueError:
        raise InvalidInput(f"{what} is {said!r}.", hint=f"It is one of {', '.join(Complexity)}.") from None
