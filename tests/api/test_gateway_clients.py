"""The official clients of OpenAI and Anthropic, in Python and for Node, with nothing changed but address and key."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anthropic
import openai
import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from pydantic import BaseModel

from fairlead.gateway import Faults, Policy, Reply, parse_models
from fairlead.gateway.faults import Fault
from fairlead.gateway.simulate import Simulator
from tests.api.asking import HELLO, ROOT, SAID, House, house
from tests.api.serving import listening
from tests.servers import node_clients

MODEL = "sim/test"
PARAMETERS: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CHAT_TOOLS: Any = [{"type": "function", "function": {"name": "look", "parameters": PARAMETERS}}]
RESPONSES_TOOLS: Any = [{"type": "function", "name": "look", "parameters": PARAMETERS, "strict": False}]
MESSAGES_TOOLS: Any = [{"name": "look", "input_schema": PARAMETERS}]
AFTER = "Simulated answer after 1 tool calls. Last result: sunny"
MESSAGES: Any = HELLO


@dataclass(slots=True)
class Clients:
    it: House
    failing: Simulator  # behind models of the provider `bad`
    openai: AsyncOpenAI
    anthropic: AsyncAnthropic


@asynccontextmanager
async def clients(*, fault: Fault = Fault.CUT, key: str = ROOT, policy: Policy | None = None) -> AsyncIterator[Clients]:
    failing = Simulator(faults=Faults(rates={fault: 1.0}))
    async with listening(failing) as behind:  # type: ignore[arg-type]
        models = parse_models({"assistant": {"targets": [MODEL]}}, load=str)
        bad = {"bad": {"kind": "simulated", "url": behind}}
        async with (
            house(Simulator(policy), providers=bad, models=models) as it,
            AsyncOpenAI(base_url=f"{it.url}/v1", api_key=key) as of_openai,
            AsyncAnthropic(base_url=it.url, api_key=key) as of_anthropic,
        ):
            yield Clients(it, failing, of_openai, of_anthropic)


async def test_chat_completions_with_tools_and_streaming() -> None:
    async with clients() as of:
        chat = of.openai.chat.completions
        raw = await chat.with_raw_response.create(model=MODEL, messages=MESSAGES)
        assert raw.parse().choices[0].message.content == SAID
        assert float(raw.headers["x-fairlead-cost-usd"]) > 0
        stream = await chat.create(model=MODEL, messages=MESSAGES, stream=True, stream_options={"include_usage": True})
        chunks = [chunk async for chunk in stream]
        assert "".join(one.choices[0].delta.content or "" for one in chunks if one.choices) == SAID
        assert chunks[-1].usage is not None and chunks[-1].usage.completion_tokens > 0
        async with chat.stream(model=MODEL, messages=MESSAGES, tools=CHAT_TOOLS) as streamed:
            message = (await streamed.get_final_completion()).choices[0].message
        assert message.tool_calls is not None
        [call] = message.tool_calls
        assert (call.function.name, json.loads(call.function.arguments)) == ("look", {"city": "hello"})
        result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
        asked: Any = [*HELLO, message.to_dict(), result]
        after = await chat.create(model=MODEL, messages=asked, tools=CHAT_TOOLS)
        assert after.choices[0].message.content == AFTER


class Weather(BaseModel):
    city: str
    degrees: int


def forecast(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Reply:
    return Reply('{"city": "Oslo", "degrees": 4}')


async def test_an_answer_in_the_shape_that_was_asked_for() -> None:
    async with clients(policy=forecast) as of:
        parsed = await of.openai.chat.completions.parse(model=MODEL, messages=MESSAGES, response_format=Weather)
        assert parsed.choices[0].message.parsed == Weather(city="Oslo", degrees=4)
        response = await of.openai.responses.parse(model=MODEL, input="hello", text_format=Weather)
        assert response.output_parsed == Weather(city="Oslo", degrees=4)
        formats = [sent.body.get("response_format") or sent.body["text"]["format"] for sent in of.it.provider.sent]
        assert [one["type"] for one in formats] == ["json_schema", "json_schema"]


async def test_responses_with_tools_and_streaming() -> None:
    async with clients() as of:
        responses = of.openai.responses
        assert (await responses.create(model=MODEL, input="hello")).output_text == SAID
        async with responses.stream(model=MODEL, input="hello") as stream:
            assert (await stream.get_final_response()).output_text == SAID
        called: Any = (await responses.create(model=MODEL, input="hello", tools=RESPONSES_TOOLS)).output[0]
        assert (called.type, called.name, json.loads(called.arguments)) == ("function_call", "look", {"city": "hello"})
        result = {"type": "function_call_output", "call_id": called.call_id, "output": "sunny"}
        asked: Any = [*HELLO, called.to_dict(), result]
        assert (await responses.create(model=MODEL, input=asked, tools=RESPONSES_TOOLS)).output_text == AFTER


async def test_messages_with_tools_streaming_and_counting() -> None:
    async with clients() as of:
        messages = of.anthropic.messages
        whole = await messages.create(model=MODEL, max_tokens=100, messages=MESSAGES)
        assert whole.content[0].type == "text" and whole.content[0].text == SAID
        beta = await of.anthropic.beta.messages.create(
            model=MODEL, max_tokens=100, messages=MESSAGES, betas=["context-1m-2025-08-07"]
        )
        assert beta.content[0].type == "text" and beta.content[0].text == SAID
        async with messages.stream(model=MODEL, max_tokens=100, messages=MESSAGES) as stream:
            assert "".join([text async for text in stream.text_stream]) == SAID
        async with messages.stream(model=MODEL, max_tokens=100, messages=MESSAGES, tools=MESSAGES_TOOLS) as streamed:
            final = await streamed.get_final_message()
        [call] = [block for block in final.content if block.type == "tool_use"]
        assert (call.name, call.input, final.stop_reason) == ("look", {"city": "hello"}, "tool_use")
        result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}]}
        said = {"role": "assistant", "content": [block.to_dict() for block in final.content]}
        asked: Any = [*HELLO, said, result]
        after = await messages.create(model=MODEL, max_tokens=100, messages=asked, tools=MESSAGES_TOOLS)
        assert after.content[0].type == "text" and after.content[0].text == AFTER
        assert (await messages.count_tokens(model=MODEL, messages=MESSAGES)).input_tokens > 0


async def test_models_are_listed_to_both() -> None:
    async with clients() as of:
        assert [one.id async for one in of.openai.models.list()] == ["assistant"]
        listed = [one async for one in of.anthropic.models.list()]
        assert [(one.id, one.display_name, one.created_at.year) for one in listed] == [("assistant", "assistant", 1970)]
        assert (await of.openai.models.retrieve(MODEL)).id == (await of.anthropic.models.retrieve(MODEL)).id == MODEL


async def raised(kind: type[Exception], asking: Awaitable[Any]) -> Any:
    with pytest.raises(kind) as caught:
        await asking
    return caught.value


async def test_errors_are_the_clients_own() -> None:
    async with clients() as of:
        chat, messages = of.openai.chat.completions, of.anthropic.messages
        error = await raised(openai.NotFoundError, chat.create(model="nobody/x", messages=MESSAGES))
        assert error.code == "configuration" and "nobody" in error.message
        await raised(openai.BadRequestError, chat.create(model=MODEL, messages=[]))
        error = await raised(
            anthropic.NotFoundError, messages.create(model="nobody/x", max_tokens=9, messages=MESSAGES)
        )
        assert error.type == "not_found_error"
        await raised(anthropic.BadRequestError, messages.create(model=MODEL, max_tokens=9, messages=[]))
        viewer = (await of.it.key("viewer", role="viewer"))["authorization"].removeprefix("Bearer ")
        for key, of_openai, of_anthropic in (
            ("wrong", openai.AuthenticationError, anthropic.AuthenticationError),
            (viewer, openai.PermissionDeniedError, anthropic.PermissionDeniedError),
        ):
            chat = of.openai.with_options(api_key=key).chat.completions
            await raised(of_openai, chat.create(model=MODEL, messages=MESSAGES))
            messages = of.anthropic.with_options(api_key=key).messages
            await raised(of_anthropic, messages.create(model=MODEL, max_tokens=9, messages=MESSAGES))


@pytest.mark.parametrize(
    ("fault", "asked"), [(Fault.CUT, 1), (Fault.MALFORMED, 1), (Fault.SERVER_ERROR, 3)], ids=lambda value: str(value)
)
async def test_the_clients_try_again_only_where_it_costs_nothing(fault: Fault, asked: int) -> None:
    """They do twice by themselves, of what has failed with a 5xx: a broken answer was paid for, a 500 was not."""
    async with clients(fault=fault) as of:
        simulation = of.failing.simulation
        await raised(openai.InternalServerError, of.openai.chat.completions.create(model="bad/test", messages=MESSAGES))
        assert simulation.requests == asked
        messages = of.anthropic.messages
        await raised(anthropic.InternalServerError, messages.create(model="bad/test", max_tokens=9, messages=MESSAGES))
        assert simulation.requests == min(2 * asked, 5)  # after five errors in a row the provider is left alone


async def test_a_budget_that_is_used_up_is_not_asked_for_again() -> None:
    async with clients() as of:
        key = (await of.it.key(budget_usd={"total": 0.0001}))["authorization"].removeprefix("Bearer ")
        chat = of.openai.with_options(api_key=key).chat.completions
        error = await raised(openai.APIStatusError, chat.create(model=MODEL, messages=MESSAGES))
        assert (error.status_code, error.code) == (402, "budget")
        messages = of.anthropic.with_options(api_key=key).messages
        error = await raised(anthropic.APIStatusError, messages.create(model=MODEL, max_tokens=9, messages=MESSAGES))
        assert (error.status_code, error.type) == (402, "billing_error")
        asked = [one for one in of.it.api.said("http_request") if one["endpoint"].startswith("/v1/")]
        assert [one["status_code"] for one in asked] == [402, 402]


async def test_a_stream_that_breaks_off_raises() -> None:
    async def of_chat(of: Clients) -> None:
        async for _ in await of.openai.chat.completions.create(model="bad/test", messages=MESSAGES, stream=True):
            pass

    async def of_responses(of: Clients) -> None:
        async for _ in await of.openai.responses.create(model="bad/test", input="hello", stream=True):
            pass

    async def of_messages(of: Clients) -> None:
        async with of.anthropic.messages.stream(model="bad/test", max_tokens=9, messages=MESSAGES) as stream:
            await stream.get_final_message()

    readers: tuple[Callable[[Clients], Awaitable[None]], ...] = (of_chat, of_responses, of_messages)
    async with clients() as of:
        for read in readers:
            error = await raised((openai.APIError, anthropic.APIError), read(of))  # type: ignore[arg-type]
            assert "end" in str(error) or "ended" in str(error) or "cut" in str(error)
        assert of.failing.simulation.requests == 3


# -- Node


async def with_node(script: str, of: Clients) -> dict[str, Any]:
    """What the script printed. It is given address and key of the gateway."""
    process = await asyncio.create_subprocess_exec(
        "node", str(node_clients() / script), of.it.url, ROOT, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return json.loads(out)


async def test_the_openai_client_for_node() -> None:
    async with clients() as of:
        told = await with_node("openai.mjs", of)
        assert of.failing.simulation.requests == 2
    assert told == {
        "whole": SAID, "pieces": SAID, "call": {"name": "look", "arguments": {"city": "hello"}}, "after": AFTER,
        "response": SAID, "final": SAID, "models": ["assistant"],
        "errors": {
            "unknown": {"kind": "NotFoundError", "status": 404, "code": "configuration"},
            "key": {"kind": "AuthenticationError", "status": 401, "code": "unauthorised"},
            "broken": {"kind": "InternalServerError", "status": 502, "code": "broken_answer"},
            "brokenStream": {"kind": "APIError", "status": None, "code": "broken_answer"},
        },
    }  # fmt: skip


async def test_the_anthropic_client_for_node() -> None:
    async with clients() as of:
        told = await with_node("anthropic.mjs", of)
        assert of.failing.simulation.requests == 2
    assert told.pop("input_tokens") > 0
    assert told == {
        "whole": SAID, "pieces": SAID, "call": {"name": "look", "input": {"city": "hello"}}, "after": AFTER,
        "models": ["assistant"],
        "errors": {
            "unknown": {"kind": "NotFoundError", "status": 404, "type": "not_found_error"},
            "key": {"kind": "AuthenticationError", "status": 401, "type": "authentication_error"},
            "broken": {"kind": "InternalServerError", "status": 502, "type": "api_error"},
            "brokenStream": {"kind": "APIError", "status": None, "type": "api_error"},
        },
    }  # fmt: skip


@pytest.mark.parametrize("encoding", [openai.NOT_GIVEN, "float", "base64"])
async def test_embeddings_of_texts_and_tokens(encoding: Any) -> None:
    async with clients() as of:
        create = of.openai.embeddings.create
        raw = await of.openai.embeddings.with_raw_response.create(
            model=MODEL, input=["a refund", "refunds"], dimensions=64, encoding_format=encoding
        )
        answer = raw.parse()
        assert [one.index for one in answer.data] == [0, 1] and answer.usage.prompt_tokens > 0
        assert float(raw.headers["x-fairlead-cost-usd"]) > 0
        if encoding != "base64":  # then the client leaves it packed
            assert {len(one.embedding) for one in answer.data} == {64}
        for given in ("a refund", [1, 2, 3], [[1, 2], [3]]):
            assert (await create(model=MODEL, input=given)).data[0].embedding  # type: ignore[arg-type]
        with pytest.raises(openai.BadRequestError):
            await create(model=MODEL, input=[])
        [row, *_] = await of.it.rows()
        assert (row["outcome"], row["tokens_out"]) == ("ok", 0) and row["cost_nano"] > 0
