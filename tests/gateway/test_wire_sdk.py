"""What we make is what the official SDKs' types describe, and what their clients take."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from pydantic import TypeAdapter

from fairlead.errors import ModelUnavailable
from fairlead.gateway.types import Format
from fairlead.gateway.wire import WIRES, anthropic_messages, crossing, openai_chat, openai_responses
from fairlead.gateway.wire.crossing import responses
from tests.gateway.answers import ANSWERS, CHAT, MESSAGE, RESPONSE
from tests.gateway.loopback import peer, says
from tests.gateway.test_openai_responses import ASKED
from tests.gateway.test_wire_crossing import CHAT_REQUEST, MESSAGES_REQUEST, to_chat, to_messages

pytest.importorskip("openai")
pytest.importorskip("anthropic")

from anthropic import AsyncAnthropic
from anthropic.types import Message, MessageParam, RawMessageStreamEvent, ToolParam
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletion, ChatCompletionChunk, CompletionCreateParams
from openai.types.responses import Response, ResponseStreamEvent


def fits(kind: Any, *values: Any) -> None:
    adapter = TypeAdapter(kind)
    for value in values:
        adapter.validate_json(orjson.dumps(value))


def test_our_example_answers_are_what_the_providers_document() -> None:
    fits(ChatCompletion, CHAT)
    fits(Message, MESSAGE)
    fits(Response, RESPONSE)


def test_answers_that_crossed_are_what_the_clients_know() -> None:
    fits(Message, crossing.answer(CHAT, Format.CHAT, Format.MESSAGES))
    fits(ChatCompletion, crossing.answer(MESSAGE, Format.MESSAGES, Format.CHAT, created=1))
    fits(Response, responses.answer_from_chat(CHAT, ASKED))


def test_requests_that_crossed_are_what_the_providers_take() -> None:
    fits(CompletionCreateParams, to_chat(MESSAGES_REQUEST))
    asked = to_messages(CHAT_REQUEST)
    fits(MessageParam, *asked["messages"])
    fits(ToolParam, *asked["tools"])
    fits(MessageCreateParamsNonStreaming, {**asked, "stream": False})


def events(told: Iterable[bytes]) -> list[Any]:
    return [orjson.loads(data) for data in told if data != b"[DONE]"]


@pytest.mark.parametrize("name", [Format.CHAT, Format.MESSAGES, Format.RESPONSES])
def test_every_event_that_we_tell_is_what_the_clients_know(name: Format) -> None:
    kinds = {
        Format.CHAT: ChatCompletionChunk,
        Format.MESSAGES: RawMessageStreamEvent,
        Format.RESPONSES: ResponseStreamEvent,
    }
    fits(kinds[name], *events(WIRES[name].emit(ANSWERS[name])))


def test_every_event_that_crossed_is_what_the_clients_know() -> None:
    for source, target, kind in (
        (Format.CHAT, Format.MESSAGES, RawMessageStreamEvent),
        (Format.MESSAGES, Format.CHAT, ChatCompletionChunk),
    ):
        stream = crossing.stream(source, target)
        fits(kind, *[event for data in WIRES[source].emit(ANSWERS[source]) for event in events(stream.feed(data))])


def test_what_breaks_a_stream_off_is_what_the_clients_take_for_an_error() -> None:
    error = ModelUnavailable("gone away")
    [chat], [message], [response] = (
        events([wire.broken_off(error)]) for wire in (openai_chat, anthropic_messages, openai_responses)
    )
    assert chat["error"]["message"] == response["error"]["message"] == message["error"]["message"] == "gone away"
    assert message["type"] == response["type"] == "error"
    fits(ResponseStreamEvent, response)


@asynccontextmanager
async def telling(raw: bytes) -> AsyncIterator[str]:
    """A server that answers with these events; gives its address."""
    async with peer(says(raw, headers=b"content-type: text/event-stream\r\n")) as server:
        yield server.url


def wired(name: Format, told: Iterable[bytes]) -> bytes:
    return b"".join(WIRES[name].event(data) for data in told)


def emitted(name: Format) -> bytes:
    return wired(name, WIRES[name].emit(ANSWERS[name]))


def crossed(source: Format, target: Format) -> bytes:
    stream = crossing.stream(source, target)
    told = [event for data in WIRES[source].emit(ANSWERS[source]) for event in stream.feed(data)]
    return wired(target, [*told, *stream.finish()])


@pytest.mark.parametrize("came", [Format.CHAT, Format.MESSAGES])
async def test_the_official_chat_client_puts_our_stream_together(came: Format) -> None:
    raw = emitted(came) if came is Format.CHAT else crossed(Format.MESSAGES, Format.CHAT)
    expected = CHAT if came is Format.CHAT else crossing.answer(MESSAGE, Format.MESSAGES, Format.CHAT)
    asked: Any = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
    async with (
        telling(raw) as url,
        AsyncOpenAI(api_key="x", base_url=url, max_retries=0) as client,
        client.chat.completions.stream(**asked) as stream,
    ):
        answer = await stream.get_final_completion()
    said, wanted = answer.choices[0].message, expected["choices"][0]["message"]
    assert said.content == wanted["content"]
    assert [call.function.arguments for call in said.tool_calls or []] == [
        call["function"]["arguments"] for call in wanted["tool_calls"]
    ]
    assert answer.usage is not None and answer.usage.prompt_tokens == 30


@pytest.mark.parametrize("came", [Format.CHAT, Format.MESSAGES])
async def test_the_official_messages_client_puts_our_stream_together(came: Format) -> None:
    raw = emitted(came) if came is Format.MESSAGES else crossed(came, Format.MESSAGES)
    expected = MESSAGE if came is Format.MESSAGES else crossing.answer(CHAT, Format.CHAT, Format.MESSAGES)
    asked: Any = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
    async with (
        telling(raw) as url,
        AsyncAnthropic(api_key="x", base_url=url, max_retries=0) as client,
        client.messages.stream(**asked) as stream,
    ):
        answer = await stream.get_final_message()
    assert orjson.loads(answer.model_dump_json(exclude_unset=True, by_alias=True))["content"] == expected["content"]
    assert answer.stop_reason == "tool_use" and answer.usage.output_tokens == 12


async def test_the_official_responses_client_puts_our_stream_together() -> None:
    async with (
        telling(emitted(Format.RESPONSES)) as url,
        AsyncOpenAI(api_key="x", base_url=url, max_retries=0) as client,
        client.responses.stream(model="m", input="x") as stream,
    ):
        answer = await stream.get_final_response()
    assert answer.output_text == "In a peaceful grove"


@pytest.mark.parametrize("name", [Format.CHAT, Format.MESSAGES, Format.RESPONSES])
async def test_the_official_client_raises_when_a_stream_is_broken_off(name: Format) -> None:
    half = list(WIRES[name].emit(ANSWERS[name]))[:5]
    raw = wired(name, [*half, WIRES[name].broken_off(ModelUnavailable("gone away"))])
    async with telling(raw) as url:
        with pytest.raises(Exception, match="gone away"):
            await everything(name, url)


async def everything(name: Format, url: str) -> None:
    messages: Any = [{"role": "user", "content": "x"}]
    if name is Format.MESSAGES:
        async with AsyncAnthropic(api_key="x", base_url=url, max_retries=0) as client:
            asked: Any = {"model": "m", "max_tokens": 9, "messages": messages, "stream": True}
            async for _ in await client.messages.create(**asked):
                pass
        return
    async with AsyncOpenAI(api_key="x", base_url=url, max_retries=0) as client:
        if name is Format.CHAT:
            async for _ in await client.chat.completions.create(model="m", messages=messages, stream=True):
                pass
        else:
            async for _ in await client.responses.create(model="m", input="x", stream=True):
                pass
