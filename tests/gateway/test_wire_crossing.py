"""Chat completions and Anthropic messages, from one to the other: what both carry arrives, the rest is refused."""

from __future__ import annotations

import base64
import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.errors import BrokenAnswer, ErrorWithin, InvalidInput
from fairlead.gateway.types import Format
from fairlead.gateway.wire import WIRES, crossing
from tests.gateway.answers import (
    ANSWERS,
    CHAT,
    MESSAGE,
    chat_usages,
    inputs,
    message_usages,
    messages,
    names,
    some_text,
    texts,
)
from tests.gateway.test_wire_formats import disordered, hurt, hurt_streams, raw_events

Json = dict[str, Any]
PNG = base64.b64encode(b"\x89PNG not really").decode()
PDF = base64.b64encode(b"%PDF not really").decode()
EPHEMERAL = {"type": "ephemeral", "ttl": "1h"}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def to_messages(body: Json, *, lossy: bool = False) -> Json:
    return crossing.request(body, Format.CHAT, Format.MESSAGES, lossy=lossy).body


def to_chat(body: Json, *, lossy: bool = False) -> Json:
    return crossing.request(body, Format.MESSAGES, Format.CHAT, lossy=lossy).body


# One of everything, in each provider's documented form.

CHAT_REQUEST: Json = {
    "model": "claude-sonnet-4-5",
    "max_completion_tokens": 16_000,
    "temperature": 0.5,
    "top_p": 0.9,
    "stop": ["END"],
    "stream": True,
    "stream_options": {"include_usage": True},
    "reasoning_effort": "medium",
    "parallel_tool_calls": False,
    "user": "u-1",
    "service_tier": "auto",
    "n": 1,
    "store": False,
    "messages": [
        {"role": "developer", "content": "Be brief."},
        {"role": "system", "content": [{"type": "text", "text": "Be kind.", "cache_control": EPHEMERAL}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "auto"}},
                {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}},
            ],
        },
        {
            "role": "assistant",
            "content": "Let me look.",
            "reasoning_content": "Two places.",
            "thinking_blocks": [{"type": "thinking", "thinking": "Two places.", "signature": "c2ln"}],
            "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"city":"Bern"}'}},
                {"id": "call_2", "type": "function", "function": {"name": "look", "arguments": ""}},
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
        {"role": "tool", "tool_call_id": "call_2", "content": "no city", "is_error": True},
        {"role": "user", "content": "And now?"},
    ],
    "tools": [
        {
            "type": "function",
            "function": {"name": "look", "description": "Looks.", "parameters": SCHEMA, "strict": True},
        }
    ],
    "tool_choice": "required",
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "city", "schema": SCHEMA, "strict": True},
    },
}

MESSAGES_REQUEST: Json = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 16_000,
    "temperature": 0.5,
    "top_p": 0.9,
    "stop_sequences": ["END"],
    "stream": True,
    "thinking": {"type": "enabled", "budget_tokens": 8_000},
    "metadata": {"user_id": "u-1"},
    "service_tier": "auto",
    "system": [
        {"type": "text", "text": "Be brief."},
        {"type": "text", "text": "Be kind.", "cache_control": EPHEMERAL},
    ],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                {"type": "image", "source": {"type": "url", "url": "https://example.com/cat.png"}},
                {
                    "type": "document",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
                    "title": "a.pdf",
                },
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Two places.", "signature": "c2ln"},
                {"type": "text", "text": "Let me look."},
                {"type": "tool_use", "id": "call_1", "name": "look", "input": {"city": "Bern"}},
                {"type": "tool_use", "id": "call_2", "name": "look", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": "sunny"},
                {"type": "tool_result", "tool_use_id": "call_2", "content": "no city", "is_error": True},
                {"type": "text", "text": "And now?"},
            ],
        },
    ],
    "tools": [{"name": "look", "description": "Looks.", "input_schema": SCHEMA, "strict": True}],
    "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
    "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
}


