"""Agents that make their own openai and anthropic clients: governed, recorded, and not paid for twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import anthropic
import httpx
import httpx2
import openai
import pytest

from fairlead.agents import Context
from fairlead.runs.run import Reason, Status
from tests.gateway.loopback import peer, says
from tests.listening import listening
from tests.runs.conftest import Gate, OpenEngine
from tests.runs.guests import SIMULATED, paid_calls, told

Ask = Callable[[str], Any]
HAIKU = {"model": "claude-haiku-4-5", "max_tokens": 100}


def user(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


async def chat(text: str) -> str:
    async with openai.AsyncOpenAI(max_retries=3) as client:
        reply = await client.chat.completions.create(model="gpt-5-mini", messages=user(text))
    return reply.choices[0].message.content or ""


async def chat_streamed(text: str) -> str:
    async with openai.AsyncOpenAI() as client:
        stream = await client.chat.completions.create(model="gpt-5-mini", messages=user(text), stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])


async def chat_over_httpx(text: str) -> str:
    async with openai.AsyncOpenAI(http_client=httpx.AsyncClient()) as client:  # type: ignore[arg-type]
        reply = await client.chat.completions.create(model="gpt-5-mini", messages=user(text))
    return reply.choices[0].message.content or ""


async def responses(text: str) -> str:
    async with openai.AsyncOpenAI() as client:
        return (await client.responses.create(model="gpt-5-mini", input=text)).output_text


async def responses_streamed(text: str) -> str:
    async with openai.AsyncOpenAI() as client, client.responses.stream(model="gpt-5-mini", input=text) as stream:
        return (await stream.get_final_response()).output_text


async def messages(text: str) -> str:
    async with anthropic.AsyncAnthropic() as client:
        said: Any = await client.messages.create(messages=user(text), **HAIKU)  # type: ignore[call-overload]
    return said.content[0].text


async def messages_streamed(text: str) -> str:
    async with anthropic.AsyncAnthropic() as client, client.messages.stream(messages=user(text), **HAIKU) as stream:
        return "".join([piece async for piece in stream.text_stream])


async def embeddings(text: str) -> str:
    async with openai.AsyncOpenAI() as client:
        made = await client.embeddings.create(model="text-embedding-3-small", input=[text, "another"])
    return f"heard {len(made.data)} vectors of {len(made.data[0].embedding)}"


def chat_sync(text: str) -> str:
    with openai.OpenAI() as client:
        reply = client.chat.completions.create(model="gpt-5-mini", messages=user(text))
    return reply.choices[0].message.content or ""


def chat_sync_streamed(text: str) -> str:
    with openai.OpenAI() as client:
        stream = client.chat.completions.create(model="gpt-5-mini", messages=user(text), stream=True)
        return "".join([chunk.choices[0].delta.content or "" for chunk in stream])


def messages_sync_streamed(text: str) -> str:
    with anthropic.Anthropic() as client, client.messages.stream(messages=user(text), **HAIKU) as stream:
        return "".join(stream.text_stream)


def chat_in_a_loop_of_its_own(text: str) -> str:
    return asyncio.run(chat_streamed(text))


def agent_of(ask: Ask, gate: Gate) -> Callable[..., Any]:
    """Asks, waits at the gate, and asks again."""

    async def agent(input: Any, ctx: Context) -> list[str]:
        first = await ask("one")
        await ctx.step("wait", gate)
        return [first, await ask(f"two after {first}")]

    def sync_agent(input: Any, ctx: Any) -> list[str]:
        first = ask("one")
        ctx.step("wait", gate)
        return [first, ask(f"two after {first}")]

    return agent if asyncio.iscoroutinefunction(ask) else sync_agent


CLIENTS = [
    chat, chat_streamed, chat_over_httpx, responses, responses_streamed, messages, messages_streamed,
    chat_sync, chat_sync_streamed, messages_sync_streamed, chat_in_a_loop_of_its_own,
]  # fmt: skip


@pytest.mark.parametrize("ask", CLIENTS)
async def test_a_killed_run_resumes_without_paying_twice(engine: OpenEngine, gate: Gate, ask: Ask) -> None:
    running = await engine(guest=agent_of(ask, gate), providers=SIMULATED)
    run = await running.submit("guest")
    await gate.reached()
    assert paid_calls(running) == 1
    await running.crash(running.workers[0])
    gate.open.set()
    await running.start_worker()
    done = await running.ended(run.id)
    first = "heard one (1 messages)"
    assert (done.error, done.output) == (None, [first, f"heard two after {first} (1 messages)"])
    assert paid_calls(running) == 2
    assert told(running, "run_diverged") == []
    assert told(running, "llm_ungoverned") == []
    assert done.cost_nano > 0 and done.tokens_in > 0


@pytest.mark.parametrize("ask", [one for one in (*CLIENTS, embeddings) if asyncio.iscoroutinefunction(one)])
async def test_an_answer_is_durable_before_the_agent_sees_it(engine: OpenEngine, ask: Ask) -> None:
    recorded: list[str | None] = []

    async def agent(input: Any, ctx: Context) -> None:
        await ask("one")
        recorded.extend(event.kind for event in await running.events(ctx.run_id, "step"))

    running = await engine(guest=agent, providers=SIMULATED)
    assert (await running.run("guest")).error is None
    assert recorded == ["model"]


async def test_vectors_are_not_paid_for_twice_either(engine: OpenEngine, gate: Gate) -> None:
    running = await engine(guest=agent_of(embeddings, gate), providers=SIMULATED)
    run = await running.submit("guest")
    await gate.reached()
    await running.crash(running.workers[0])
    gate.open.set()
    await running.start_worker()
    done = await running.ended(run.id)
    assert (done.error, done.output) == (None, ["heard 2 vectors of 512"] * 2)
    assert paid_calls(running) == 2 and told(running, "llm_ungoverned") == [] and done.cost_nano > 0


async def test_calls_side_by_side_get_their_own_answers_again(engine: OpenEngine, gate: Gate) -> None:
    async def agent(input: Any, ctx: Context) -> list[str]:
        said = await asyncio.gather(*(chat_streamed(f"n{n}") for n in range(5)), *(chat(f"m{n}") for n in range(5)))
        await ctx.step("wait", gate)
        return list(said)

    running = await engine(guest=agent, providers=SIMULATED)
    run = await running.submit("guest")
    await gate.reached()
    await running.crash(running.workers[0])
    gate.open.set()
    await running.start_worker()
    done = await running.ended(run.id)
    assert done.output == [f"heard {kind}{n} (1 messages)" for kind in "nm" for n in range(5)]
    assert paid_calls(running) == 10


async def test_a_step_that_asks_a_model_is_not_asked_for_its_insides_again(engine: OpenEngine, gate: Gate) -> None:
    """What is recorded within a step goes with it: nobody takes it for another path."""

    async def agent(input: Any, ctx: Context) -> list[str]:
        inner = await ctx.step("research", chat, "inside")
        await ctx.step("wait", gate)
        return [inner, await chat("outside")]

    running = await engine(guest=agent, providers=SIMULATED)
    run = await running.submit("guest")
    await gate.reached()
    await running.crash(running.workers[0])
    gate.open.set()
    await running.start_worker()
    done = await running.ended(run.id)
    assert done.output == ["heard inside (1 messages)", "heard outside (1 messages)"]
    assert paid_calls(running) == 2
    assert told(running, "run_diverged") == []


async def test_a_budget_that_is_spent_is_the_sdks_own_error_and_ends_the_run_as_budget(engine: OpenEngine) -> None:
    seen: list[Any] = []

    async def agent(input: Any) -> None:
        try:
            await chat("too dear")
        except openai.APIStatusError as error:
            seen.append((error.status_code, error.code, str(error)))
            raise

    running = await engine(guest=agent, providers=SIMULATED)
    done = await running.run("guest", budget_nano=1)
    ((status, code, text),) = seen
    assert (status, code) == (402, "budget") and "budget" in text.lower()
    assert (done.status, done.reason) == (Status.ERROR, Reason.BUDGET)
    assert done.error is not None and done.error["error"] == "budget"
    assert paid_calls(running) == 0


@pytest.mark.parametrize("ask", [chat, chat_streamed, messages, messages_streamed, chat_sync])
async def test_a_provider_that_fails_is_retried_by_us_and_not_again_by_the_sdk(engine: OpenEngine, ask: Ask) -> None:
    async def agent(input: Any) -> None:
        await ask("hello")

    def sync_agent(input: Any) -> None:
        ask("hello")

    async with peer(says(b"out of order", status="500 Oh", headers=b"content-type: text/plain\r\n")) as provider:
        providers = {
            "openai": {"base_url": provider.url, "api_key_env": ""},
            "anthropic": {"base_url": provider.url, "api_key_env": ""},
        }
        running = await engine(
            guest=agent if asyncio.iscoroutinefunction(ask) else sync_agent, providers=providers,
            settings={"ai_service_retry_count": 1, "ai_service_retry_delay": 0.01},
        )  # fmt: skip
        done = await running.run("guest")
        assert provider.calls == 2
        assert told(running, "llm_ungoverned") == []  # what the gateway sends is nobody's
        assert done.error is not None and done.error["error"] in ("model_unavailable", "all_providers_failed")


async def test_an_error_within_a_stream_is_the_sdks_own_error(engine: OpenEngine) -> None:
    choice = b'{"index":0,"delta":{"role":"assistant","content":"Hal"},"finish_reason":null}'
    head = b'"id":"x","object":"chat.completion.chunk","created":0,"model":"m"'
    begun = b'data: {%s,"choices":[%s]}\n\n' % (head, choice)
    seen: list[str] = []

    async def agent(input: Any) -> None:
        try:
            async with openai.AsyncOpenAI() as client:
                stream = await client.chat.completions.create(model="gpt-5-mini", messages=user("hi"), stream=True)
                async for chunk in stream:
                    seen.append(chunk.choices[0].delta.content or "")
        except openai.APIError as error:
            seen.append(type(error).__name__)

    async with peer(says(begun, headers=b"content-type: text/event-stream\r\n")) as provider:
        running = await engine(guest=agent, providers={"openai": {"base_url": provider.url, "api_key_env": ""}})
        done = await running.run("guest")
    assert done.error is None
    assert seen == ["Hal", "APIError"]
    (call,) = told(running, "llm_call")
    assert call["status"] == "broken_answer" and call["cost_nano"] > 0
    (failed,) = await running.events(done.id, "failed")
    assert failed.data["cost_nano"] == call["cost_nano"]


@pytest.mark.parametrize("ask", [chat, chat_streamed, chat_sync, chat_in_a_loop_of_its_own])
async def test_cancelling_the_run_closes_the_connection_to_the_provider(engine: OpenEngine, ask: Ask) -> None:
    async def agent(input: Any) -> None:
        await ask("hello")

    def sync_agent(input: Any) -> None:
        ask("hello")

    async with peer() as provider:
        running = await engine(
            guest=agent if asyncio.iscoroutinefunction(ask) else sync_agent,
            providers={"openai": {"base_url": provider.url, "api_key_env": ""}},
        )
        run = await running.submit("guest")
        await asyncio.wait_for(provider.asked.wait(), 8)
        await running.engine.control.cancel(run.id)
        assert (await running.ended(run.id)).reason is Reason.CANCELLED
        await asyncio.wait_for(provider.gone.wait(), 8)


async def test_a_clients_timeout_bounds_the_whole_call_and_is_not_tried_again(engine: OpenEngine) -> None:
    async def agent(input: Any) -> Any:
        try:
            async with openai.AsyncOpenAI(timeout=1.0, max_retries=5) as client:
                await client.chat.completions.create(model="gpt-5-mini", messages=user("hi"))
        except openai.APIStatusError as error:
            return error.status_code

    async with peer() as provider:
        running = await engine(
            guest=agent, providers={"openai": {"base_url": provider.url, "api_key_env": ""}},
            settings={"ai_service_retry_count": 0},
        )  # fmt: skip
        assert (await running.run("guest")).output == 504
        assert provider.calls == 1


@pytest.mark.parametrize("library", [httpx, httpx2])
async def test_the_clients_key_goes_nowhere(engine: OpenEngine, library: Any) -> None:
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 400 No\r\nconnection: close\r\n\r\n")
        await writer.drain()

    async def agent(url: str) -> int:
        async with library.AsyncClient() as client:
            answer = await client.post(
                f"{url}/chat/completions", json={"model": "m", "messages": user("hi")},
                headers={"authorization": "Bearer sk-of-the-client"},
            )  # fmt: skip
        return answer.status_code

    async with listening(serve) as port:
        url = f"http://127.0.0.1:{port}/v1"
        running = await engine(guest=agent, providers={"local": {"base_url": url}})
        assert (await running.run("guest", url)).output == 400
    assert len(heads) == 1 and b"sk-of-the-client" not in heads[0]


async def test_what_a_client_switches_on_reaches_the_provider_and_is_part_of_the_question(engine: OpenEngine) -> None:
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 400 No\r\nconnection: close\r\n\r\n")
        await writer.drain()

    async def agent(url: str) -> None:
        async with anthropic.AsyncAnthropic() as client:
            for betas in (["one-2026"], ["two-2026"]):
                with pytest.raises(anthropic.BadRequestError):
                    await client.beta.messages.create(messages=user("hi"), betas=betas, **HAIKU)  # type: ignore[call-overload]

    async with listening(serve) as port:
        url = f"http://127.0.0.1:{port}/v1"
        running = await engine(guest=agent, providers={"anthropic": {"base_url": url, "api_key_env": ""}})
        done = await running.run("guest", url)
    assert done.error is None
    assert [b"anthropic-beta: one-2026" in heads[0].lower(), b"anthropic-beta: two-2026" in heads[1].lower()] == [
        True
    ] * 2
    asked = [event.digest for event in await running.events(done.id, "intent")]
    assert len(asked) == len(set(asked)) == 2


async def test_outside_of_a_run_nothing_changes(engine: OpenEngine) -> None:
    async with peer(says(b"from the network")) as provider:
        await engine(guest=chat, providers={"local": {"base_url": provider.url}})
        url = f"{provider.url}/chat/completions"
        for client in (httpx.AsyncClient(), httpx2.AsyncClient()):
            async with client:
                assert (await client.post(url, json={})).text == "from the network"
        for get in (httpx.post, httpx2.post):
            answer: Any = await asyncio.to_thread(get, url, json={})
            assert answer.text == "from the network"


async def test_a_blocking_client_on_the_event_loop_is_told_how_to_mend_it(engine: OpenEngine) -> None:
    async def agent(input: Any) -> str:
        return chat_sync("hi")

    running = await engine(guest=agent, providers=SIMULATED)
    done = await running.run("guest")
    assert done.error is not None and done.error["error"] == "configuration"
    assert "async client" in done.error["message"]


async def draw(input: Any) -> None:
    async with openai.AsyncOpenAI(base_url=input, max_retries=0) as client:
        await client.images.generate(model="gpt-image-1", prompt="hi")


async def test_a_model_call_that_cannot_be_governed_is_told_of_and_let_through(engine: OpenEngine) -> None:
    async with peer(says(b'{"created":1,"data":[]}', headers=b"content-type: application/json\r\n")) as provider:
        running = await engine(guest=draw, providers={"local": {"base_url": provider.url}})
        await running.run("guest", provider.url)
        assert provider.calls == 1
    (said,) = told(running, "llm_ungoverned")
    assert (said["client"], said["address"], said["refused"]) == (
        "httpx2", f"{provider.url.removeprefix('http://')}/images/generations", False,
    )  # fmt: skip


async def test_it_is_refused_where_the_setting_says_so(engine: OpenEngine) -> None:
    async with peer() as provider:
        running = await engine(
            guest=draw, providers={"local": {"base_url": provider.url}}, settings={"model_ungoverned": "refuse"}
        )
        done = await running.run("guest", provider.url)
        assert provider.calls == 0
    assert done.error is not None and done.error["error"] == "configuration"
    assert [said["refused"] for said in told(running, "llm_ungoverned")] == [True]


async def over_aiohttp(input: Any) -> None:
    import aiohttp  # extra

    async with aiohttp.ClientSession() as session:
        await session.post("https://api.openai.com/v1/chat/completions", json={})


async def over_a_websocket(input: Any) -> None:
    async with openai.AsyncOpenAI() as client, client.realtime.connect(model="gpt-realtime"):
        pass


@pytest.mark.parametrize(("agent", "client"), [(over_aiohttp, "aiohttp"), (over_a_websocket, "websockets")])
async def test_clients_that_have_no_transport_of_ours_are_seen(
    engine: OpenEngine, agent: Callable[[Any], Awaitable[None]], client: str
) -> None:
    running = await engine(guest=agent, settings={"model_ungoverned": "refuse"})
    done = await running.run("guest")
    assert done.error is not None and done.error["error"] == "configuration", done.error
    assert [said["client"] for said in told(running, "llm_ungoverned")] == [client]
