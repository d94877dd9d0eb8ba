"""Answers in every wire format: one of each as the provider documents it, and any number made up."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from hypothesis import strategies as st

from fairlead.gateway.types import Format

Json = dict[str, Any]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
some_text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
names = st.text("abcdefgh_", min_size=1, max_size=8)
counts = st.integers(0, 100_000)
inputs = st.dictionaries(
    names, st.none() | st.booleans() | texts | st.integers(-(2**53), 2**53) | st.lists(texts, max_size=2), max_size=3
)

CHAT: Json = {
    "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
    "object": "chat.completion",
    "created": 1741569952,
    "model": "gpt-5.4",
    "service_tier": "default",
    "system_fingerprint": "fp_44709d6fcb",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Hello! How can I assist you today?",
                "refusal": None,
                "reasoning_content": "They say hello.",
                "annotations": [],
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "get_weather", "arguments": '{"city":"Zürich"}'},
                    },
                    {"id": "call_2", "type": "function", "function": {"name": "now", "arguments": "{}"}},
                ],
            },
            "logprobs": {
                "content": [{"token": "Hello", "logprob": -0.1, "bytes": [72], "top_logprobs": []}],
                "refusal": None,
            },
            "finish_reason": "tool_calls",
        }
    ],
    "usage": {
        "prompt_tokens": 30,
        "completion_tokens": 12,
        "total_tokens": 42,
        "prompt_tokens_details": {"cached_tokens": 10, "cache_write_tokens": 4, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 5, "audio_tokens": 0},
    },
}

MESSAGE: Json = {
    "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5",
    "content": [
        {"type": "thinking", "thinking": "They ask for two things.", "signature": "EqQBCgIYAhIM1gbcDa9GJwZA2b3h"},
        {"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3pzix"},
        {"type": "text", "text": "Hello! Let me look."},
        {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Zürich", "days": 2}},
        {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 16,
        "cache_creation_input_tokens": 4,
        "cache_read_input_tokens": 10,
        "cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 3},
        "output_tokens": 12,
        "output_tokens_details": {"thinking_tokens": 5},
        "service_tier": "standard",
    },
}

RESPONSE: Json = {
    "id": "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b",
    "object": "response",
    "created_at": 1741476542,
    "status": "completed",
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "model": "gpt-5.4",
    "output": [
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "They say hello."}]},
        {
            "type": "message",
            "id": "msg_1",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "In a peaceful grove", "annotations": []}],
        },
        {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "call_1",
            "name": "get_weather",
            "arguments": '{"city":"Zürich"}',
            "status": "completed",
        },
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "temperature": 1.0,
    "top_p": 1.0,
    "usage": {
        "input_tokens": 30,
        "input_tokens_details": {
            "cached_tokens": 10,
            "cache_write_tokens": 4,
            "cache_write_tokens_details": {"ttl_12h_tokens": 3, "ttl_30m_tokens": 1},
        },
        "output_tokens": 12,
        "output_tokens_details": {"reasoning_tokens": 5},
        "total_tokens": 42,
    },
}

VECTORS: Json = {
    "object": "list",
    "data": [
        {"object": "embedding", "index": 1, "embedding": [0, -0.5, 0.25]},
        {"object": "embedding", "index": 0, "embedding": [0.0023064255, -0.009327292, -0.0028842222]},
    ],
    "model": "text-embedding-3-small",
    "usage": {"prompt_tokens": 30, "total_tokens": 30},
}

ANSWERS: dict[Format, Json] = {
    Format.CHAT: CHAT, Format.MESSAGES: MESSAGE, Format.RESPONSES: RESPONSE, Format.EMBEDDINGS: VECTORS,
}  # fmt: skip


@st.composite
def embeddings(draw: st.DrawFn) -> Json:
    """Vectors as lists and as base64; with and without usage."""
    size = draw(st.integers(1, 4))
    listed = st.lists(st.floats(-1, 1), min_size=size, max_size=size)
    packed = st.binary(min_size=4 * size, max_size=4 * size).map(lambda raw: b64encode(raw).decode())
    made = draw(st.lists(listed | packed, min_size=1, max_size=3))
    data = [{"object": "embedding", "index": index, "embedding": one} for index, one in enumerate(made)]
    tokens = draw(counts)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    answer: Json = {"object": "list", "data": draw(st.permutations(data)), "model": draw(names)}
    return {**answer, "usage": usage} if draw(st.booleans()) else answer


@st.composite
def chats(draw: st.DrawFn, most_choices: int = 3) -> Json:
    """Chat completions with text, reasoning, refusals, tool calls; with and without usage."""
    call = st.fixed_dictionaries(
        {
            "id": names,
            "type": st.just("function"),
            "function": st.fixed_dictionaries({"name": names, "arguments": texts}),
        }
    )
    custom = st.fixed_dictionaries(
        {"id": names, "type": st.just("custom"), "custom": st.fixed_dictionaries({"name": names, "input": texts})}
    )
    message = st.fixed_dictionaries(
        {"role": st.just("assistant"), "content": st.none() | texts},
        optional={
            "tool_calls": st.lists(call | custom, min_size=1, max_size=4),
            "refusal": st.none() | texts,
            "reasoning_content": texts,
            "annotations": st.lists(st.fixed_dictionaries({"type": names}), max_size=2),
        },
    )
    ends = st.sampled_from(["stop", "length", "tool_calls", "content_filter"])
    said = draw(st.lists(message, min_size=1, max_size=most_choices))
    choices = [{"index": index, "message": it, "finish_reason": draw(ends)} for index, it in enumerate(said)]
    head = {"id": draw(names), "object": "chat.completion", "created": draw(counts), "model": draw(names)}
    return {**head, "choices": choices, **draw(st.just({}) | st.fixed_dictionaries({"usage": chat_usages()}))}


@st.composite
def chat_usages(draw: st.DrawFn) -> Json:
    cached, written, fresh, said, thought = (draw(counts) for _ in range(5))
    tokens_in, tokens_out = cached + written + fresh, said + thought
    return {
        "prompt_tokens": tokens_in,
        "completion_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
        "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
        "completion_tokens_details": {"reasoning_tokens": thought},
    }


@st.composite
def messages(draw: st.DrawFn) -> Json:
    """Anthropic messages with text, citations, thoughts, tool calls; with and without usage."""
    citation = st.fixed_dictionaries({"type": st.just("char_location"), "cited_text": texts})
    text = st.fixed_dictionaries(
        {"type": st.just("text"), "text": texts}, optional={"citations": st.none() | st.lists(citation, max_size=2)}
    )
    thinking = st.fixed_dictionaries({"type": st.just("thinking"), "thinking": texts, "signature": texts})
    redacted = st.fixed_dictionaries({"type": st.just("redacted_thinking"), "data": texts})
    call = st.fixed_dictionaries({"type": st.just("tool_use"), "id": names, "name": names, "input": inputs})
    ends = st.sampled_from(["end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal", "pause_turn"])
    answer: Json = {
        "id": draw(names),
        "type": "message",
        "role": "assistant",
        "model": draw(names),
        "content": draw(st.lists(text | thinking | redacted | call, max_size=5)),
        "stop_reason": draw(ends),
        "stop_sequence": draw(st.none() | names),
    }
    return {**answer, **draw(st.just({}) | st.fixed_dictionaries({"usage": message_usages()}))}


@st.composite
def message_usages(draw: st.DrawFn) -> Json:
    said, thought, long, short = (draw(counts) for _ in range(4))
    return {
        "input_tokens": draw(counts),
        "cache_read_input_tokens": draw(counts),
        "cache_creation_input_tokens": long + short,
        "cache_creation": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long},
        "output_tokens": said + thought,
        "output_tokens_details": {"thinking_tokens": thought},
    }


@st.composite
def responses(draw: st.DrawFn) -> Json:
    """Responses with text, refusals, reasoning, function calls and what a hosted tool did."""
    said = st.fixed_dictionaries({"type": st.just("output_text"), "text": texts, "annotations": st.just([])})
    refused = st.fixed_dictionaries({"type": st.just("refusal"), "refusal": texts})
    message = st.fixed_dictionaries(
        {
            "type": st.just("message"),
            "id": names,
            "status": st.just("completed"),
            "role": st.just("assistant"),
            "content": st.lists(said | refused, max_size=2),
        }
    )
    call = st.fixed_dictionaries(
        {"type": st.just("function_call"), "id": names, "call_id": names, "name": names, "arguments": texts}
    )
    summary = st.lists(st.fixed_dictionaries({"type": st.just("summary_text"), "text": texts}), max_size=2)
    reasoning = st.fixed_dictionaries({"type": st.just("reasoning"), "id": names, "summary": summary})
    search = st.fixed_dictionaries({"type": st.just("web_search_call"), "id": names, "status": st.just("completed")})
    answer: Json = {
        "id": draw(names),
        "object": "response",
        "created_at": draw(counts),
        "status": draw(st.sampled_from(["completed", "incomplete"])),
        "error": None,
        "model": draw(names),
        "output": draw(st.lists(message | call | reasoning | search, max_size=4)),
    }
    return {**answer, **draw(st.just({}) | st.fixed_dictionaries({"usage": response_usages()}))}


@st.composite
def response_usages(draw: st.DrawFn) -> Json:
    cached, fresh, said, thought = (draw(counts) for _ in range(4))
    return {
        "input_tokens": cached + fresh,
        "input_tokens_details": {"cached_tokens": cached},
        "output_tokens": said + thought,
        "output_tokens_details": {"reasoning_tokens": thought},
        "total_tokens": cached + fresh + said + thought,
    }