def test_a_chat_request_with_one_of_everything_is_the_messages_request_that_asks_the_same() -> None:
    crossed = crossing.request(CHAT_REQUEST, Format.CHAT, Format.MESSAGES, lossy=False)
    assert crossed == crossing.Crossed(MESSAGES_REQUEST, ())


def test_a_messages_request_with_one_of_everything_is_the_chat_request_that_asks_the_same() -> None:
    crossed = crossing.request(MESSAGES_REQUEST, Format.MESSAGES, Format.CHAT, lossy=False)
    # A cache mark and another provider's sealed thoughts change nothing of what is asked: left, and named.
    assert set(crossed.dropped) == {"cache_control", "thinking blocks"}
    look, error = CHAT_REQUEST["messages"][3], CHAT_REQUEST["messages"][5]
    expected = {
        name: value for name, value in CHAT_REQUEST.items() if name not in ("n", "store", "stream_options", "messages")
    }
    expected["messages"] = [
        {"role": "system", "content": [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind."}]},
        json.loads(json.dumps(CHAT_REQUEST["messages"][2]).replace(', "detail": "auto"', "")),
        {
            "role": "assistant",
            "content": look["content"],
            "tool_calls": [
                look["tool_calls"][0],
                {"id": "call_2", "type": "function", "function": {"name": "look", "arguments": "{}"}},
            ],
        },
        CHAT_REQUEST["messages"][4],
        {"role": "tool", "tool_call_id": error["tool_call_id"], "content": "Error: no city"},
        {"role": "user", "content": [{"type": "text", "text": "And now?"}]},
    ]
    expected["response_format"] = {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
    }
    assert crossed.body == expected


def test_a_request_to_its_own_format_is_not_touched() -> None:
    assert crossing.request(CHAT_REQUEST, Format.CHAT, Format.CHAT, lossy=False).body is CHAT_REQUEST


# Round trips: anything that both carry.

text_parts = st.fixed_dictionaries({"type": st.just("text"), "text": some_text})
images = st.sampled_from(["https://x/y.png", f"data:image/png;base64,{PNG}"]).map(
    lambda url: {"type": "image_url", "image_url": {"url": url}}
)
files = st.sampled_from(["application/pdf", "text/plain"]).map(
    lambda kind: {
        "type": "file",
        "file": {"file_data": f"data:{kind};base64,{base64.b64encode(b'abc').decode()}", "filename": "f"},
    }
)
user_contents = some_text | st.lists(text_parts | images | files, min_size=1, max_size=3)
text_contents = some_text | st.lists(text_parts, min_size=1, max_size=2)
calls = st.fixed_dictionaries(
    {
        "id": names,
        "type": st.just("function"),
        "function": st.fixed_dictionaries({"name": names, "arguments": inputs.map(lambda v: orjson.dumps(v).decode())}),
    }
)


@st.composite
def conversations(draw: st.DrawFn) -> list[Json]:
    said: list[Json] = [
        {"role": draw(st.sampled_from(["system", "developer"])), "content": draw(text_contents)}
        for _ in range(draw(st.integers(0, 2)))
    ]
    for _ in range(draw(st.integers(1, 3))):
        said.append({"role": "user", "content": draw(user_contents)})
        if draw(st.booleans()):
            said.append({"role": "system", "content": draw(text_contents)})
        called = draw(st.lists(calls, max_size=3))
        answer: Json = {
            "role": "assistant",
            "content": draw(text_contents if not called else st.none() | text_contents),
        }
        said.append({**answer, **({"tool_calls": called} if called else {})})
        said += [{"role": "tool", "tool_call_id": call["id"], "content": draw(text_contents)} for call in called]
    said.append({"role": "user", "content": draw(user_contents)})
    return said


functions = st.fixed_dictionaries(
    {"name": names},
    optional={"description": texts, "parameters": st.just(SCHEMA), "strict": st.booleans()},
).map(lambda function: {"type": "function", "function": function})
named_choice = names.map(lambda name: {"type": "function", "function": {"name": name}})


@st.composite
def chat_requests(draw: st.DrawFn) -> Json:
    options: dict[str, st.SearchStrategy[Any]] = {
        "temperature": st.floats(0, 1),
        "top_p": st.floats(0, 1),
        "stop": some_text | st.lists(some_text, min_size=1, max_size=3),
        "user": some_text,
        "reasoning_effort": st.sampled_from(["low", "medium", "high"]),
        "tools": st.lists(functions, min_size=1, max_size=3),
        "tool_choice": st.sampled_from(["auto", "none", "required"]) | named_choice,
        "parallel_tool_calls": st.booleans(),
        "service_tier": st.sampled_from(["auto", "default"]),
        "response_format": st.just(CHAT_REQUEST["response_format"]) | st.just({"type": "text"}),
        "stream": st.booleans(),
    }
    body = draw(st.fixed_dictionaries({}, optional=options))
    cap = draw(st.sampled_from(["max_tokens", "max_completion_tokens"]))
    model = draw(st.sampled_from(["claude-sonnet-4-5", "claude-opus-5", "claude-haiku-4-5-20251001"]))
    return {"model": model, cap: draw(st.integers(8_192, 64_000)), "messages": draw(conversations()), **body}


def meaning(body: Json) -> Json:
    """A chat request in one way of writing what can be written in several."""
    meant = {**body, "max_completion_tokens": body.get("max_completion_tokens") or body.get("max_tokens")}
    meant.pop("max_tokens", None)
    if "stop" in meant:
        meant["stop"] = [meant["stop"]] if isinstance(meant["stop"], str) else meant["stop"]
    if meant.get("response_format", {}).get("type") == "text":
        del meant["response_format"]
    if "response_format" in meant:
        meant["response_format"] = meant["response_format"]["json_schema"]["schema"]
    if meant.get("parallel_tool_calls") is not False or "tools" not in meant or meant.get("tool_choice") == "none":
        meant.pop("parallel_tool_calls", None)
    if "tools" not in meant or meant.get("tool_choice") == "auto":
        meant.pop("tool_choice", None)
    for tool in meant.get("tools", []):
        tool["function"].setdefault("parameters", {"type": "object", "properties": {}})
    first: list[Json] = []
    rest: list[Json] = []
    for message in body["messages"]:
        message = {**message, "content": as_parts(message["content"])}
        if message["role"] in ("system", "developer") and not rest:
            first += message["content"]
        else:
            rest.append(message)
    return {**meant, "messages": [first, *rest]}


def as_parts(content: Any) -> list[Json]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content or []


@settings(max_examples=40, deadline=None)
@given(chat_requests())
def test_a_chat_request_there_and_back_asks_the_same(body: Json) -> None:
    there = crossing.request(body, Format.CHAT, Format.MESSAGES, lossy=False)
    back = crossing.request(there.body, Format.MESSAGES, Format.CHAT, lossy=False)
    assert there.dropped == back.dropped == ()
    assert meaning(back.body) == meaning(body)
    assert to_messages(back.body) == to_messages(to_chat(there.body))


@settings(max_examples=40, deadline=None)
@given(chat_requests())
def test_a_messages_request_there_and_back_asks_the_same(body: Json) -> None:
    asked = to_messages(body)
    back = to_messages(to_chat(asked))

    def blocks(request: Json) -> Json:
        spread = [{**turn, "content": as_parts(turn["content"])} for turn in request["messages"]]
        config = request.get("thinking", {}).get("type")
        choice = {} if request.get("tool_choice") in (None, {"type": "auto"}) else request["tool_choice"]
        return {
            **request,
            "thinking": config,
            "tool_choice": choice,
            "system": as_parts(request.get("system")),
            "messages": spread,
        }

    assert blocks(back) == blocks(asked)


@settings(max_examples=40, deadline=None)
@given(messages())
def test_an_answer_of_claude_comes_back_with_every_thought_sealed_and_in_its_place(answer: Json) -> None:
    """The client of a chat endpoint sends back the message that it got."""
    said = crossing.answer(answer, Format.MESSAGES, Format.CHAT)["choices"][0]["message"]
    asked = {"messages": [{"role": "user", "content": "hi"}, said, {"role": "user", "content": "go on"}]}
    content = to_messages(asked)["messages"][1]["content"]
    thoughts = [block for block in answer["content"] if "thinking" in block["type"]]
    assert [block for block in as_parts(content) if "thinking" in block["type"]] == thoughts
    if len({block["type"] for block in answer["content"] if "thinking" not in block["type"]}) < 2 and thoughts:
        texts_last = [block["type"] for block in answer["content"]].count("text") < 2
        kinds = [block["type"] for block in answer["content"] if block["type"] != "text" or block["text"]]
        if texts_last and len(kinds) == len(answer["content"]):
            assert [block["type"] for block in content] == kinds


# What can't be carried.

USER = [{"role": "user", "content": "hi"}]


def chat(**more: Any) -> Json:
    return {"model": "claude-sonnet-4-5", "messages": USER, **more}


def says(*content: Json, role: str = "user") -> Json:
    return {"messages": [{"role": role, "content": list(content)}, *USER]}


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("n", chat(n=2)),
        ("seed", chat(seed=1)),
        ("logprobs", chat(logprobs=True)),
        ("logit_bias", chat(logit_bias={"1": 2})),
        ("frequency_penalty", chat(frequency_penalty=0.5)),
        ("temperature", chat(temperature=1.5)),
        ("modalities", chat(modalities=["text", "audio"])),
        ("response_format (json_object)", chat(response_format={"type": "json_object"})),
        ("web_search_options", chat(web_search_options={"search_context_size": "low"})),
        ("service_tier", chat(service_tier="flex")),
        ("a_field_to_come", chat(a_field_to_come=1)),
        ("functions", chat(functions=[{"name": "f"}])),
        ("reasoning_effort", chat(reasoning_effort="high", max_tokens=1000)),
        ("tools[0] (custom)", chat(tools=[{"type": "custom", "custom": {"name": "c"}}])),
        ("messages[0].name", chat(messages=[{"role": "user", "name": "Ann", "content": "hi"}])),
        ("messages[0] (function)", chat(messages=[{"role": "function", "name": "f", "content": "1"}])),
        ("messages[0].content[0] (input_audio)", chat(**says({"type": "input_audio", "input_audio": {}}))),
        ("messages[0].content[0].file.file_id", chat(**says({"type": "file", "file": {"file_id": "f"}}))),
        (
            "messages[0].content[0].image_url.detail",
            chat(**says({"type": "image_url", "image_url": {"url": "https://x", "detail": "high"}})),
        ),
        ("messages[0].function_call", chat(messages=[{"role": "assistant", "content": "", "function_call": {"a": 1}}])),
    ],
)
def test_what_messages_cannot_carry_is_refused_by_name_or_left_out_and_named(field: str, body: Json) -> None:
    with pytest.raises(InvalidInput) as caught:
        crossing.request(body, Format.CHAT, Format.MESSAGES, lossy=False)
    assert f"`{field}`" in caught.value.message and caught.value.hint
    assert crossing.request(body, Format.CHAT, Format.MESSAGES, lossy=True).dropped == (field,)


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("top_k", chat(top_k=5)),
        ("container", chat(container="c")),
        ("mcp_servers", chat(mcp_servers=[{"url": "https://x"}])),
        ("speed", chat(speed="fast")),
        ("max_tokens (0)", chat(max_tokens=0)),
        ("metadata.other", chat(metadata={"other": 1})),
        ("a_field_to_come", chat(a_field_to_come=1)),
        ("tools[0] (web_search_20250305)", chat(tools=[{"type": "web_search_20250305", "name": "web_search"}])),
        ("tools[0].input_examples", chat(tools=[{"name": "f", "input_examples": [{}], "input_schema": {}}])),
        ("messages[1] (prefill)", chat(messages=[*USER, {"role": "assistant", "content": "{"}])),
        ("messages[0].content[0].source (file)", chat(**says({"type": "image", "source": {"type": "file"}}))),
        ("messages[0].content[0].source (url)", chat(**says({"type": "document", "source": {"type": "url"}}))),
        (
            "messages[0].content[0].citations",
            chat(
                **says(
                    {
                        "type": "document",
                        "source": {"type": "text", "media_type": "text/plain", "data": "a"},
                        "citations": {"enabled": True},
                    }
                )
            ),
        ),
        (
            "messages[0].content[0].content[0] (image_url)",
            chat(
                **says(
                    {
                        "type": "tool_result",
                        "tool_use_id": "t",
                        "content": [{"type": "image", "source": {"type": "url", "url": "https://x"}}],
                    }
                )
            ),
        ),
        ("messages[0].content[0] (server_tool_use)", chat(**says({"type": "server_tool_use"}, role="assistant"))),
    ],
)
def test_what_chat_cannot_carry_is_refused_by_name_or_left_out_and_named(field: str, body: Json) -> None:
    with pytest.raises(InvalidInput) as caught:
        crossing.request(body, Format.MESSAGES, Format.CHAT, lossy=False)
    assert f"`{field}`" in caught.value.message and caught.value.hint
    assert crossing.request(body, Format.MESSAGES, Format.CHAT, lossy=True).dropped == (field,)


