"""OpenAI embeddings as JSON: build a request, parse an answer. They are not streamed; a stream of them is one event."""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Sequence
from struct import unpack
from typing import Any, cast

import orjson

from fairlead.errors import BrokenAnswer, ErrorWithin, FairleadError, InvalidInput
from fairlead.gateway.types import Format
from fairlead.gateway.usage import Usage
from fairlead.gateway.wire import checked, openai_error, sse
from fairlead.gateway.wire.wire import Json

FORMAT = Format.EMBEDDINGS
PATH = "/embeddings"

_ENCODINGS = (None, "float", "base64")
MOST_DIMENSIONS = 65_536
MOST_TOKEN = 2**32 - 1
_MOST_INPUTS = 65_536


def parse_request(body: bytes) -> Json:
    """A request as a client sends it, checked as far as we rely on it."""
    request = checked.load_request(body)
    checked.a_name(request.get("model"), "`model`", InvalidInput)
    checked.expect(_is_input(request.get("input")), "`input` is no text, tokens, or list of either.", InvalidInput)
    checked.expect(
        request.get("encoding_format") in _ENCODINGS, "`encoding_format` is neither float nor base64.", InvalidInput
    )
    dimensions = request.get("dimensions")
    checked.expect(
        dimensions is None or (type(dimensions) is int and 0 < dimensions <= MOST_DIMENSIONS),
        "`dimensions` is no number of them.", InvalidInput,
    )  # fmt: skip
    checked.expect(
        request.get("stream") is None or request["stream"] is False,
        "Embeddings are not streamed: leave `stream` out.", InvalidInput,
    )  # fmt: skip
    return request


def build(body: Json, *, model: str, streamed: bool, cap_name: str = "") -> bytes:
    checked.expect(not streamed, "Embeddings are not streamed.", InvalidInput)
    return checked.dump({**body, "model": model})


def output_cap(body: Json) -> int:
    """What comes back is not billed as tokens."""
    return 0


def parts(body: Json) -> Iterator[Json]:
    yield from ()


def inputs(body: Json) -> list[Any]:
    """What is to be embedded, one by one: texts, or lists of tokens."""
    given: Any = body.get("input")
    if isinstance(given, str) or _are_tokens(given):
        return [given]
    return cast("list[Any]", given) if isinstance(given, list) else []


def vectors(answer: Json) -> list[Sequence[float]]:
    """The vectors of a checked answer, in the order of what was asked."""
    ordered = sorted(answer["data"], key=lambda item: item["index"])
    return [_vector(item["embedding"]) for item in ordered]


def parse(body: bytes) -> Json:
    return check(checked.load(body))


def check(answer: Json) -> Json:
    """The answer, which code may now rely on: every index once, and all vectors of one length."""
    items = checked.objects(answer.get("data"), "The data")
    checked.expect(items, "The answer has no embeddings.")
    checked.expect(
        {checked.an_index(item, "index", _MOST_INPUTS) for item in items} == set(range(len(items))),
        "The embeddings are not numbered one by one.",
    )
    sizes = {_size(item.get("embedding")) for item in items}
    checked.expect(len(sizes) == 1, "The embeddings differ in length.")
    return answer


def usage_of(answer: Json) -> Usage | None:
    if answer.get("usage") is None:
        return None
    usage = checked.an_object(answer["usage"], "The usage")
    return Usage(checked.a_count(usage, "prompt_tokens", missing=_total(usage)), 0)


def _total(usage: Json) -> int:
    """Some servers say only how many there were in all."""
    return checked.a_count(usage, "total_tokens")


class Assembly:
    """Of the one event that tells all."""

    def __init__(self) -> None:
        self._answer: Json | None = None
        self._usage: Usage | None = None
        self.size = 0
        self.done = False

    def feed(self, data: bytes) -> str:
        if self.done:
            checked.out_of_order("it goes on after its end")
        event = checked.load(data)
        if event.get("error"):
            raise ErrorWithin(checked.said(event["error"]))
        self._answer, self._usage, self.done = check(event), usage_of(event), True
        self.size = len(data)
        return ""

    def usage(self) -> Usage | None:
        return self._usage

    def finish(self) -> Json:
        if self._answer is None:
            raise BrokenAnswer("The stream was cut before its end.")
        return self._answer


def assembly() -> Assembly:
    return Assembly()


def emit(answer: Json, *, piece: int = 16) -> Iterator[bytes]:
    yield checked.dump(answer, BrokenAnswer)


def event(data: bytes) -> bytes:
    return sse.event(data)


def problem(status: int, error: FairleadError) -> bytes:
    return orjson.dumps(openai_error.body(status, error))


def broken_off(error: FairleadError) -> bytes:
    return orjson.dumps(openai_error.body(500, error))


def _is_input(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value)
    if not isinstance(value, list) or not value or len(cast("list[Any]", value)) > _MOST_INPUTS:
        return False
    items = cast("list[Any]", value)
    return _are_tokens(items) or all((isinstance(one, str) and one) or _are_tokens(one) for one in items)


def _are_tokens(value: Any) -> bool:
    items = cast("list[Any]", value) if isinstance(value, list) else []
    return bool(items) and all(type(one) is int and 0 <= one <= MOST_TOKEN for one in items)


def _size(embedding: Any) -> int:
    """How many numbers it has, each of them one."""
    if isinstance(embedding, str):
        return len(_decoded(embedding)) // 4
    checked.expect(type(embedding) is list and embedding, "An embedding is no list of numbers.")
    numbers = cast("list[Any]", embedding)
    checked.expect(all(type(one) in (float, int) for one in numbers), "An embedding has what is no number.")
    return len(numbers)


def _vector(embedding: Any) -> Sequence[float]:
    if not isinstance(embedding, str):
        return embedding
    data = _decoded(embedding)
    return unpack(f"<{len(data) // 4}f", data)


def _decoded(text: str) -> bytes:
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError) as error:
        raise BrokenAnswer(f"An embedding is no base64: {error}.") from error
    checked.expect(data and len(data) % 4 == 0, "An embedding is no row of 32-bit numbers.")
    return data
