"""How much a call can cost at most: sound upper bounds for holding money, not estimates for showing.

A byte-level tokenizer makes no token from less than one byte, and the JSON around each message is longer than
the few tokens a provider adds for it. So the bytes of the request bound its tokens. What a URL or a file id
points to has no bytes here: those parts are given the most that a provider is known to count for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import orjson

from fairlead.errors import NotJson
from fairlead.gateway.types import OUTPUT_CAP, Usage, estimated_tokens

_PRELUDE = 64  # what a chat template may add once
_IMAGE = 50_000  # gpt-4o-mini counts up to 48 169 for one image of 2048 x 4096
_FILE = 1_000_000  # whatever fits into the largest context window
_NOT_INPUT = frozenset({"model", "stream", "stream_options", "max_tokens", "max_completion_tokens"})


def output_cap(body: dict[str, Any]) -> int:
    """The most tokens that one choice of the answer may have."""
    for name in ("max_completion_tokens", "max_tokens"):
        value = body.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return OUTPUT_CAP


def choices(body: dict[str, Any]) -> int:
    value = body.get("n")
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 1


def upper_bound(body: dict[str, Any]) -> Usage:
    """No provider can bill more tokens than these for this request."""
    beyond = sum(_beyond_bytes(part) for part in _parts(body))
    return Usage(input_size(body) + _PRELUDE + beyond, most_out(body))


def most_out(body: dict[str, Any]) -> int:
    """The most tokens that the whole answer may have."""
    return output_cap(body) * choices(body)


def expected_input(body: dict[str, Any]) -> int:
    """About how many tokens the provider will count for the input."""
    return estimated_tokens(input_size(body))


def input_size(body: dict[str, Any]) -> int:
    """The bytes of everything in the request that becomes input tokens."""
    try:
        return len(orjson.dumps({name: value for name, value in body.items() if name not in _NOT_INPUT}))
    except (TypeError, orjson.JSONEncodeError) as error:
        raise NotJson(f"The request to the model is not JSON: {error}.", hint="Pass plain JSON values.") from error


def _parts(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    messages: Any = body.get("messages")
    for message in cast("list[Any]", messages) if isinstance(messages, list) else ():
        content: Any = cast("dict[str, Any]", message).get("content") if isinstance(message, dict) else None
        for part in cast("list[Any]", content) if isinstance(content, list) else ():
            if isinstance(part, dict):
                yield cast("dict[str, Any]", part)


def _beyond_bytes(part: dict[str, Any]) -> int:
    match part.get("type"):
        case "text" | "refusal" | "input_audio":
            return 0
        case "image_url":
            return _IMAGE
        case _:
            return _FILE