def test_what_changes_only_cost_or_speed_is_left_out_and_named_without_being_refused() -> None:
    body = chat(prediction={"type": "content", "content": "x"}, prompt_cache_key="k")
    assert crossing.request(body, Format.CHAT, Format.MESSAGES, lossy=False).dropped == (
        "prediction",
        "prompt_cache_key",
    )
    marked = chat(cache_control=EPHEMERAL, system=[{"type": "text", "text": "s", "cache_control": EPHEMERAL}])
    assert crossing.request(marked, Format.MESSAGES, Format.CHAT, lossy=False).dropped == ("cache_control",)


@pytest.mark.parametrize("other", [Format.CHAT, Format.MESSAGES])
def test_responses_are_not_converted_for_any_provider(other: Format) -> None:
    for source, target in ((Format.RESPONSES, other), (other, Format.RESPONSES)):
        assert not crossing.can(source, target)
        with pytest.raises(InvalidInput, match="no way"):
            crossing.stream(source, target)
    with pytest.raises(InvalidInput, match="no way"):
        crossing.request(chat(), other, Format.RESPONSES, lossy=True)
    with pytest.raises(InvalidInput, match="no way"):
        crossing.request(chat(), Format.RESPONSES, Format.MESSAGES, lossy=True)


@pytest.mark.parametrize(
    ("model", "thinking", "effort"),
    [
        ("claude-sonnet-4-5", {"type": "enabled", "budget_tokens": 12_000}, None),
        ("claude-haiku-4-5-20251001", {"type": "enabled", "budget_tokens": 12_000}, None),
        ("claude-opus-4-20250514", {"type": "enabled", "budget_tokens": 12_000}, None),
        ("claude-3-7-sonnet-latest", {"type": "enabled", "budget_tokens": 12_000}, None),
        ("claude-opus-4-6", {"type": "adaptive"}, "high"),
        ("claude-opus-5", {"type": "adaptive"}, "high"),
        ("claude-of-tomorrow", {"type": "adaptive"}, "high"),
    ],
)
def test_effort_is_a_budget_for_models_that_know_only_budgets(model: str, thinking: Json, effort: str | None) -> None:
    made = to_messages(chat(reasoning_effort="high", max_tokens=16_000) | {"model": model})
    assert made["thinking"] == thinking
    assert made.get("output_config", {}).get("effort") == effort


