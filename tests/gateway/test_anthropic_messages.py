from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from fairlead.errors import BrokenAnswer, ErrorWithin, InvalidInput
from fairlead.gateway.usage import Usage
from fairlead.gateway.wire import anthropic_messages as wire
from tests.gateway.answers import MESSAGE

Json = dict[str, Any]
START: Json = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": 10,
            "cache_read_input_tokens": 5,
            "cache_creation_input_tokens": 3,
            "output_tokens": 1,
        },
    },
}


def opens(index: int, **block: Any) -> Json:
    return {"type": "content_block_start", "index": index, "content_block": block}


def tells(index: int, kind: str, **delta: Any) -> Json:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **delta}}


def stops(index: int) -> Json:
    return {"type": "content_block_stop", "index": index}


def ends(reason: str | None = "end_turn", **usage: Any) -> Json:
    used = {"output_tokens": 15, **usage}
    return {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": used}


STOP: Json = {"type": "message_stop"}
TEXT = [opens(0, type="text", text=""), tells(0, "text_delta", text="Hi"), stops(0)]


def feed(*events: Json) -> tuple[wire.Assembly, str]:
    assembly = wire.assembly()
    return assembly, "".join([assembly.feed(json.dumps(event).encode()) for event in events])


def test_the_documented_stream_is_put_together() -> None:
    """With pings, an event of a kind to come, and text, thoughts, citations and two tool calls."""
    citation = {"type": "char_location", "cited_text": "x", "document_index": 0}
    assembly, text = feed(
        START,
        {"type": "ping"},
        opens(0, type="thinking", thinking="", signature=""),
        tells(0, "thinking_delta", thinking="Let me "),
        tells(0, "thinking_delta", thinking="see."),
        tells(0, "signature_delta", signature="c2ln"),
        stops(0),
        opens(1, type="text", text="", citations=[]),
        tells(1, "text_delta", text="Hel"),
        tells(1, "citations_delta", citation=citation),
        {"type": "an_event_to_come", "anything": 1},
        tells(1, "text_delta", text="lo"),
        stops(1),
        opens(2, type="tool_use", id="t1", name="look", input={}),
        tells(2, "input_json_delta", partial_json=""),
        tells(2, "input_json_delta", partial_json='{"city": "Zü'),
        tells(2, "input_json_delta", partial_json='rich"}'),
        stops(2),
        opens(3, type="tool_use", id="t2", name="now", input={}),
        stops(3),
        ends("tool_use"),
        STOP,
    )
    assert text == "Hello" and assembly.done
    whole = assembly.finish()
    assert whole["content"] == [
        {"type": "thinking", "thinking": "Let me see.", "signature": "c2ln"},
        {"type": "text", "text": "Hello", "citations": [citation]},
        {"type": "tool_use", "id": "t1", "name": "look", "input": {"city": "Zürich"}},
        {"type": "tool_use", "id": "t2", "name": "now", "input": {}},
    ]
    assert wire.usage_of(whole) == Usage(18, 15, cached_in=5, cache_written=3)


def test_usage_is_known_in_part_before_the_end() -> None:
    assembly, _ = feed(START, *TEXT)
    assert assembly.usage() == Usage(18, 1, cached_in=5, cache_written=3, estimated=True)
    assembly.feed(orjson.dumps(ends(input_tokens=20, output_tokens_details={"thinking_tokens": 4})))
    assert assembly.usage() == Usage(28, 15, cached_in=5, reasoning=4, cache_written=3)


@pytest.mark.parametrize(
    "events",
    [
        [*TEXT, ends(), STOP],
        [START, START],
        [START, tells(0, "text_delta", text="x")],
        [START, TEXT[0], TEXT[0]],
        [START, *TEXT, tells(0, "text_delta", text="x")],
        [START, *TEXT, stops(0)],
        [START, TEXT[0], ends(), STOP],
        [START, *TEXT, ends(), STOP, ends()],
        [START, *TEXT, ends(), STOP, STOP],
        [START, *TEXT, ends(), STOP, tells(0, "text_delta", text="x")],
        [ends()],
        [STOP],
        [START, opens(10**9, type="text", text="")],
        [START, opens(-1, type="text", text="")],
        [START, {"type": "content_block_start", "index": 0}],
        [START, TEXT[0], {"type": "content_block_delta", "index": 0}],
        [START, TEXT[0], tells(0, "text_delta")],
        [{"no": "type"}],
    ],
)
def test_a_stream_out_of_order_is_broken(events: list[Json]) -> None:
    with pytest.raises(BrokenAnswer):
        feed(*events)


@pytest.mark.parametrize(
    "events",
    [
        [],
        [START],
        [START, *TEXT],
        [START, *TEXT, ends()],
        [START, *TEXT, ends(None), STOP],
        [START, *TEXT, STOP],
    ],
)
def test_a_stream_without_its_end_is_not_whole(events: list[Json]) -> None:
    assembly, _ = feed(*events)
    with pytest.raises(BrokenAnswer, match="cut"):
        assembly.finish()


def test_an_error_within_the_stream_is_told_in_the_providers_words() -> None:
    with pytest.raises(ErrorWithin, match="overloaded_error: Overloaded"):
        feed(START, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})


