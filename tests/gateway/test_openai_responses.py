from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from fairlead.errors import BrokenAnswer, ErrorWithin, InvalidInput
from fairlead.gateway.types import Format
from fairlead.gateway.usage import Usage
from fairlead.gateway.wire import crossing, openai_chat
from fairlead.gateway.wire import openai_responses as wire
from fairlead.gateway.wire.crossing import responses
from tests.gateway.answers import CHAT, RESPONSE

Json = dict[str, Any]
CREATED: Json = {"type": "response.created", "response": {**RESPONSE, "status": "in_progress", "usage": None}}
COMPLETED: Json = {"type": "response.completed", "response": RESPONSE}


def feed(*events: Json) -> tuple[wire.Assembly, str]:
    assembly = wire.assembly()
    return assembly, "".join([assembly.feed(json.dumps(event).encode()) for event in events])


def test_only_text_is_for_a_reader_and_all_that_is_said_counts() -> None:
    assembly, text = feed(
        CREATED,
        {"type": "response.reasoning_summary_text.delta", "delta": "hm", "summary_index": 0},
        {"type": "response.output_text.delta", "delta": "Hé", "output_index": 0},
        {"type": "response.refusal.delta", "delta": "no"},
        {"type": "response.function_call_arguments.delta", "delta": "{}"},
        {"type": "response.an_event_to_come", "anything": 1},
    )
    assert text == "Hé" and assembly.size == 2 + 3 + 2 + 2 and not assembly.done


def test_an_output_that_the_closing_event_leaves_out_was_told_item_by_item() -> None:
    items = [
        {"type": "response.output_item.done", "output_index": n, "item": it} for n, it in enumerate(RESPONSE["output"])
    ]
    assembly, _ = feed(CREATED, *items, {"type": "response.completed", "response": {**RESPONSE, "output": []}})
    assert assembly.finish() == RESPONSE


@pytest.mark.parametrize("kind", ["response.completed", "response.incomplete"])
def test_only_the_closing_event_ends_a_stream(kind: str) -> None:
    closing = {"type": kind, "response": {**RESPONSE, "status": kind.removeprefix("response.")}}
    before, _ = feed(CREATED, {"type": "response.output_text.done", "text": "x"})
    with pytest.raises(BrokenAnswer, match="cut"):
        before.finish()
    assembly, _ = feed(CREATED, closing)
    assert assembly.done and assembly.finish() == closing["response"]
    assert assembly.feed(b"[DONE]") == ""
    with pytest.raises(BrokenAnswer, match="after its end"):
        assembly.feed(orjson.dumps(CREATED))


def test_a_failed_response_is_an_error_and_what_it_used_is_known() -> None:
    failed = {**RESPONSE, "status": "failed", "error": {"code": "server_error", "message": "oh no"}}
    assembly, _ = feed(CREATED)
    with pytest.raises(ErrorWithin, match="server_error: oh no"):
        assembly.feed(orjson.dumps({"type": "response.failed", "response": failed}))
    assert assembly.usage() == wire.usage_of(RESPONSE) != Usage(0, 0)
    with pytest.raises(ErrorWithin, match="oh no"):
        wire.parse(orjson.dumps(failed))


def test_an_error_event_is_told_in_the_providers_words() -> None:
    with pytest.raises(ErrorWithin, match="rate_limit_exceeded: slow down"):
        feed(CREATED, {"type": "error", "code": "rate_limit_exceeded", "message": "slow down", "param": None})


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "queued"},
        {"status": None},
        {"output": None},
        {"output": [{"id": "no type"}]},
        {"output": [{"type": "message", "content": [{"type": "output_text", "text": 7}]}]},
        {"output": [{"type": "function_call", "call_id": "", "name": "f", "arguments": "{}"}]},
        {"usage": {"input_tokens": 1, "output_tokens": 1, "input_tokens_details": {"cached_tokens": 2}}},
        {"usage": {"input_tokens": 1, "output_tokens": 1, "output_tokens_details": {"reasoning_tokens": 2}}},
    ],
)
def test_an_answer_that_cannot_be_true_is_broken(changes: Json) -> None:
    with pytest.raises(BrokenAnswer):
        wire.usage_of(wire.parse(orjson.dumps({**RESPONSE, **changes})))


def test_a_request_that_is_answered_later_is_refused_because_its_cost_is_not_known() -> None:
    with pytest.raises(InvalidInput, match="background"):
        wire.parse_request(b'{"model":"m","input":"hi","background":true}')


# The simulated model: it speaks chat completions and answers in this format.

ASKED: Json = {
    "model": "m",
    "instructions": "Be kind.",
    "max_output_tokens": 50,
    "parallel_tool_calls": False,
    "reasoning": {"effort": "low"},
    "tools": [{"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": True}],
    "tool_choice": {"type": "function", "name": "look"},
    "text": {"format": {"type": "json_schema", "name": "city", "schema": {"type": "object"}}},
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "Where?"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
        {"type": "function_call", "call_id": "c2", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "here"},
        {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "there"}]},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Both.", "annotations": []}],
        },
    ],
}


def test_a_response_request_is_the_chat_request_that_asks_the_same() -> None:
    called = [{"id": i, "type": "function", "function": {"name": "look", "arguments": "{}"}} for i in ("c1", "c2")]
    assert responses.request_to_chat(ASKED) == {
        "model": "m",
        "max_completion_tokens": 50,
        "parallel_tool_calls": False,
        "reasoning_effort": "low",
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Where?"},
            {"role": "assistant", "content": None, "tool_calls": called},
            {"role": "tool", "tool_call_id": "c1", "content": "here"},
            {"role": "tool", "tool_call_id": "c2", "content": "there"},
            {"role": "assistant", "content": "Both."},
        ],
        "tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}, "strict": True}}],
        "tool_choice": {"type": "function", "function": {"name": "look"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "city", "schema": {"type": "object"}}},
    }
    assert responses.request_to_chat({"input": "hi"})["messages"] == [{"role": "user", "content": "hi"}]
    assert crossing.request(ASKED, Format.RESPONSES, Format.CHAT, lossy=True).body == responses.request_to_chat(ASKED)
    assert wire.check(crossing.answer(CHAT, Format.CHAT, Format.RESPONSES))["status"] == "completed"


@pytest.mark.parametrize(
    "changes",
    [
        {"previous_response_id": "resp_1"},
        {"conversation": "conv_1"},
        {"prompt": {"id": "p"}},
        {"tools": [{"type": "web_search"}]},
        {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "https://x"}]}]},
        {"input": [{"type": "computer_call_output", "call_id": "x"}]},
        {"input": 7},
    ],
)
def test_what_only_openai_could_answer_is_refused(changes: Json) -> None:
    with pytest.raises(InvalidInput):
        responses.request_to_chat({**ASKED, **changes})


def test_a_chat_answer_is_the_response_that_says_the_same_also_as_a_stream() -> None:
    answer = responses.answer_from_chat(CHAT, ASKED)
    assert wire.parse(orjson.dumps(answer)) == answer
    assert [item["type"] for item in answer["output"]] == ["reasoning", "message", "function_call", "function_call"]
    assert answer["output"][1]["content"][0]["text"] == CHAT["choices"][0]["message"]["content"]
    assert wire.usage_of(answer) == openai_chat.usage_of(CHAT)
    events = [orjson.loads(event) for event in wire.emit(answer)]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert (events[0]["type"], events[-1]["type"]) == ("response.created", "response.completed")