def test_no_budget_leaves_no_room_for_the_answer() -> None:
    for effort in ("minimal", "low", "medium", "high", "xhigh", "max"):
        for cap in (1025, 2048, 64_000):
            made = to_messages(chat(reasoning_effort=effort, max_tokens=cap))
            assert 1024 <= made["thinking"]["budget_tokens"] < made["max_tokens"]


def test_the_mark_of_a_cache_breakpoint_is_carried_to_claude_in_either_way_of_writing() -> None:
    marked = {"type": "text", "text": "long", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}}
    [turn] = to_messages({"messages": [{"role": "user", "content": [marked]}]})["messages"]
    assert turn["content"] == [{"type": "text", "text": "long", "cache_control": EPHEMERAL}]


def test_a_thought_that_claude_has_not_sealed_goes_back_to_the_chat_model_that_thought_it() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": ""}
    asked = {"messages": [{"role": "assistant", "content": [thought, {"type": "text", "text": "a"}]}, *USER]}
    assert to_chat(asked)["messages"][0] == {"role": "assistant", "content": "a", "reasoning_content": "hm"}


@pytest.mark.parametrize("lossy", [False, True])
def test_whatever_a_client_asks_is_carried_or_refused_but_never_crashes(lossy: bool) -> None:
    for body, source, target in (
        (CHAT_REQUEST, Format.CHAT, Format.MESSAGES),
        (MESSAGES_REQUEST, Format.MESSAGES, Format.CHAT),
    ):
        for broken in hurt(body):
            if isinstance(broken, dict):
                try:
                    crossing.request(broken, source, target, lossy=lossy)
                except InvalidInput:
                    pass


