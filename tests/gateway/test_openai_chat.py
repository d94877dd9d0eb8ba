from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.errors import BrokenAnswer, ErrorWithin, InvalidInput
from fairlead.gateway.usage import Usage
from fairlead.gateway.wire import openai_chat
from tests.gateway.loopback import ask

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
names = st.text("abcdefgh_", min_size=1, max_size=8)
tool_calls = st.fixed_dictionaries(
    {"id": names, "type": st.just("function"), "function": st.fixed_dictionaries({"name": names, "arguments": texts})}
)
messages = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": st.none() | texts},
    optional={
        "tool_calls": st.lists(tool_calls, min_size=1, max_size=4),
        "refusal": st.none() | texts,
        "reasoning_content": texts,
    },
)
counts = st.integers(0, 100_000)
usages = st.fixed_dictionaries({"prompt_tokens": counts, "completion_tokens": counts, "total_tokens": counts})


@st.composite
def completions(draw: st.DrawFn) -> dict[str, Any]:
    said = draw(st.lists(messages, min_size=1, max_size=3))
    choices = [
        {"index": index, "message": message, "finish_reason": draw(st.sampled_from(["stop", "length", "tool_calls"]))}
        for index, message in enumerate(said)
    ]
    head = {"id": draw(names), "object": "chat.completion", "created": draw(counts), "model": draw(names)}
    usage = draw(st.none() | usages)
    return {**head, "choices": choices, **({} if usage is None else {"usage": usage})}


def told(events: Iterator[bytes]) -> list[bytes]:
    return list(events)


@given(completions(), st.integers(1, 20))
def test_a_stream_assembled_is_the_answer_it_was_made_of(completion: dict[str, Any], piece: int) -> None:
    assembly = openai_chat.assembly()
    text = "".join([assembly.feed(data) for data in told(openai_chat.emit(completion, piece=piece))])
    assert assembly.finish() == completion
    assert text == (completion["choices"][0]["message"]["content"] or "")


@given(completions(), st.data())
def test_a_stream_cut_anywhere_is_never_presented_as_complete(completion: dict[str, Any], data: st.DataObject) -> None:
    chunks = told(openai_chat.emit(completion))
    assembly = openai_chat.assembly()
    for chunk in chunks[: data.draw(st.integers(0, len(chunks) - 1))]:
        assembly.feed(chunk)
    with pytest.raises(BrokenAnswer, match="cut"):
        assembly.finish()


def feed(assembly: openai_chat.Assembly, *chunks: Any) -> str:
    return "".join([assembly.feed(json.dumps(chunk).encode()) for chunk in chunks])


def ended(assembly: openai_chat.Assembly) -> dict[str, Any]:
    assembly.feed(b"[DONE]")
    return assembly.finish()


def test_interleaved_parallel_tool_calls_are_put_together_by_index() -> None:
    def calls(*pieces: dict[str, Any]) -> dict[str, Any]:
        return {"choices": [{"index": 0, "delta": {"tool_calls": list(pieces)}, "finish_reason": None}]}

    assembly = openai_chat.assembly()
    feed(assembly, calls({"index": 1, "id": "b", "function": {"name": "two", "arguments": ""}}))
    feed(assembly, calls({"index": 0, "id": "a", "function": {"name": "one", "arguments": '{"x"'}}))
    feed(assembly, calls({"index": 1, "function": {"arguments": "{}"}}, {"index": 0, "function": {"arguments": ":1}"}}))
    feed(assembly, {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    made = ended(assembly)["choices"][0]["message"]["tool_calls"]
    assert [(c["id"], c["function"]["name"], c["function"]["arguments"]) for c in made] == [
        ("a", "one", '{"x":1}'),
        ("b", "two", "{}"),
    ]


def test_what_comes_in_lists_and_pieces_beside_the_text_is_joined() -> None:
    def piece(delta: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {"choices": [{"index": 0, "delta": delta, "finish_reason": None, **more}], "obfuscation": "xxxx"}

    assembly = openai_chat.assembly()
    token = {"token": "a", "logprob": -1.0, "bytes": None, "top_logprobs": []}
    feed(assembly, piece({"role": "assistant", "content": "", "refusal": None}))
    feed(assembly, piece({"content": "a"}, logprobs={"content": [token], "refusal": None}))
    feed(assembly, piece({"content": "a", "annotations": [{"n": 1}]}, logprobs={"content": [token], "refusal": None}))
    feed(assembly, piece({"annotations": [{"n": 2}], "audio": {"id": "x", "data": "QUJD"}}))
    feed(assembly, piece({"audio": {"data": "REVG", "expires_at": 9}}))
    feed(assembly, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    whole = ended(assembly)
    [choice] = whole["choices"]
    assert choice["logprobs"] == {"content": [token, token], "refusal": None}
    assert choice["message"]["annotations"] == [{"n": 1}, {"n": 2}]
    assert choice["message"]["audio"] == {"id": "x", "data": "QUJDREVG", "expires_at": 9}
    assert "obfuscation" not in whole


def test_the_size_counts_all_that_is_said_and_the_text_only_the_first_choice() -> None:
    assembly = openai_chat.assembly()
    text = feed(
        assembly,
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "", "refusal": None}}]},
        {"choices": [{"index": 0, "delta": {"content": "é", "reasoning_content": "abc"}}]},
        {"choices": [{"index": 1, "delta": {"content": "other"}}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}}]},
    )
    assert text == "é" and assembly.size == 2 + 3 + 5 + 2


