"""What a hostile or broken server may do, over real sockets."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import aiohttp
import orjson
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
from fairlead.gateway.providers.openai import OpenAIProvider
from fairlead.gateway.transport_aiohttp import AiohttpTransport, translate
from fairlead.gateway.types import ModelRequest
from tests.gateway.loopback import Speak, ask, hang, peer, says

KEY = "sk-secret-0123456789"


@asynccontextmanager
async def provider(url: str, **more: Any) -> AsyncIterator[OpenAIProvider]:
    settings: dict[str, Any] = {"api_key": KEY, "transport": AiohttpTransport(), "clock": SystemClock(), **more}
    it = OpenAIProvider("openai", base_url=url, **settings)
    try:
        yield it
    finally:
        await it.aclose()


async def outcome(speak: Speak | None, request: ModelRequest) -> FairleadError:
    """The error of asking a server that speaks so."""
    async with peer(speak) as server, provider(server.url) as it:
        with pytest.raises(FairleadError) as caught:
            await it.complete(request)
        return caught.value


def streaming(*chunks: Any) -> Speak:
    body = b"".join(
        b"data: " + (chunk if isinstance(chunk, bytes) else orjson.dumps(chunk)) + b"\n\n" for chunk in chunks
    )
    return says(body, headers=b"content-type: text/event-stream\r\n")


def delta(text: str, end: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": end}]}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("400 Bad Request", ModelRefused),
        ("401 Unauthorized", ModelRefused),
        ("404 Not Found", ModelRefused),
        ("408 Request Timeout", ModelUnavailable),
        ("409 Conflict", ModelUnavailable),
        ("413 Too Large", ModelRefused),
        ("429 Too Many Requests", ModelUnavailable),
        ("500 Oh", ModelUnavailable),
        ("503 Oh", ModelUnavailable),
        ("529 Overloaded", ModelUnavailable),
        ("302 Found", ModelRefused),
        ("204 No Content", ModelRefused),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
async def test_each_status_is_told_for_what_it_is_without_the_key_and_costs_nothing(
    status: str, error: type[FairleadError], streamed: bool
) -> None:
    said = orjson.dumps({"error": {"message": f"no, {KEY}, no", "code": "x"}})
    body = b"" if status.startswith("204") else said
    request = ask(on_delta=print if streamed else None)
    caught = await outcome(says(body, status=status, headers=b"location: http://127.0.0.1:1/\r\n"), request)
    assert type(caught) is error and status[:3] in str(caught) and KEY not in str(caught)
    assert request.meter.tries[0].tokens_in == 0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("0.5", 0.5), ("nan", None), ("-1", None), ("1e400", None), ("soon", None), ("1e9", 86400),
     ("Thu, 01 Jan 1970 00:00:00 GMT", 0)],
)  # fmt: skip
async def test_retry_after_is_understood_or_ignored(header: str, seconds: float | None) -> None:
    speak = says(b"", status="429 Slow", headers=f"retry-after: {header}\r\n".encode())
    caught = await outcome(speak, ask())
    assert isinstance(caught, ModelUnavailable)
    assert caught.retry_after == (None if seconds is None else timedelta(seconds=seconds))


async def test_a_quota_that_is_used_up_will_not_come_back_by_waiting() -> None:
    body = orjson.dumps({"error": {"message": "pay", "code": "insufficient_quota"}})
    assert isinstance(await outcome(says(body, status="429 Slow"), ask()), ModelRefused)


def answer(**usage: Any) -> bytes:
    choice = {"message": {"content": "hi"}, "finish_reason": "stop"}
    return orjson.dumps({"choices": [choice], "usage": usage})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"{",
        b'{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":NaN}}',
        answer(prompt_tokens=-5, completion_tokens=1),
        answer(prompt_tokens=1, completion_tokens=99999999999),
    ],
)
async def test_a_broken_answer_is_refused_and_charged_by_estimate(body: bytes) -> None:
    request = ask()
    assert isinstance(await outcome(says(body), request), BrokenAnswer)
    [used] = request.meter.tries
    assert used.estimated and used.tokens_in > 0 and used.tokens_out <= 2048


async def test_an_answer_without_usage_is_charged_by_estimate() -> None:
    body = b'{"choices":[{"message":{"content":"hi there"},"finish_reason":"stop"}]}'
    async with peer(says(body)) as server, provider(server.url) as it:
        reply = await it.complete(ask())
    assert reply.usage.estimated and reply.usage.tokens_in > 0 and reply.usage.tokens_out > 0


@pytest.mark.parametrize(
    "chunks",
    [
        [],
        [delta("half")],
        [delta("all", "stop")],  # no [DONE]: its usage may be missing too
        [delta("half"), b"[DONE]"],
        [delta("half"), b'{"choices": [', b"[DONE]"],
        [delta("half"), b"[]", b"[DONE]"],
        [delta("half"), {"error": {"message": "overloaded"}}],
        [delta("a", "stop"), {"choices": [], "usage": {"prompt_tokens": -1, "completion_tokens": 0}}, b"[DONE]"],
        [{"choices": [{"index": 10**9, "delta": {}}]}, b"[DONE]"],
    ],
)
async def test_a_stream_without_its_end_is_broken_and_charged(chunks: list[Any]) -> None:
    request = ask(on_delta=lambda text: None)
    assert isinstance(await outcome(streaming(*chunks), request), BrokenAnswer)
    assert request.meter.tries[0].tokens_in > 0


async def test_an_error_before_the_first_token_may_be_tried_again() -> None:
    request = ask(on_delta=print)
    caught = await outcome(streaming({"error": {"message": f"overloaded {KEY}"}}), request)
    assert isinstance(caught, ModelUnavailable) and not request.meter.told and KEY not in str(caught)


async def test_a_connection_lost_before_an_answer_may_be_tried_again() -> None:
    async def leave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    assert isinstance(await outcome(leave, ask()), ModelUnavailable)


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_connection_lost_within_an_answer_is_a_broken_answer(streamed: bool) -> None:
    speak = says(b"data: {", headers=b"content-length: 100\r\n")
    assert isinstance(await outcome(speak, ask(on_delta=print if streamed else None)), BrokenAnswer)


async def test_no_connection_is_unavailable_and_free() -> None:
    async with peer() as server:
        url = server.url
    request = ask()
    async with provider(url) as it:
        with pytest.raises(ModelUnavailable, match="No connection"):
            await it.complete(request)
    assert request.meter.tries[0].tokens_in == 0


async def test_an_address_that_is_none_is_refused() -> None:
    async with provider("nonsense") as it:
        with pytest.raises(ModelRefused, match="base_url"):
            await it.complete(ask())


async def test_an_endless_answer_ends_at_the_limit() -> None:
    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        while True:
            writer.write(b"x" * 1_000_000)
            await writer.drain()

    for on_delta in (None, print):
        caught = await outcome(flood, ask(seconds=20, on_delta=on_delta))
        assert isinstance(caught, BrokenAnswer) and "larger" in str(caught)


async def test_a_gzip_bomb_is_not_opened() -> None:
    bomb = gzip.compress(b"a" * 50_000_000)
    caught = await outcome(says(bomb, headers=b"content-encoding: gzip\r\n"), ask())
    assert isinstance(caught, BrokenAnswer) and "compressed" in str(caught)


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nx: ", b"HTTP/1.1 200 OK\r\n\r\n"])
@pytest.mark.parametrize("streamed", [False, True])
async def test_slow_bytes_end_with_the_total_time(head: bytes, streamed: bool) -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(b"H")
            await writer.drain()
            await asyncio.sleep(0.02)

    started = asyncio.get_running_loop().time()
    assert isinstance(await outcome(drip, ask(seconds=0.3, on_delta=print if streamed else None)), ModelTimeout)
    assert asyncio.get_running_loop().time() - started < 1


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_cancelled_call_closes_its_connection_at_once(streamed: bool) -> None:
    async with peer() as server, provider(server.url) as it:
        call = asyncio.create_task(it.complete(ask(seconds=60, on_delta=print if streamed else None)))
        async with asyncio.timeout(5):
            await server.asked.wait()
        call.cancel()
        async with asyncio.timeout(0.5):
            await server.gone.wait()
        assert call.cancelled()


async def test_a_whole_answer_that_never_came_is_charged_as_if_it_had_been_written() -> None:
    request = ask(seconds=0.05, max_tokens=100)
    assert isinstance(await outcome(hang, request), ModelTimeout)
    assert request.meter.tries[0].tokens_out == 100


async def test_without_its_key_a_provider_is_not_asked() -> None:
    async with provider("http://127.0.0.1:1", api_key="", key_name="OPENAI_API_KEY") as it:
        with pytest.raises(ConfigurationError, match="OPENAI_API_KEY"):
            await it.complete(ask())


def _all_errors(kind: type[BaseException]) -> set[type[BaseException]]:
    return {kind}.union(*(_all_errors(child) for child in kind.__subclasses__()))


@pytest.mark.parametrize("kind", sorted(_all_errors(aiohttp.ClientError), key=lambda kind: kind.__name__))
@pytest.mark.parametrize("answered", [False, True])
def test_every_error_of_the_library_has_a_translation(kind: type[aiohttp.ClientError], answered: bool) -> None:
    error = kind.__new__(kind)
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientConnectorCertificateError):
        error.__dict__.update(
            _conn_key=SimpleNamespace(host="h", port=1, ssl=True, is_ssl=True), _os_error=OSError(1, "no")
        )
        error.__dict__.update(_path="/p", _certificate_error=ValueError("no"))
    assert isinstance(translate(error, answered=answered), FairleadError)