# Answers.


@st.composite
def answers_of_chat(draw: st.DrawFn) -> Json:
    """Chat completions that Anthropic's format can carry."""
    message: Json = {"role": "assistant", "content": draw(st.none() | texts)}
    thoughts = draw(
        st.lists(
            st.fixed_dictionaries({"type": st.just("thinking"), "thinking": some_text, "signature": some_text}),
            max_size=2,
        )
    )
    if thoughts:
        message["thinking_blocks"] = thoughts
        message["reasoning_content"] = "".join(thought["thinking"] for thought in thoughts)
    elif draw(st.booleans()):
        message["reasoning_content"] = draw(texts)
    if not message["content"] and draw(st.booleans()):
        message["refusal"] = draw(some_text)
    called = draw(st.lists(calls, max_size=3))
    if called:
        message["tool_calls"] = called
    end = draw(st.sampled_from(["stop", "length", "tool_calls", "content_filter"]))
    usage = draw(st.just({}) | st.fixed_dictionaries({"usage": chat_usages()}))
    choice = {"index": 0, "message": message, "finish_reason": end}
    head = {"id": draw(names), "object": "chat.completion", "created": 0, "model": draw(names)}
    return {**head, "choices": [choice], **usage}


def crossed_stream(source: Format, target: Format, answer: Json, piece: int) -> Json:
    stream, assembly = crossing.stream(source, target), WIRES[target].assembly()
    told = [event for data in WIRES[source].emit(answer, piece=piece) for event in stream.feed(data)]
    for data in [*told, *stream.finish()]:
        assembly.feed(data)
    return assembly.finish()


