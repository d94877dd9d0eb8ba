"""How much a call can cost at most: sound upper bounds for holding money, not estimates for showing.

A byte-level tokenizer makes no token from less than one byte, and the JSON around each message is longer than
the few tokens a provider adds for it. So the bytes of the request bound its tokens. What a URL or a file id
points to has no bytes here: those parts are given the most that a provider is known to count for them.
"""

from __future__ import annotations

from typing import Any, cast

import orjson

from fairlead.errors import NotJson
from fairlead.gateway.types import ModelRequest
from fairlead.gateway.usage import Usage, estimated_tokens
from fairlead.gateway.value import value
from fairlead.gateway.wire import WIRES
from fairlead.gateway.wire.wire import Wire

_PRELUDE = 64  # what a chat template may add once
_TOOL_PROMPT = 1024  # what providers tell a model about tools, unseen; Anthropic documents up to some 700
_IMAGE = 50_000  # gpt-4o-mini counts up to 48 169 for one image of 2048 x 4096
_FILE = 1_000_000  # whatever fits into the largest context window
_IMAGES = frozenset({"image_url", "image", "input_image"})
_NOT_INPUT = frozenset(
    {"model", "stream", "stream_options", "max_tokens", "max_completion_tokens", "max_output_tokens"}
)


def choices(body: dict[str, Any]) -> int:
    said = body.get("n")
    return said if isinstance(said, int) and not isinstance(said, bool) and said > 0 else 1


@value
class Measure:
    """Of a request, in tokens. `bound`: no provider can bill more than these for it."""

    expected_in: int
    most_out: int
    bound: Usage


def measured(request: ModelRequest) -> Measure:
    """Worked out once for a body, however often it is tried."""
    way = request.way
    if way.measure is None:
        way.measure = measure(request.body, WIRES[request.format])
    return way.measure


def measure(body: dict[str, Any], wire: Wire) -> Measure:
    """Raises NotJson for what can't be sent, InvalidInput for a cap that is no number of tokens."""
    size, most = input_size(body), most_out(body, wire)
    prelude = _PRELUDE + (_TOOL_PROMPT if body.get("tools") else 0)
    parts = wire.parts(body)  # mostly none
    beyond = sum([_beyond_bytes(part) - _inline(part) for part in parts]) if parts else 0
    return Measure(estimated_tokens(size), most, Usage(size + prelude + beyond, most))


def most_out(body: dict[str, Any], wire: Wire) -> int:
    """The most tokens that the whole answer may have."""
    return wire.output_cap(body) * choices(body)


def expected_input(body: dict[str, Any]) -> int:
    """About how many tokens the provider will count for the input."""
    return estimated_tokens(input_size(body))


def input_size(body: dict[str, Any]) -> int:
    """The bytes of everything in the request that becomes input tokens."""
    try:
        if not _NOT_INPUT.isdisjoint(body):
            body = {name: one for name, one in body.items() if name not in _NOT_INPUT}
        return len(orjson.dumps(body))
    except (TypeError, orjson.JSONEncodeError) as error:
        raise NotJson(f"The request to the model is not JSON: {error}.", hint="Pass plain JSON values.") from error


def _inline(part: dict[str, Any]) -> int:
    """The bytes of an image or file that stands in the body itself: they are counted as a picture, not as text."""
    for name in ("image_url", "source", "file"):
        held: Any = part.get(name)
        if isinstance(held, dict):
            data: Any = next((cast("Any", held).get(key) for key in ("data", "url", "file_data") if key in held), None)
            return len(data) if isinstance(data, str) and part.get("type") != "text" else 0
        if isinstance(held, str):
            return len(held)
    return 0


def _beyond_bytes(part: dict[str, Any]) -> int:
    return _IMAGE if part.get("type") in _IMAGES else _FILE
