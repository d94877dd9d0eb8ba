"""What is the same of every wire format: each module of `WIRES` through one suite."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.errors import BrokenAnswer, InvalidInput, ModelUnavailable, NotJson
from fairlead.gateway.types import Format
from fairlead.gateway.usage import Usage
from fairlead.gateway.wire import WIRES, Wire, sse
from tests.gateway.answers import ANSWERS, chats, embeddings, messages, responses

EVERY = pytest.mark.parametrize("wire", WIRES.values(), ids=lambda wire: wire.FORMAT.value)
# A model's answer has a most that it may be, and may be streamed; vectors are not said.
SAID = [wire for wire in WIRES.values() if wire.FORMAT is not Format.EMBEDDINGS]
SPEAKING = pytest.mark.parametrize("wire", SAID, ids=lambda wire: wire.FORMAT.value)
MADE = {Format.CHAT: chats(), Format.MESSAGES: messages(), Format.RESPONSES: responses(),
        Format.EMBEDDINGS: embeddings()}  # fmt: skip


async def cut(raw: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(raw), size):
        yield raw[start : start + size]


async def told(raw: bytes, size: int = 1 << 20) -> list[bytes]:
    return [data async for data in sse.events(cut(raw, size))]


def test_every_format_has_its_wire() -> None:
    assert {name: wire.FORMAT for name, wire in WIRES.items()} == {name: name for name in Format}


@EVERY
@settings(max_examples=40, deadline=None)
@given(data=st.data())
async def test_an_answer_told_as_a_stream_and_put_together_is_the_same_however_the_bytes_were_cut(
    wire: Wire, data: st.DataObject
) -> None:
    answer = data.draw(MADE[wire.FORMAT])
    assert wire.parse(orjson.dumps(answer)) == answer
    raw = b"".join(wire.event(event) for event in wire.emit(answer, piece=data.draw(st.integers(1, 20))))
    assembly = wire.assembly()
    for event in await told(raw, data.draw(st.integers(1, 50))):
        assert not assembly.done
        assembly.feed(event)
    assert assembly.done and assembly.finish() == answer
    assert assembly.usage() == wire.usage_of(answer)


@EVERY
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_stream_that_is_cut_anywhere_is_never_whole(wire: Wire, data: st.DataObject) -> None:
    events = list(wire.emit(data.draw(MADE[wire.FORMAT])))
    assembly = wire.assembly()
    for event in events[: data.draw(st.integers(0, len(events) - 1))]:
        assembly.feed(event)
    assert not assembly.done
    with pytest.raises(BrokenAnswer, match="cut"):
        assembly.finish()


@EVERY
async def test_an_event_passed_through_is_the_event_that_came(wire: Wire) -> None:
    events = list(wire.emit(ANSWERS[wire.FORMAT]))
    assert await told(b"".join(wire.event(data) for data in events)) == events


NONSENSE: list[Any] = [None, True, -1, 0, 2**70, 1e300, "", "x", [], {}, [[]], [None], {"type": "x"}, {"type": []}]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for name, item in inner for place in places(item, (*path, name)))]


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(copy[path[0]], path[1:], new)
    return copy


def hurt(value: Any) -> Iterator[Any]:
    """The value with each of its places replaced by each nonsense."""
    for place in places(value):
        for new in NONSENSE:
            yield changed(value, place, new)


@EVERY
def test_whatever_a_provider_says_is_taken_or_broken_but_never_crashes(wire: Wire) -> None:
    for broken in hurt(ANSWERS[wire.FORMAT]):
        try:
            wire.usage_of(wire.parse(json.dumps(broken).encode()))
        except BrokenAnswer:
            pass


def raw_events(wire: Wire) -> list[bytes]:
    return list(wire.emit(ANSWERS[wire.FORMAT]))


def hurt_streams(wire: Wire) -> Iterator[list[bytes]]:
    """The stream with each place of each event replaced by each nonsense."""
    events = raw_events(wire)
    for number, event in enumerate(events):
        if event.startswith(b"{"):
            for broken in hurt(orjson.loads(event)):
                yield [*events[:number], json.dumps(broken).encode(), *events[number + 1 :]]


def disordered(wire: Wire) -> st.SearchStrategy[list[bytes]]:
    """Events of the stream missing, twice and in any order."""
    events = raw_events(wire)
    return st.lists(st.sampled_from(events), max_size=12) | st.permutations(events)


@EVERY
def test_whatever_an_event_says_is_taken_or_broken_but_never_crashes(wire: Wire) -> None:
    for events in hurt_streams(wire):
        put_together(wire, events)


@EVERY
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_events_in_whatever_order_are_taken_or_broken_but_never_crash(wire: Wire, data: st.DataObject) -> None:
    put_together(wire, data.draw(disordered(wire)))


def put_together(wire: Wire, events: list[bytes]) -> None:
    assembly = wire.assembly()
    try:
        for event in events:
            assembly.feed(event)
        assembly.usage()
        assembly.finish()
    except BrokenAnswer:
        pass


@EVERY
def test_whatever_a_client_sends_is_taken_or_refused_but_never_crashes(wire: Wire) -> None:
    for broken in hurt(REQUESTS[wire.FORMAT]):
        list(wire.parts(broken) if isinstance(broken, dict) else ())
        try:
            body = wire.parse_request(json.dumps(broken).encode())
            wire.build(body, model="m", streamed=True)
            assert wire.output_cap(body) >= 0
        except InvalidInput:
            pass


IMAGE = {"type": "image", "source": {"type": "url", "url": "https://x/i.png"}}
REQUESTS: dict[Format, dict[str, Any]] = {
    Format.CHAT: {
        "model": "m",
        "max_tokens": 5,
        "stream_options": {"include_usage": False},
        "tools": [{"type": "function", "function": {"name": "look", "parameters": {}}}],
        "messages": [
            {"role": "system", "content": "be kind"},
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {}}]},
        ],
    },
    Format.MESSAGES: {
        "model": "m",
        "max_tokens": 5,
        "system": [{"type": "text", "text": "be kind"}],
        "tools": [{"name": "look", "input_schema": {}}, {"type": "web_search_20250305", "name": "web_search"}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "a"}, IMAGE]},
            {"role": "assistant", "content": "b"},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [IMAGE]}]},
        ],
    },
    Format.RESPONSES: {
        "model": "m",
        "max_output_tokens": 5,
        "previous_response_id": "resp_1",
        "tools": [{"type": "function", "name": "look", "parameters": {}}, {"type": "web_search"}],
        "input": [{"role": "user", "content": [{"type": "input_image", "image_url": "https://x/i.png"}]}],
    },
    Format.EMBEDDINGS: {"model": "m", "input": ["a", "b"], "dimensions": 3, "encoding_format": "float"},
}
BEYOND: dict[Format, list[str]] = {
    Format.CHAT: ["image_url"],
    Format.MESSAGES: ["image", "image", "web_search_20250305"],
    Format.RESPONSES: ["input_image", "web_search", "previous_response_id"],
    Format.EMBEDDINGS: [],
}


@EVERY
def test_a_request_names_each_part_that_may_cost_more_than_its_bytes(wire: Wire) -> None:
    body = wire.parse_request(orjson.dumps(REQUESTS[wire.FORMAT]))
    assert [part["type"] for part in wire.parts(body)] == BEYOND[wire.FORMAT]


CAPS = {Format.CHAT: "max_tokens", Format.MESSAGES: "max_tokens", Format.RESPONSES: "max_output_tokens"}


@SPEAKING
@pytest.mark.parametrize("streamed", [False, True])
def test_a_request_goes_out_with_the_providers_model_and_a_cap_and_is_else_as_it_came(
    wire: Wire, streamed: bool
) -> None:
    asked = REQUESTS[wire.FORMAT]
    built = orjson.loads(wire.build(asked, model="x/y", streamed=streamed))
    assert (built.pop("model"), built.pop("stream")) == ("x/y", streamed)
    changed_by_us = {"stream_options"} if streamed else set[str]()
    assert {n: v for n, v in built.items() if n not in changed_by_us} == {
        n: v for n, v in asked.items() if n not in {"model", *changed_by_us}
    }
    uncapped = {name: value for name, value in asked.items() if name != CAPS[wire.FORMAT]}
    assert wire.output_cap(asked) == 5 and wire.output_cap(uncapped) == 2048
    for body in (uncapped, {**asked, CAPS[wire.FORMAT]: None}):
        assert orjson.loads(wire.build(body, model="m", streamed=streamed))[CAPS[wire.FORMAT]] == 2048


@SPEAKING
@pytest.mark.parametrize("cap", [-1, 1.5, "7", True, [1]])
def test_a_cap_that_is_no_number_of_tokens_is_the_callers_fault(wire: Wire, cap: Any) -> None:
    body = {**REQUESTS[wire.FORMAT], CAPS[wire.FORMAT]: cap}
    for use in (
        lambda: wire.parse_request(orjson.dumps(body)),
        lambda: wire.build(body, model="m", streamed=False),
        lambda: wire.output_cap(body),
    ):
        with pytest.raises(InvalidInput, match=CAPS[wire.FORMAT]):
            use()


@EVERY
def test_a_request_that_json_cannot_carry_is_the_callers_fault(wire: Wire) -> None:
    with pytest.raises(NotJson):
        wire.build({"messages": object()}, model="m", streamed=False)


@EVERY
@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"{}", b'{"model":7}', b'{"model":"m"}', b'{"a":NaN}', b"\xff"])
def test_a_body_that_is_no_request_is_the_callers_fault(wire: Wire, raw: bytes) -> None:
    with pytest.raises(InvalidInput):
        wire.parse_request(raw)


@EVERY
@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"{}", b"7", b'{"a":NaN}', b'{"a":1e400}', b'"\\ud800"', b"\xff"])
def test_what_is_no_answer_is_broken(wire: Wire, raw: bytes) -> None:
    with pytest.raises(BrokenAnswer):
        wire.parse(raw)


COUNTS: dict[Format, tuple[str, ...]] = {
    Format.CHAT: ("prompt_tokens", "completion_tokens"),
    Format.MESSAGES: ("input_tokens", "output_tokens"),
    Format.RESPONSES: ("input_tokens", "output_tokens"),
    Format.EMBEDDINGS: ("prompt_tokens",),
}


@EVERY
@pytest.mark.parametrize("count", [-1, 1.5, True, 10**12, "7", None, [], {}])
@pytest.mark.parametrize("which", [0, 1])
def test_usage_that_cannot_be_true_is_broken(wire: Wire, which: int, count: Any) -> None:
    answer, names = ANSWERS[wire.FORMAT], COUNTS[wire.FORMAT]
    name = names[which % len(names)]
    left_out = {"total_tokens"} if count is None and wire.FORMAT is Format.EMBEDDINGS else set[str]()  # it would do
    usage = {known: value for known, value in answer["usage"].items() if known not in left_out}
    with pytest.raises(BrokenAnswer, match="_tokens"):
        wire.usage_of(wire.parse(orjson.dumps({**answer, "usage": {**usage, name: count}})))


@EVERY
def test_usage_that_is_not_told_is_not_made_up(wire: Wire) -> None:
    answer = {name: value for name, value in ANSWERS[wire.FORMAT].items() if name != "usage"}
    assert wire.usage_of(wire.parse(orjson.dumps(answer))) is None


USED: dict[Format, Usage] = {
    Format.CHAT: Usage(30, 12, cached_in=10, reasoning=5, cache_written=4),
    Format.RESPONSES: Usage(30, 12, cached_in=10, reasoning=5, cache_written=4, cache_written_long=3),
    Format.MESSAGES: Usage(30, 12, cached_in=10, reasoning=5, cache_written=4, cache_written_long=3),
    Format.EMBEDDINGS: Usage(30, 0),
}


@EVERY
def test_usage_means_the_same_in_every_format(wire: Wire) -> None:
    assert wire.usage_of(ANSWERS[wire.FORMAT]) == USED[wire.FORMAT]


@EVERY
def test_a_stream_that_is_broken_off_is_an_error_to_its_own_format(wire: Wire) -> None:
    assembly = wire.assembly()
    with pytest.raises(BrokenAnswer, match="gone away"):
        assembly.feed(wire.broken_off(ModelUnavailable("gone away", hint="Try again.")))
    assert not assembly.done


@EVERY
@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 429, 500, 504, 529])
def test_a_problem_says_what_happened_and_our_code_for_it(wire: Wire, status: int) -> None:
    said = orjson.loads(wire.problem(status, ModelUnavailable("gone away", hint="Try again.")))
    assert said["error"]["message"] == "gone away Try again." and said["error"]["code"] == "model_unavailable"
    assert said["error"]["type"].endswith(("_error", "_large"))
