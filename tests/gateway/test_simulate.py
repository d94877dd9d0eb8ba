"""The simulated provider over real HTTP, asked by the product's own OpenAI provider."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from fairlead.clock import SystemClock
from fairlead.errors import (
    BrokenAnswer,
    ConfigurationError,
    FairleadError,
    ModelRefused,
    ModelTimeout,
    ModelUnavailable,
)
from fairlead.gateway import Fault, Format, Reply, ToolCall
from fairlead.gateway.providers.http import HttpProvider
from fairlead.gateway.providers.openai import openai
from fairlead.gateway.providers.simulated import SimulatedProvider
from fairlead.gateway.simulate import Simulator, server
from fairlead.gateway.transport_http1 import Http1Transport
from tests.gateway.loopback import ask, simulating


def talks(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Reply:
    return Reply("a text of some length, in pieces", [ToolCall("one", {"ü": "é"}), ToolCall("two")])


@asynccontextmanager
async def asking(app: Simulator) -> AsyncIterator[HttpProvider]:
    async with simulating(app) as url:
        endpoint = openai(url + "/v1", app.api_key, formats=tuple(Format))
        provider = HttpProvider("simulated", endpoint, transport=Http1Transport(), clock=SystemClock())
        try:
            yield provider
        finally:
            await provider.aclose()


async def test_vectors_over_http_are_those_in_process() -> None:
    request = ask(form=Format.EMBEDDINGS, input=["a refund", "refunds"])
    inside = await SimulatedProvider(clock=SystemClock()).complete(request)
    async with asking(Simulator()) as provider:
        outside = await provider.complete(request)
    assert outside.body == inside.body and outside.usage == inside.usage and outside.usage.tokens_in > 0


@pytest.mark.parametrize("form", [form for form in Format if form is not Format.EMBEDDINGS])
async def test_over_http_it_says_what_it_says_in_process(form: Format) -> None:
    told: list[str] = []
    inside = await SimulatedProvider(talks, clock=SystemClock()).complete(ask(form=form))
    async with asking(Simulator(talks)) as provider:
        whole = await provider.complete(ask(form=form))
        streamed = await provider.complete(ask(form=form, on_delta=told.append))
    said = {Format.CHAT: "choices", Format.MESSAGES: "content", Format.RESPONSES: "output"}[form]
    assert whole.body[said] == streamed.body[said] == inside.body[said]
    assert whole.usage == streamed.usage == inside.usage
    assert "".join(told) == "a text of some length, in pieces"
    assert streamed.first_token is not None and whole.first_token is None


FAULTS: list[tuple[Fault, type[FairleadError]]] = [
    (Fault.RATE_LIMIT, ModelUnavailable),
    (Fault.SERVER_ERROR, ModelUnavailable),
    (Fault.TIMEOUT, ModelTimeout),
    (Fault.CUT, BrokenAnswer),
    (Fault.MALFORMED, BrokenAnswer),
    (Fault.SLOW, ModelTimeout),
]


@pytest.mark.parametrize(("fault", "error"), FAULTS)
@pytest.mark.parametrize("streamed", [False, True])
async def test_each_fault_is_told_for_what_it_is_and_charged_rightly(
    fault: Fault, error: type[FairleadError], streamed: bool
) -> None:
    app = Simulator(talks)
    app.faults.next.append(fault)
    app.faults.retry_after = timedelta(seconds=7)
    app.faults.gap = timedelta(milliseconds=50)
    request = ask(seconds=0.2, on_delta=(lambda text: None) if streamed else None)
    async with asking(app) as provider:
        with pytest.raises(error) as caught:
            await provider.complete(request)
        assert (await provider.complete(ask())).message["content"]
        if isinstance(caught.value, ModelUnavailable):
            assert request.meter.used.tokens_in == 0
            assert caught.value.retry_after == (timedelta(seconds=7) if fault is Fault.RATE_LIMIT else None)
        else:
            assert request.meter.used.tokens_in > 0 and request.meter.used.estimated


async def test_a_cancelled_call_leaves_the_provider_at_once() -> None:
    app = Simulator(talks)
    app.faults.next.append(Fault.TIMEOUT)
    async with asking(app) as provider:
        call = asyncio.create_task(provider.complete(ask(seconds=60)))
        async with asyncio.timeout(5):
            while app.inflight == 0:
                await asyncio.sleep(0.001)
            call.cancel()
            await asyncio.wait([call])
        async with asyncio.timeout(0.5):
            while app.inflight:
                await asyncio.sleep(0.001)
    assert app.stats()["completed"] == 0


async def test_it_counts_who_asked_what_how_often() -> None:
    app = Simulator(latency=timedelta(milliseconds=20))
    async with asking(app) as provider:
        await asyncio.gather(*(provider.complete(ask(text)) for text in ("a", "a", "b")))
        stats = app.stats()
        assert (stats["requests"], stats["completed"], stats["inflight"]) == (3, 3, 0)
        assert sorted(stats["by_digest"].values()) == [1, 2]
        assert stats["inflight_max"] == 3


async def test_faults_and_counters_are_set_while_it_runs() -> None:
    async with simulating(Simulator()) as url, aiohttp.ClientSession() as http:
        body = {"model": "x", "messages": [{"role": "user", "content": "hi"}]}
        async with http.post(f"{url}/faults", json={"next": {"rate_limit": 1}, "retry_after": 3}) as answer:
            assert answer.status == 200
        async with http.post(f"{url}/v1/chat/completions", json=body) as answer:
            assert (answer.status, answer.headers["retry-after"]) == (429, "3")
        async with http.get(f"{url}/stats") as answer:
            assert (await answer.json())["requests"] == 1
        async with http.post(f"{url}/reset") as answer:
            assert (await answer.json())["requests"] == 0
        async with http.get(f"{url}/v1/models") as answer:
            assert (await answer.json())["data"][0]["id"] == "simulated"
        async with http.post(f"{url}/faults", json={"rates": {"nope": 1}}) as answer:
            assert answer.status == 400 and "nope" in (await answer.json())["error"]["message"]
        async with http.post(f"{url}/v1/chat/completions", data=b"{") as answer:
            assert answer.status == 400
        async with http.get(f"{url}/nothing") as answer:
            assert answer.status == 404


async def test_with_a_key_it_asks_for_it() -> None:
    app = Simulator(talks, api_key="sesame")
    async with simulating(app) as url:
        wrong = HttpProvider("s", openai(url + "/v1", "wrong"), transport=Http1Transport(), clock=SystemClock())
        with pytest.raises(ModelRefused, match="401"):
            await wrong.complete(ask())
        await wrong.aclose()
    async with asking(app) as right:
        assert await right.complete(ask())


def test_it_does_not_listen_beyond_this_machine_without_a_key() -> None:
    with pytest.raises(ConfigurationError, match=r"0\.0\.0\.0"):
        server(Simulator(), host="0.0.0.0", port=0)
    assert server(Simulator(api_key="k"), host="0.0.0.0", port=0)
