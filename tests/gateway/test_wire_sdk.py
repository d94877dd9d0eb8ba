"""What we make is what the official SDKs' types describe, and what their clients take."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from pydantic import TypeAdapter

from fairlead.errors import ModelUnavailable
from fairlead.gateway.types import Format
from fairlead.gateway.wire import WIRES, anthropic_messages, cross, openai_chat, openai_responses
from fairlead.gateway.wire.cross import responses
from tests.gateway.answers import ANSWERS, CHAT, MESSAGE, RESPONSE
from tests.gateway.test_openai_responses import ASKED
from tests.gateway.test_wire_cross import CHAT_REQUEST, MESSAGES_REQUEST, lines, to_chat, to_messages

pytest.importorskip("openai")
pytest.importorskip("anthropic")

from anthropic.types import Message, MessageParam, RawMessageStreamEvent, ToolParam
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from openai.types.chat import ChatCompletion, ChatCompletionChunk, CompletionCreateParams
from openai.types.responses import Response, ResponseStreamEvent


def fits(kind: Any, value: Any) -> None:
    TypeAdapter(kind).validate_json(orjson.dumps(value))


def test_our_example_answers_are_what_the_providers_document() -> None:
    fits(ChatCompletion, CHAT)
    fits(Message, MESSAGE)
    fits(Response, RESPONSE)


def test_answers_that_crossed_are_what_the_clients_know() -> None:
    fits(Message, cross.answer(CHAT, Format.CHAT, Format.MESSAGES))
    fits(ChatCompletion, cross.answer(MESSAGE, Format.MESSAGES, Format.CHAT, created=1))
    fits(Response, responses.answer_from_chat(CHAT, ASKED))


def test_requests_that_crossed_are_what_the_providers_take() -> None:
    fits(CompletionCreateParams, to_chat(MESSAGES_REQUEST))
    asked = to_messages(CHAT_REQUEST)
    for message in asked["messages"]:
        fits(MessageParam, message)
    for tool in asked["tools"]:
        fits(ToolParam, tool)
    fits(MessageCreateParamsNonStreaming, {**asked, "stream": False})


def events(raw: bytes) -> list[Any]:
    return [orjson.loads(data) for data in lines(raw) if data != b"[DONE]"]


@pytest.mark.parametrize("name", [Format.CHAT, Format.MESSAGES, Format.RESPONSES])
def test_every_event_that_we_tell_is_what_the_clients_know(name: Format) -> None:
    kinds = {
        Format.CHAT: ChatCompletionChunk,
        Format.MESSAGES: RawMessageStreamEvent,
        Format.RESPONSES: ResponseStreamEvent,
    }
    for event in events(b"".join(WIRES[name].emit(ANSWERS[name]))):
        fits(kinds[name], event)


def test_every_event_that_crossed_is_what_the_clients_know() -> None:
    for source, target, kind in (
        (Format.CHAT, Format.MESSAGES, RawMessageStreamEvent),
        (Format.MESSAGES, Format.CHAT, ChatCompletionChunk),
    ):
        crossing = cross.stream(source, target)
        for data in lines(b"".join(WIRES[source].emit(ANSWERS[source]))):
            for event in events(b"".join(crossing.feed(data))):
                fits(kind, event)


def test_what_breaks_a_stream_off_is_what_the_clients_take_for_an_error() -> None:
    error = ModelUnavailable("gone away")
    [chat], [message], [response] = (
        events(wire.broken_off(error)) for wire in (openai_chat, anthropic_messages, openai_responses)
    )
    assert chat["error"]["message"] == response["error"]["message"] == message["error"]["message"] == "gone away"
    assert message["type"] == response["type"] == "error"
    fits(ResponseStreamEvent, response)