@pytest.mark.parametrize(("reason", "made"), [("max_tokens", {"a": 1, "b": "x"}), ("tool_use", None)])
def test_arguments_that_were_cut_at_the_limit_are_kept_as_far_as_they_were_said(reason: str, made: Json | None) -> None:
    call = opens(0, type="tool_use", id="t", name="f", input={})
    cut = tells(0, "input_json_delta", partial_json='{"a": 1, "b": "x", "c": "')
    assembly, _ = feed(START, call, cut, stops(0), ends(reason), STOP)
    if made is None:
        with pytest.raises(BrokenAnswer, match="input of a tool call"):
            assembly.finish()
    else:
        assert assembly.finish()["content"][0]["input"] == made


def test_the_size_counts_text_thoughts_and_arguments() -> None:
    assembly, _ = feed(
        START,
        opens(0, type="text", text=""),
        tells(0, "text_delta", text="é"),
        stops(0),
        opens(1, type="tool_use", id="t", name="f", input={}),
    )
    before = assembly.size
    assembly.feed(orjson.dumps(tells(1, "input_json_delta", partial_json="{}")))
    assert assembly.size - before == len("{}") and before >= len("é".encode())


@pytest.mark.parametrize(
    "changes",
    [
        {"content": None},
        {"content": [{"type": "text"}]},
        {"content": [{"type": "tool_use", "id": "", "name": "f", "input": {}}]},
        {"content": [{"type": "tool_use", "id": "t", "name": "f", "input": "{}"}]},
        {"content": [{"text": "no type"}]},
        {"stop_reason": None},
        {"usage": {"input_tokens": 9_999_999, "cache_read_input_tokens": 9_999_999, "output_tokens": 1}},
        {"usage": {"input_tokens": 1, "output_tokens": 1, "output_tokens_details": {"thinking_tokens": 2}}},
        {"usage": {"input_tokens": 1, "output_tokens": 1, "cache_creation": {"ephemeral_1h_input_tokens": 2}}},
    ],
)
def test_an_answer_that_cannot_be_true_is_broken(changes: Json) -> None:
    with pytest.raises(BrokenAnswer):
        wire.usage_of(wire.parse(orjson.dumps({**MESSAGE, **changes})))


def test_blocks_of_kinds_to_come_pass_through() -> None:
    answer = {**MESSAGE, "content": [{"type": "a_block_to_come", "data": [1]}]}
    assert wire.parse(orjson.dumps(answer)) == answer


@pytest.mark.parametrize(
    "changes",
    [
        {"messages": []},
        {"messages": [{"role": "tool", "content": "x"}]},
        {"messages": [{"role": "user"}]},
        {"messages": [{"role": "user", "content": [{"text": "no type"}]}]},
        {"system": 7},
        {"tools": [{"input_schema": {}}]},
        {"max_tokens": "7"},
    ],
)
def test_a_bad_request_is_the_callers_fault(changes: Json) -> None:
    body = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}], **changes}
    with pytest.raises(InvalidInput):
        wire.parse_request(orjson.dumps(body))


def test_a_limit_of_zero_fills_the_cache_and_asks_for_no_answer() -> None:
    assert wire.output_cap({"max_tokens": 0}) == 0
    assert orjson.loads(wire.build({"max_tokens": 0}, model="m", streamed=False))["max_tokens"] == 0
