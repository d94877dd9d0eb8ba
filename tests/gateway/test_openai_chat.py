from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.errors import BrokenAnswer, InvalidInput
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


@given(completions(), st.integers(1, 20))
def test_a_stream_assembled_is_the_answer_it_was_made_of(completion: dict[str, Any], piece: int) -> None:
    assembly = openai_chat.Assembly()
    text = "".join(
        [assembly.feed(orjson.loads(orjson.dumps(chunk))) for chunk in openai_chat.emit(completion, piece=piece)]
    )
    assert assembly.finish(done=True) == completion
    assert text == (completion["choices"][0]["message"]["content"] or "")


@given(completions(), st.data())
def test_a_stream_cut_anywhere_is_never_presented_as_complete(completion: dict[str, Any], data: st.DataObject) -> None:
    chunks = list(openai_chat.emit(completion))
    assembly = openai_chat.Assembly()
    for chunk in chunks[: data.draw(st.integers(0, len(chunks)))]:
        assembly.feed(chunk)
    with pytest.raises(BrokenAnswer, match="cut"):
        assembly.finish(done=False)


def test_interleaved_parallel_tool_calls_are_put_together_by_index() -> None:
    def calls(*pieces: dict[str, Any]) -> dict[str, Any]:
        return {"choices": [{"index": 0, "delta": {"tool_calls": list(pieces)}, "finish_reason": None}]}

    assembly = openai_chat.Assembly()
    assembly.feed(calls({"index": 1, "id": "b", "function": {"name": "two", "arguments": ""}}))
    assembly.feed(calls({"index": 0, "id": "a", "function": {"name": "one", "arguments": '{"x"'}}))
    assembly.feed(calls({"index": 1, "function": {"arguments": "{}"}}, {"index": 0, "function": {"arguments": ":1}"}}))
    assembly.feed({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    made = assembly.finish(done=True)["choices"][0]["message"]["tool_calls"]
    assert [(c["id"], c["function"]["name"], c["function"]["arguments"]) for c in made] == [
        ("a", "one", '{"x":1}'),
        ("b", "two", "{}"),
    ]


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
        openai_chat.parse(orjson.dumps(broken))


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
            openai_chat.Assembly().feed(chunk)
        except BrokenAnswer:
            pass


def test_a_request_is_sent_with_a_cap_and_asks_streams_for_usage() -> None:
    plain = orjson.loads(openai_chat.build(ask(model="openai/gpt/x")))
    assert (plain["model"], plain["max_tokens"], plain["stream"]) == ("gpt/x", 2048, False)
    capped = orjson.loads(openai_chat.build(ask(max_completion_tokens=5, on_delta=print)))
    assert "max_tokens" not in capped and capped["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(
    "raw",
    [b"[]", b'{"model":"x"}', b'{"model":"x","messages":[]}', b'{"model":"x","messages":[{"role":"pope"}]}', b"{"],
)
def test_a_bad_request_is_the_callers_fault(raw: bytes) -> None:
    with pytest.raises(InvalidInput):
        openai_chat.parse_request(raw)
