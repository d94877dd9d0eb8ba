from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from fairlead.gateway.cache_key import key_of, may_ask, may_keep
from fairlead.gateway.types import Caller, Choices, Format, ModelRequest

BODY: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}], "temperature": 0}


def request(
    body: dict[str, Any] = BODY, *, tenant: str = "t", model: str = "lab/m", format: Format = Format.CHAT,
    cache: bool | None = None, **more: Any,
) -> ModelRequest:  # fmt: skip
    choices = Choices(cache=cache)
    caller = Caller(tenant=tenant)
    return ModelRequest(model, {**body, **more}, timedelta(seconds=9), caller=caller, format=format, choices=choices)


@pytest.mark.parametrize(
    "same",
    [
        request(dict(reversed(BODY.items()))),
        request(stream=True, stream_options={"include_usage": True}),
        request(user="u", metadata={"run": "1"}, safety_identifier="x", prompt_cache_key="k", store=True),
    ],
)
def test_how_it_is_sent_and_who_asks_changes_nothing(same: ModelRequest) -> None:
    assert key_of(same) == key_of(request())


@pytest.mark.parametrize(
    "other",
    [
        request(tenant="u"),
        request(model="lab/n"),
        request(format=Format.MESSAGES),
        request(temperature=None),
        request(max_tokens=5),
        request({"messages": [{"role": "user", "content": "hi "}], "temperature": 0}),
        request(tools=[{"type": "function", "function": {"name": "f"}}]),
    ],
)
def test_another_question_has_another_key(other: ModelRequest) -> None:
    assert key_of(other) != key_of(request())


def test_no_tenants_name_can_make_it_another_ones() -> None:
    keys = {key_of(request(tenant=tenant, model=model)) for tenant, model in (("a", "b/c"), ('a","chat","b', "c"))}
    assert len(keys) == 2


def test_what_is_no_json_has_no_key() -> None:
    assert key_of(request(extra=object())) is None
    assert key_of(request(tenant="\udcff")) is None


@pytest.mark.parametrize(
    ("more", "may"),
    [
        ({}, True),
        ({"temperature": None}, True),
        ({"temperature": 0.1}, False),
        ({"top_p": 0.9}, False),
        ({"top_p": 1}, True),
        ({"n": 2}, False),
        ({"seed": 7}, True),
        ({"temperature": "hot"}, False),
        ({"previous_response_id": "r"}, False),
        ({"background": True}, False),
    ],
)
def test_what_asks_for_randomness_is_never_answered_from_the_cache_unless_told(more: Any, may: bool) -> None:
    assert may_ask(request(**more), switched_on=True) is may
    state = "previous_response_id" in more or "background" in more
    assert may_ask(request(cache=True, **more), switched_on=False) is not state


def test_a_request_may_switch_it_on_and_off_for_itself() -> None:
    assert not may_ask(request(cache=False), switched_on=True)
    assert not may_ask(request(), switched_on=False)
    assert may_ask(request(cache=True), switched_on=False)


@pytest.mark.parametrize(
    ("format", "body", "may"),
    [
        (Format.CHAT, {"choices": [{"finish_reason": "stop"}]}, True),
        (Format.CHAT, {"choices": [{"finish_reason": "tool_calls"}]}, True),
        (Format.CHAT, {"choices": [{"finish_reason": "stop"}, {"finish_reason": "length"}]}, False),
        (Format.CHAT, {"choices": [{"finish_reason": "content_filter"}]}, False),
        (Format.CHAT, {"choices": []}, False),
        (Format.MESSAGES, {"stop_reason": "end_turn"}, True),
        (Format.MESSAGES, {"stop_reason": "max_tokens"}, False),
        (Format.MESSAGES, {"stop_reason": "refusal"}, False),
        (Format.RESPONSES, {"status": "completed", "error": None}, True),
        (Format.RESPONSES, {"status": "incomplete"}, False),
    ],
)
def test_only_whole_good_answers_are_kept(format: Format, body: dict[str, Any], may: bool) -> None:
    assert may_keep(format, body) is may
