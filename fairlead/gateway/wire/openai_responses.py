"""OpenAI responses as JSON: build a request, parse an answer, assemble a stream, emit one."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from fairlead.errors import BrokenAnswer, FairleadError, InvalidInput
from fairlead.gateway.types import Format
from fairlead.gateway.usage import OUTPUT_CAP, Usage
from fairlead.gateway.wire import checked, openai_error, openai_responses_answer, sse
from fairlead.gateway.wire.openai_responses_answer import Assembly, check
from fairlead.gateway.wire.openai_responses_events import events
from fairlead.gateway.wire.wire import Json

FORMAT = Format.RESPONSES
PATH = "/responses"

_BEYOND_BYTES = frozenset({"input_image", "input_file", "item_reference", "computer_call_output"})
_OURS = frozenset({"function", "custom"})  # tools that the caller runs
_KEPT_THERE = ("previous_response_id", "conversation", "prompt")


def parse_request(body: bytes) -> Json:
    """A request as a client sends it, checked as far as we rely on it."""
    request = checked.load_request(body)
    checked.a_name(request.get("model"), "`model`", InvalidInput)
    asked = request.get("input")
    if not isinstance(asked, str):
        checked.objects(asked, "`input`", InvalidInput)
    prompt = request.get("prompt")
    if prompt is not None:
        checked.an_object(prompt, "`prompt`", InvalidInput)
    checked.expect(asked or prompt, "`input` is missing.", InvalidInput)
    for tool in checked.objects(request.get("tools"), "`tools`", InvalidInput):
        checked.a_name(tool.get("type"), "The type of a tool", InvalidInput)
    background = request.get("background")
    if background is not None and background is not False:
        raise InvalidInput(
            "`background` can't be carried: what it costs is known only after the answer to the request.",
            hint="Leave it out, and let a run wait for the answer.",
        )
    output_cap(request)
    return request


def build(body: Json, *, model: str, streamed: bool, cap_name: str = "") -> bytes:
    built: Json = {**body, "model": model, "stream": streamed}
    if not checked.a_limit(body, "max_output_tokens"):
        built["max_output_tokens"] = OUTPUT_CAP
    return checked.dump(built)


def output_cap(body: Json) -> int:
    return checked.a_limit(body, "max_output_tokens") or OUTPUT_CAP


def parts(body: Json) -> Iterator[Json]:
    for item in checked.dicts(body.get("input")):
        if checked.word(item.get("type")) in _BEYOND_BYTES:
            yield item
        for name in ("content", "output"):
            yield from (
                part for part in checked.dicts(item.get(name)) if checked.word(part.get("type")) in _BEYOND_BYTES
            )
    for tool in checked.dicts(body.get("tools")):
        if checked.word(tool.get("type")) not in _OURS:
            yield tool
    for name in _KEPT_THERE:
        if body.get(name):
            yield {"type": name}


def parse(body: bytes) -> Json:
    return check(checked.load(body))


def usage_of(answer: Json) -> Usage | None:
    return openai_responses_answer.usage_of(answer)


def assembly() -> Assembly:
    return Assembly()


def emit(answer: Json, *, piece: int = 16) -> Iterator[bytes]:
    for number, event in enumerate(events(answer, piece)):
        yield checked.dump({**event, "sequence_number": number}, BrokenAnswer)


def event(data: bytes) -> bytes:
    return sse.named(data)


def problem(status: int, error: FairleadError) -> bytes:
    return orjson.dumps(openai_error.body(status, error))


def broken_off(error: FairleadError) -> bytes:
    """The documented event has its message at the top; for `error` within, the official SDK raises by itself."""
    within = openai_error.body(500, error)
    said = {"type": "error", "code": error.code, "message": str(error), "param": None, "sequence_number": 0}
    return orjson.dumps({**said, **within})