@settings(max_examples=40, deadline=None)
@given(answers_of_chat(), st.integers(1, 20))
def test_a_chat_stream_crossed_is_the_chat_answer_crossed(answer: Json, piece: int) -> None:
    whole = crossing.answer(answer, Format.CHAT, Format.MESSAGES)
    assert WIRES[Format.MESSAGES].parse(orjson.dumps(whole)) == whole
    assert crossed_stream(Format.CHAT, Format.MESSAGES, answer, piece) == whole


@settings(max_examples=40, deadline=None)
@given(messages(), st.integers(1, 20))
def test_a_messages_stream_crossed_is_the_message_crossed(answer: Json, piece: int) -> None:
    whole = crossing.answer(answer, Format.MESSAGES, Format.CHAT)
    assert WIRES[Format.CHAT].parse(orjson.dumps(whole)) == whole
    assert crossed_stream(Format.MESSAGES, Format.CHAT, answer, piece) == whole


@settings(max_examples=40, deadline=None)
@given(answers_of_chat())
def test_a_chat_answer_there_and_back_says_the_same(answer: Json) -> None:
    back = crossing.answer(crossing.answer(answer, Format.CHAT, Format.MESSAGES), Format.MESSAGES, Format.CHAT)
    said, again = (it["choices"][0]["message"] for it in (answer, back))
    assert (again.get("content") or "") == (said.get("content") or "") + (said.get("refusal") or "")
    assert (again.get("reasoning_content") or "") == (said.get("reasoning_content") or "")
    assert again.get("thinking_blocks", [])[: len(said.get("thinking_blocks", []))] == said.get("thinking_blocks", [])
    assert [orjson.loads(c["function"]["arguments"]) for c in again.get("tool_calls", [])] == [
        orjson.loads(c["function"]["arguments"]) for c in said.get("tool_calls", [])
    ]
    if "usage" in answer:
        assert back["usage"] == answer["usage"]