def test_an_error_within_a_stream_is_told_in_the_providers_words() -> None:
    with pytest.raises(ErrorWithin, match="server_error: overloaded"):
        feed(openai_chat.assembly(), {"error": {"message": "overloaded", "type": "server_error"}})


def test_a_stream_that_goes_on_after_its_end_is_broken() -> None:
    assembly = openai_chat.assembly()
    assembly.feed(b"[DONE]")
    with pytest.raises(BrokenAnswer, match="after its end"):
        feed(assembly, {"choices": []})


def test_usage_is_known_before_the_end_and_wrong_usage_breaks_the_stream_at_once() -> None:
    assembly = openai_chat.assembly()
    feed(assembly, {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}})
    assert assembly.usage() == Usage(3, 2)
    with pytest.raises(BrokenAnswer, match="completion_tokens"):
        feed(assembly, {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": -2}})


def test_reasoning_that_is_billed_beside_the_completion_is_output() -> None:
    details = {"completion_tokens_details": {"reasoning_tokens": 5}}
    used = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 17, **details}
    assert openai_chat.usage_of({"usage": used}) == Usage(10, 7, reasoning=5)


def answer(**changes: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
    return {"choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 1}, **changes}


@pytest.mark.parametrize(
    "broken",
    [
        answer(choices=[]),
        answer(choices=None),
        answer(choices=[{}]),
        answer(choices=[{"message": {"content": 7}, "finish_reason": "stop"}]),
        answer(choices=[{"message": {"content": "hi"}, "finish_reason": None}]),
        answer(choices=[{"message": {"tool_calls": [{"id": "", "function": {}}]}, "finish_reason": "stop"}]),
        answer(usage={"prompt_tokens": -1, "completion_tokens": 1}),
        answer(usage={"prompt_tokens": 1.5, "completion_tokens": 1}),
        answer(usage={"prompt_tokens": True, "completion_tokens": 1}),
        answer(usage={"prompt_tokens": 10**12, "completion_tokens": 1}),
        answer(usage={"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 2}}),
        answer(usage={"prompt_tokens": 1}),
        [],
        "text",
    ],
)
def test_an_answer_that_cannot_be_true_is_refused(broken: Any) -> None:
    with pytest.raises(BrokenAnswer):
        openai_chat.usage_of(openai_chat.parse(orjson.dumps(broken)))


@pytest.mark.parametrize("raw", [b"", b"{", b'{"usage":{"prompt_tokens":NaN}}', b'{"a":1e400}', b'"\\ud800"', b"\xff"])
def test_what_is_not_json_is_refused(raw: bytes) -> None:
    with pytest.raises(BrokenAnswer):
        openai_chat.parse(raw)


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(st.none() | st.booleans() | st.integers() | texts, lambda v: st.lists(v) | st.dictionaries(texts, v))
)
def test_any_json_as_a_chunk_is_taken_or_refused_but_never_crashes(value: Any) -> None:
    for chunk in (value, {"choices": value}, {"choices": [value]}, {"choices": [{"delta": {"tool_calls": value}}]}):
        try:
            feed(openai_chat.assembly(), chunk)
        except BrokenAnswer:
            pass


def test_a_request_is_sent_with_a_cap_and_asks_streams_for_usage() -> None:
    plain = orjson.loads(openai_chat.build(ask().body, model="gpt/x", streamed=False))
    assert (plain["model"], plain["max_tokens"], plain["stream"]) == ("gpt/x", 2048, False)
    capped = orjson.loads(openai_chat.build(ask(max_completion_tokens=5).body, model="x", streamed=True))
    assert "max_tokens" not in capped and capped["stream_options"] == {"include_usage": True}
    null = {**ask().body, "max_tokens": None}
    assert orjson.loads(openai_chat.build(null, model="x", streamed=False, cap_name="max_tokens"))["max_tokens"] == 2048


def test_of_two_names_for_the_cap_the_larger_one_counts() -> None:
    assert openai_chat.output_cap({"max_tokens": 7, "max_completion_tokens": 5}) == 7


@pytest.mark.parametrize("cap", [-1, 1.5, "7", True, []])
def test_a_cap_that_is_none_is_refused(cap: Any) -> None:
    with pytest.raises(InvalidInput, match="max_tokens"):
        openai_chat.build({**ask().body, "max_tokens": cap}, model="x", streamed=False)


@pytest.mark.parametrize(
    "raw",
    [b"[]", b'{"model":"x"}', b'{"model":"x","messages":[]}', b'{"model":"x","messages":[{"role":"pope"}]}', b"{"],
)
def test_a_bad_request_is_the_callers_fault(raw: bytes) -> None:
    with pytest.raises(InvalidInput):
        openai_chat.parse_request(raw)
