"""What is peculiar to embeddings; what all formats share is in `test_wire_formats`."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from struct import pack
from typing import Any

import orjson
import pytest

from fairlead.clock import SystemClock
from fairlead.errors import (
    BrokenAnswer,
    BudgetExceededError,
    ConfigurationError,
    InvalidInput,
    ModelDenied,
    ModelError,
    ModelRefused,
    ModelUnavailable,
)
from fairlead.gateway import (
    Choices,
    Embedder,
    Fault,
    Format,
    Gateway,
    GatewayPolicy,
    Prices,
    RetryPolicy,
    RunBudget,
    build,
    parse_models,
)
from fairlead.gateway.providers.http import HttpProvider
from fairlead.gateway.providers.openai import openai
from fairlead.gateway.providers.simulated import SimulatedProvider
from fairlead.gateway.transport_http1 import Http1Transport
from fairlead.gateway.wire import openai_embeddings as wire
from tests.gateway.answers import VECTORS
from tests.gateway.loopback import Heard, ask, peer, says


@pytest.mark.parametrize("given", ["a", ["a", "b"], [1, 2, 3], [[1, 2], [3]]])
def test_texts_and_tokens_go_out_as_they_came(given: Any) -> None:
    body = wire.parse_request(orjson.dumps({"model": "m", "input": given, "user": "ada", "new_field": 1}))
    assert orjson.loads(wire.build(body, model="x", streamed=False)) == {**body, "model": "x"}
    assert len(wire.inputs(body)) == (2 if given in (["a", "b"], [[1, 2], [3]]) else 1)


@pytest.mark.parametrize(
    "more",
    [
        {"input": ""}, {"input": []}, {"input": [""]}, {"input": ["a", 1]}, {"input": [[]]}, {"input": [True]},
        {"input": {}}, {"input": None}, {"dimensions": 0}, {"dimensions": "3"}, {"dimensions": True},
        {"encoding_format": "hex"}, {"stream": True},
    ],
)  # fmt: skip
def test_what_nobody_could_embed_is_the_callers_fault(more: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        wire.parse_request(orjson.dumps({"model": "m", "input": "a", **more}))
    with pytest.raises(InvalidInput):
        wire.build({"input": "a"}, model="m", streamed=True)


def test_vectors_come_in_the_order_of_the_question_in_either_encoding() -> None:
    packed = [{**one, "embedding": b64encode(pack("<3f", *one["embedding"])).decode()} for one in VECTORS["data"]]
    for data in (VECTORS["data"], packed):
        [first, second] = wire.vectors(wire.check({**VECTORS, "data": data}))
        assert first == pytest.approx(VECTORS["data"][1]["embedding"]) and second == pytest.approx([0, -0.5, 0.25])


@pytest.mark.parametrize(
    "data",
    [
        [{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [1]}],  # the same twice
        [{"index": 1, "embedding": [1]}],  # one is missing
        [{"index": 0, "embedding": [1]}, {"index": 1, "embedding": [1, 2]}],  # of two models
        [{"index": 0, "embedding": []}], [{"index": 0, "embedding": "AAA="}], [{"index": 0, "embedding": "!"}],
        [{"index": 0, "embedding": [True]}], [{"index": 0, "embedding": ["1"]}], [],
    ],
)  # fmt: skip
def test_vectors_that_are_not_what_was_asked_for_are_broken(data: Any) -> None:
    with pytest.raises(BrokenAnswer):
        wire.check({**VECTORS, "data": data})


def test_a_server_that_tells_only_the_sum_is_believed() -> None:
    used = wire.usage_of({"usage": {"total_tokens": 7}})
    assert used is not None and used.tokens_in == 7


# -- a provider over HTTP


@asynccontextmanager
async def provider(url: str) -> AsyncIterator[HttpProvider]:
    it = HttpProvider("local", openai(url, "sk-secret"), transport=Http1Transport(), clock=SystemClock())
    try:
        yield it
    finally:
        await it.aclose()


async def test_an_answer_is_told_with_what_it_used() -> None:
    request = ask(form=Format.EMBEDDINGS)
    async with peer(says(orjson.dumps(VECTORS))) as server, provider(server.url) as it:
        reply = await it.complete(request)
    assert reply.body == VECTORS and (reply.usage.tokens_in, reply.usage.tokens_out) == (30, 0)
    assert reply.format is Format.EMBEDDINGS and request.meter.used == reply.usage


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (says(b"{}", status="404 Not Found"), ModelDenied),  # a server without embeddings
        (says(b"{}", status="400 No"), ModelRefused),
        (says(b"{}", status="503 Oh"), ModelUnavailable),
        (says(orjson.dumps({**VECTORS, "usage": {"prompt_tokens": -1}})), BrokenAnswer),
        (says(b"{"), BrokenAnswer),
    ],
)
async def test_what_is_no_answer_is_told_for_what_it_is(said: Any, error: type[ModelError]) -> None:
    request = ask(form=Format.EMBEDDINGS)
    async with peer(said) as server, provider(server.url) as it:
        with pytest.raises(error):
            await it.complete(request)
    assert (request.meter.used.tokens_in > 0) == (error is BrokenAnswer)


async def test_an_answer_without_usage_is_charged_by_estimate() -> None:
    answer = {name: value for name, value in VECTORS.items() if name != "usage"}
    async with peer(says(orjson.dumps(answer))) as server, provider(server.url) as it:
        reply = await it.complete(ask(form=Format.EMBEDDINGS))
    assert reply.usage.estimated and reply.usage.tokens_in > 0 and reply.usage.tokens_out == 0


async def test_nobody_is_asked_for_a_stream() -> None:
    async with peer(says(b"")) as server, provider(server.url) as it:
        with pytest.raises(InvalidInput):
            await it.complete(ask(form=Format.EMBEDDINGS, on_delta=lambda text: None))
        assert server.calls == 0


# -- the stack


def gateway(*failing: str, models: dict[str, Any] | None = None, formats: Any = tuple(Format)) -> Gateway:
    providers = [SimulatedProvider(clock=SystemClock(), name=name) for name in ("one", "two")]
    for each in providers:
        each.formats = formats
        if each.name in failing:
            each.faults.rates = {Fault.SERVER_ERROR: 1.0}
    policy = GatewayPolicy(RetryPolicy(tries=1))
    declared = parse_models(models or {}, load=str)
    return build(providers, Prices(), SystemClock(), Heard(), jitter=lambda: 0, models=declared, policy=policy)


async def test_another_provider_of_the_same_model_stands_in_and_another_model_never() -> None:
    table = {"targets": ["one/m", "two/m"], "fallback": ["two/other"]}
    reply = await gateway("one", models={"words": table}).complete(ask(model="words", form=Format.EMBEDDINGS))
    assert (reply.model, [attempt.outcome for attempt in reply.attempts]) == ("two/m", ["model_unavailable", "ok"])
    alone = {"targets": ["one/m"], "fallback": ["two/other"]}
    asked = ask(model="words", form=Format.EMBEDDINGS, choices=Choices(fallback=("two/third",)))
    with pytest.raises(ModelUnavailable):
        await gateway("one", models={"words": alone}).complete(asked)


async def test_a_model_that_is_several_makes_no_vectors() -> None:
    it = gateway(models={"words": {"targets": ["one/m", "two/other"]}})
    with pytest.raises(ConfigurationError, match="can't be compared"):
        await it.complete(ask(model="words", form=Format.EMBEDDINGS))
    with pytest.raises(ConfigurationError, match="can't be compared"):
        Embedder(it, "words", dimensions=None, timeout=timedelta(seconds=5))


async def test_a_provider_that_makes_no_vectors_says_so() -> None:
    with pytest.raises(InvalidInput, match="does not speak embeddings"):
        await gateway(formats=(Format.CHAT,)).complete(ask(model="one/m", form=Format.EMBEDDINGS))


async def test_vectors_of_texts_that_share_words_are_near_each_other() -> None:
    embedder = Embedder(gateway(), "one/m", dimensions=512, timeout=timedelta(seconds=5))
    assert embedder.model == "m@512"
    question, near, far = await embedder.of("t")(["refund?", "Refunds take ten days.", "Shipping is free."])
    assert len(near) == 512
    assert sumprod(question, near) > 2 * abs(sumprod(question, far))
    assert (await embedder.of("t")(["refund?"]))[0] == question


async def test_money_is_held_before_the_call_and_settled_after_it() -> None:
    budget = RunBudget(1_000)  # a millionth of a dollar
    with pytest.raises(BudgetExceededError):
        await gateway().complete(ask(model="one/m", form=Format.EMBEDDINGS), budget=budget)
    reply = await gateway().complete(ask(model="one/m", form=Format.EMBEDDINGS))
    assert reply.cost_nano == reply.usage.tokens_in * 15_000  # what is not priced costs the ceiling


def sumprod(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