@settings(max_examples=50, deadline=None)
@given(message_usages())
def test_usage_there_and_back_is_the_same_sum(usage: Json) -> None:
    wires = WIRES
    chat_answer = crossing.answer({**MESSAGE, "usage": usage}, Format.MESSAGES, Format.CHAT)
    back = crossing.answer(chat_answer, Format.CHAT, Format.MESSAGES)
    there, here = (wires[Format.MESSAGES].usage_of(it) for it in ({"usage": usage}, back))
    assert there is not None and here is not None
    for name in ("tokens_in", "tokens_out", "cached_in", "cache_written", "reasoning"):
        assert getattr(there, name) == getattr(here, name)


BOTH = pytest.mark.parametrize(
    ("source", "target"),
    [(Format.CHAT, Format.MESSAGES), (Format.MESSAGES, Format.CHAT)],
    ids=["to messages", "to chat"],
)


def cross_or_break(source: Format, target: Format, events: list[bytes]) -> None:
    stream = crossing.stream(source, target)
    try:
        for event in events:
            stream.feed(event)
        stream.finish()
    except BrokenAnswer:
        pass


@BOTH
def test_whatever_an_event_says_is_crossed_or_broken_but_never_crashes(source: Format, target: Format) -> None:
    for events in hurt_streams(WIRES[source]):
        cross_or_break(source, target, events)


@BOTH
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_events_in_whatever_order_are_crossed_or_broken_but_never_crash(
    source: Format, target: Format, data: st.DataObject
) -> None:
    cross_or_break(source, target, data.draw(disordered(WIRES[source])))


@BOTH
def test_whatever_answer_passes_for_one_is_crossed_or_broken_but_never_crashes(source: Format, target: Format) -> None:
    for broken in hurt(ANSWERS[source]):
        try:
            crossing.answer(WIRES[source].parse(json.dumps(broken).encode()), source, target)
        except BrokenAnswer:
            pass


@BOTH
def test_a_stream_that_is_cut_anywhere_is_never_crossed_as_whole(source: Format, target: Format) -> None:
    events = list(WIRES[source].emit(ANSWERS[source]))
    for end in range(len(events)):
        stream, assembly = crossing.stream(source, target), WIRES[target].assembly()
        for data in [told for event in events[:end] for told in stream.feed(event)]:
            assembly.feed(data)
        assert not assembly.done
        with pytest.raises(BrokenAnswer, match="cut"):
            stream.finish()


def feed(stream: crossing.StreamCrossing, *deltas: Json, end: str = "tool_calls") -> list[Json]:
    """The events that tell of these deltas of a chat stream, up to the end."""
    told: list[bytes] = []
    for delta in deltas:
        told += stream.feed(orjson.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}))
    told += stream.feed(orjson.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": end}]}))
    told += stream.feed(b"[DONE]")
    return [orjson.loads(data) for data in told]


def piece(index: int, arguments: str, **head: Any) -> Json:
    named = {"id": head["id"], "type": "function"} if "id" in head else {}
    name = {"name": head["name"]} if "name" in head else {}
    return {"tool_calls": [{"index": index, **named, "function": {**name, "arguments": arguments}}]}


def test_tool_calls_that_are_told_at_once_become_one_block_after_the_other() -> None:
    events = feed(
        crossing.stream(Format.CHAT, Format.MESSAGES),
        piece(0, '{"a"', id="x", name="one"),
        piece(1, "{", id="y", name="two"),
        piece(0, ":1}"),
        piece(1, "}"),
    )
    told = [(event["type"].removeprefix("content_block_"), event.get("index")) for event in events[1:-2]]
    assert told == [
        ("start", 0), ("delta", 0), ("delta", 0), ("stop", 0), ("start", 1), ("delta", 1), ("delta", 1), ("stop", 1),
    ]  # fmt: skip


def test_a_tool_call_whose_arguments_are_whole_is_closed_when_the_next_begins() -> None:
    stream = crossing.stream(Format.CHAT, Format.MESSAGES)
    stream.feed(orjson.dumps({"choices": [{"delta": piece(0, "{}", id="x", name="one")}]}))
    told = stream.feed(orjson.dumps({"choices": [{"delta": piece(1, "", id="y", name="two")}]}))
    assert [orjson.loads(data)["type"] for data in told] == [
        "content_block_stop",
        "content_block_start",
    ]


def test_a_tool_call_that_goes_on_after_its_end_is_broken() -> None:
    with pytest.raises(BrokenAnswer, match="after its end"):
        feed(
            crossing.stream(Format.CHAT, Format.MESSAGES),
            piece(0, "{}", id="x", name="one"),
            piece(1, "{}", id="y", name="two"),
            piece(0, "{}"),
        )


@pytest.mark.parametrize("source", [Format.CHAT, Format.MESSAGES])
def test_an_error_within_a_stream_is_told_in_the_providers_words(source: Format) -> None:
    target = Format.MESSAGES if source is Format.CHAT else Format.CHAT
    with pytest.raises(ErrorWithin, match="overloaded_error: busy"):
        crossing.stream(source, target).feed(b'{"type":"error","error":{"type":"overloaded_error","message":"busy"}}')


def test_an_answer_nested_absurdly_deep_is_broken() -> None:
    deep = b'{"a":' * 900 + b"1" + b"}" * 900
    call = b'{"type":"tool_use","id":"t","name":"f","input":' + deep + b"}"
    answer = WIRES[Format.MESSAGES].parse(b'{"content":[' + call + b'],"stop_reason":"tool_use"}')
    with pytest.raises(BrokenAnswer):
        crossing.answer(answer, Format.MESSAGES, Format.CHAT)
    with pytest.raises(BrokenAnswer):
        list(WIRES[Format.MESSAGES].emit({"model": "m", **answer}))
    with pytest.raises(BrokenAnswer):
        crossing.stream(Format.MESSAGES, Format.CHAT).feed(
            b'{"type":"content_block_start","index":0,"content_block":' + call + b"}"
        )


@pytest.mark.parametrize("reason", ["eaten_by_a_dog", None, "", 7])
def test_an_answer_that_ended_for_an_unknown_reason_is_not_called_whole(reason: Any) -> None:
    for source, target, answer in (
        (Format.MESSAGES, Format.CHAT, {**MESSAGE, "stop_reason": reason}),
        (Format.CHAT, Format.MESSAGES, {**CHAT, "choices": [{**CHAT["choices"][0], "finish_reason": reason}]}),
    ):
        with pytest.raises(BrokenAnswer, match="reason"):
            crossing.answer(answer, source, target)


def test_the_client_of_a_chat_stream_gets_usage_only_when_it_asked() -> None:
    for asked in (True, False):
        stream = crossing.stream(Format.MESSAGES, Format.CHAT, with_usage=asked, created=7)
        told = [event for data in raw_events(WIRES[Format.MESSAGES]) for event in stream.feed(data)]
        chunks = [orjson.loads(data) for data in told if data != b"[DONE]"]
        assert any("usage" in chunk for chunk in chunks) is asked
        assert {chunk["created"] for chunk in chunks} == {7}
