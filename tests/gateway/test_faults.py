"""What a hostile or broken server may do, over real sockets, in every format that speaks, streaming and not.

Embeddings, which can't be streamed, have theirs in `test_openai_embeddings`.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import orjson
import pytest

from fairlead.clock import SystemClock
from fairlead.config import Secret
from fairlead.errors import (
    BrokenAnswer,
    ConfigurationError,
    ErrorWithin,
    FairleadError,
    ModelDenied,
    ModelLimited,
    ModelRefused,
    ModelTimeout,
    ModelUnavailable,
)
from fairlead.gateway.providers.http import Endpoint, HttpProvider
from fairlead.gateway.transport_http1 import Http1Transport
from fairlead.gateway.types import Format, ModelRequest
from fairlead.gateway.wire import WIRES
from tests.gateway.loopback import Speak, ask, hang, peer, says
from tests.gateway.plants import provider_type
from tests.listening import listening

KEY = "sk-secret-0123456789"
_PATIENCE = 10  # seconds: a provider that is still waiting then has failed
Ask = Callable[..., ModelRequest]

ANSWERS: dict[Format, dict[str, Any]] = {
    Format.CHAT: {
        "id": "c", "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi there"},
                                "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9},
    },
    Format.MESSAGES: {
        "id": "m", "type": "message", "role": "assistant", "model": "x", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "hi there"}], "usage": {"input_tokens": 7, "output_tokens": 2},
    },
    Format.RESPONSES: {
        "id": "r", "object": "response", "status": "completed", "model": "x",
        "output": [{"type": "message", "id": "i", "role": "assistant", "status": "completed",
                    "content": [{"type": "output_text", "text": "hi there", "annotations": []}]}],
        "usage": {"input_tokens": 7, "output_tokens": 2, "total_tokens": 9},
    },
}  # fmt: skip
COUNTS = {Format.CHAT: ("prompt_tokens", "completion_tokens"), Format.MESSAGES: ("input_tokens", "output_tokens"),
          Format.RESPONSES: ("input_tokens", "output_tokens")}  # fmt: skip


@pytest.fixture(params=ANSWERS)
def form(request: pytest.FixtureRequest) -> Format:
    return request.param


@pytest.fixture(params=["whole", "streamed"])
def asked(request: pytest.FixtureRequest, form: Format) -> Ask:
    """Asks in a format, for the whole answer or a stream."""
    streamed = request.param == "streamed"

    def make(**more: Any) -> ModelRequest:
        return ask(form=form, on_delta=_ignore if streamed else None, **more)

    return make


def _ignore(text: str) -> None:
    pass


@asynccontextmanager
async def provider(url: str, *, silence: timedelta | None = None, **more: Any) -> AsyncIterator[HttpProvider]:
    settings: dict[str, Any] = {
        "formats": tuple(Format),
        "key": Secret(KEY),
        "key_header": "x-api-key",
        "key_prefix": "",
        **more,
    }
    endpoint = Endpoint(url, **settings)
    it = provider_type()("local", endpoint, transport=Http1Transport(), clock=SystemClock(), silence=silence)
    try:
        yield it
    finally:
        await it.aclose()


async def outcome(speak: Speak | None, request: ModelRequest, **more: Any) -> FairleadError:
    """The error of asking a server that speaks so."""
    async with peer(speak) as server, provider(server.url, **more) as it:
        with pytest.raises(FairleadError) as caught:
            async with asyncio.timeout(_PATIENCE):
                await it.complete(request)
        return caught.value


def streaming(form: Format, *events: bytes) -> Speak:
    body = b"".join(WIRES[form].event(data) for data in events)
    return says(body, headers=b"content-type: text/event-stream\r\n")


def events_of(form: Format, **usage: Any) -> list[bytes]:
    """The events of a good stream."""
    answer = ANSWERS[form]
    return list(WIRES[form].emit({**answer, "usage": {**answer["usage"], **usage}}, piece=4))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("400 Bad Request", ModelRefused),
        ("401 Unauthorized", ModelDenied),
        ("403 Forbidden", ModelDenied),
        ("404 Not Found", ModelDenied),
        ("408 Request Timeout", ModelUnavailable),
        ("409 Conflict", ModelUnavailable),
        ("413 Too Large", ModelRefused),
        ("429 Too Many Requests", ModelLimited),
        ("500 Oh", ModelUnavailable),
        ("503 Oh", ModelUnavailable),
        ("529 Overloaded", ModelUnavailable),
        ("302 Found", ModelDenied),
        ("204 No Content", ModelDenied),
    ],
)
async def test_each_status_is_told_for_what_it_is_without_the_key_and_costs_nothing(
    status: str, error: type[FairleadError], asked: Ask
) -> None:
    said = orjson.dumps({"type": "error", "error": {"message": f"no, {KEY}, no", "type": "x"}})
    body = b"" if status.startswith("204") else said
    request = asked()
    caught = await outcome(says(body, status=status, headers=b"location: http://127.0.0.1:1/\r\n"), request)
    assert type(caught) is error and status[:3] in str(caught) and KEY not in str(caught)
    assert request.meter.sent and request.meter.used.tokens_in == 0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("0.5", 0.5), ("nan", None), ("-1", None), ("1e400", None), ("soon", None), ("1e9", 86400),
     ("Thu, 01 Jan 1970 00:00:00 GMT", 0)],
)  # fmt: skip
async def test_retry_after_is_understood_or_ignored(header: str, seconds: float | None) -> None:
    speak = says(b"", status="429 Slow", headers=f"retry-after: {header}\r\n".encode())
    caught = await outcome(speak, ask())
    assert isinstance(caught, ModelLimited)
    assert caught.retry_after == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize("status", ["429 Slow", "400 No", "403 No"])
@pytest.mark.parametrize("said", [{"code": "insufficient_quota"}, {"type": "billing_error"}])
async def test_a_quota_that_is_used_up_will_not_come_back_by_waiting(status: str, said: dict[str, str]) -> None:
    body = orjson.dumps({"error": {"message": "pay", **said}})
    assert isinstance(await outcome(says(body, status=status), ask()), ModelDenied)


@pytest.mark.parametrize("count", [-5, 99_999_999_999, "7", 1.5, True, [1]])
async def test_usage_that_can_not_be_true_is_charged_by_estimate(form: Format, count: Any) -> None:
    for name in COUNTS[form]:
        answer = {**ANSWERS[form], "usage": {**ANSWERS[form]["usage"], name: count}}
        request = ask(form=form)
        assert isinstance(await outcome(says(orjson.dumps(answer)), request), BrokenAnswer)
        used = request.meter.used
        assert used.estimated and used.tokens_in > 0 and used.tokens_out <= 2048


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"[]", b"null", b'{"usage": NaN}', b'{"x": "\\ud800"}'])
async def test_an_answer_that_is_none_is_refused_and_charged_by_estimate(form: Format, body: bytes) -> None:
    request = ask(form=form)
    assert isinstance(await outcome(says(body), request), BrokenAnswer)
    assert request.meter.used.estimated and request.meter.used.tokens_in > 0


async def test_an_answer_without_usage_is_charged_by_estimate(asked: Ask, form: Format) -> None:
    answer = {name: value for name, value in ANSWERS[form].items() if name != "usage"}
    request = asked()
    speak = says(orjson.dumps(answer)) if request.sink is None else streaming(form, *WIRES[form].emit(answer))
    async with peer(speak) as server, provider(server.url) as it:
        reply = await it.complete(request)
    assert reply.usage.estimated and reply.usage.tokens_in > 0 and reply.usage.tokens_out > 0


async def test_a_good_answer_is_the_same_whole_and_streamed(asked: Ask, form: Format) -> None:
    request = asked()
    speak = says(orjson.dumps(ANSWERS[form])) if request.sink is None else streaming(form, *events_of(form))
    async with peer(speak) as server, provider(server.url) as it:
        reply = await it.complete(request)
    assert (reply.usage.tokens_in, reply.usage.tokens_out, reply.format) == (7, 2, form)
    assert b"hi there" in orjson.dumps(reply.body) and request.meter.used == reply.usage


async def test_a_stream_cut_cleanly_anywhere_is_broken_and_charged(form: Format) -> None:
    whole = events_of(form)
    for end in range(len(whole)):
        request = ask(form=form, on_delta=_ignore)
        caught = await outcome(streaming(form, *whole[:end]), request)
        assert isinstance(caught, BrokenAnswer), f"after {end} of {len(whole)} events"
        assert request.meter.used.tokens_in > 0


async def test_the_last_event_goes_out_only_when_the_answer_is_whole(form: Format) -> None:
    whole, told = events_of(form), list[bytes]()

    async def keep(events: Any) -> None:
        told.extend(events)

    await outcome(streaming(form, *whole[:-1]), ask(form=form, on_data=keep))
    assert told == whole[:-1] or told == whole[: len(told)] != whole
    told.clear()
    async with peer(streaming(form, *whole)) as server, provider(server.url) as it:
        await it.complete(ask(form=form, on_data=keep))
    assert told == whole


@pytest.mark.parametrize("junk", [b"{", b"[]", b"null", b'"x"', b"{}}", b'{"type": 7, "choices": 7}'])
async def test_an_event_that_is_none_breaks_the_stream(form: Format, junk: bytes) -> None:
    request = ask(form=form, on_delta=_ignore)
    caught = await outcome(streaming(form, *events_of(form)[:3], junk, *events_of(form)[3:]), request)
    assert isinstance(caught, BrokenAnswer) and request.meter.used.tokens_in > 0


async def test_usage_at_the_end_of_a_stream_is_checked_too(form: Format) -> None:
    events = events_of(form, **{COUNTS[form][1]: -1})
    assert isinstance(await outcome(streaming(form, *events), ask(form=form, on_delta=_ignore)), BrokenAnswer)


def error_event(form: Format) -> bytes:
    said = {"message": f"overloaded {KEY}", "type": "overloaded_error", "code": "x"}
    return orjson.dumps({"error": said} if form is Format.CHAT else {**said, "error": said, "type": "error"})


async def test_an_error_before_the_first_token_may_be_tried_again(form: Format) -> None:
    request = ask(form=form, on_delta=_ignore)
    caught = await outcome(streaming(form, error_event(form)), request)
    assert isinstance(caught, ModelUnavailable) and not request.told and KEY not in str(caught)


async def test_an_error_after_it_ends_the_answer_in_the_provider_s_words(form: Format) -> None:
    seen = asyncio.Event()
    first = 1 + next(number for number, event in enumerate(events_of(form)) if b"hi t" in event)

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await streaming(form, *events_of(form)[:first])(reader, writer)
        await seen.wait()
        writer.write(WIRES[form].event(error_event(form)))

    request = ask(form=form, on_delta=lambda text: seen.set())
    caught = await outcome(speak, request)
    assert isinstance(caught, ErrorWithin) and request.told and request.meter.used.tokens_out > 0
    assert "overloaded" in str(caught) and KEY not in str(caught)


async def test_a_connection_lost_before_an_answer_may_be_tried_again(asked: Ask) -> None:
    async def leave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    assert isinstance(await outcome(leave, asked()), ModelUnavailable)


async def test_a_connection_lost_within_an_answer_is_a_broken_answer(asked: Ask) -> None:
    speak = says(b"data: {", headers=b"content-length: 100\r\n")
    assert isinstance(await outcome(speak, asked()), BrokenAnswer)


async def test_no_connection_is_unavailable_and_free(asked: Ask) -> None:
    async with peer() as server:
        url = server.url
    request = asked()
    async with provider(url) as it:
        with pytest.raises(ModelUnavailable, match="No connection"):
            await it.complete(request)
    assert request.meter.used.tokens_in == 0


async def test_a_name_that_nobody_knows_is_unavailable_and_free(asked: Ask) -> None:
    request = asked()
    async with provider("http://no-such-host.invalid/v1") as it:
        with pytest.raises(ModelUnavailable, match="No connection"):
            await it.complete(request)
    assert request.meter.used.tokens_in == 0


async def test_a_handshake_that_fails_is_unavailable_and_free(asked: Ask) -> None:
    async def no_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    request = asked()
    async with listening(no_tls) as port, provider(f"https://127.0.0.1:{port}") as it:
        with pytest.raises(ModelUnavailable, match="No connection"):
            await it.complete(request)
    assert request.meter.used.tokens_in == 0


async def test_an_address_that_is_none_is_refused() -> None:
    async with provider("nonsense") as it:
        with pytest.raises(ModelRefused, match="base_url"):
            await it.complete(ask())


async def test_an_endless_answer_ends_at_the_limit(asked: Ask) -> None:
    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        while True:
            writer.write(b"x" * 1_000_000)
            await writer.drain()

    caught = await outcome(flood, asked(seconds=20))
    assert isinstance(caught, BrokenAnswer) and "larger" in str(caught)


async def test_a_gzip_bomb_is_not_opened(asked: Ask) -> None:
    bomb = gzip.compress(b"a" * 5_000_000)
    caught = await outcome(says(bomb, headers=b"content-encoding: gzip\r\n"), asked())
    assert isinstance(caught, BrokenAnswer) and "compressed" in str(caught)


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nx: ", b"HTTP/1.1 200 OK\r\n\r\n"])
async def test_slow_bytes_end_with_the_total_time(head: bytes, asked: Ask) -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(b"H")
            await writer.drain()
            await asyncio.sleep(0.02)

    started = asyncio.get_running_loop().time()
    assert isinstance(await outcome(drip, asked(seconds=0.3)), ModelTimeout)
    assert asyncio.get_running_loop().time() - started < 1


async def test_headers_that_never_come_end_with_the_time(asked: Ask) -> None:
    assert isinstance(await outcome(hang, asked(seconds=0.1)), ModelTimeout)


async def test_a_stream_that_falls_silent_is_given_up_before_its_time(form: Format) -> None:
    async def fall_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await streaming(form, *events_of(form)[:3])(reader, writer)
        await reader.read()

    request = ask(form=form, seconds=60, on_delta=_ignore)
    caught = await outcome(fall_silent, request, silence=timedelta(seconds=0.1))
    assert isinstance(caught, ModelUnavailable | BrokenAnswer) and "silent" in str(caught)


async def test_a_cancelled_call_closes_its_connection_at_once(asked: Ask) -> None:
    async with peer() as server, provider(server.url) as it:
        call = asyncio.create_task(it.complete(asked(seconds=60)))
        async with asyncio.timeout(5):
            await server.asked.wait()
        call.cancel()
        async with asyncio.timeout(0.5):
            await server.gone.wait()
        assert call.cancelled()


async def test_a_whole_answer_that_never_came_is_charged_as_if_it_had_been_written() -> None:
    request = ask(seconds=0.05, max_tokens=100)
    assert isinstance(await outcome(hang, request), ModelTimeout)
    assert request.meter.used.tokens_out == 100


async def test_without_its_key_a_provider_is_not_asked() -> None:
    async with provider("http://127.0.0.1:1", key=Secret(""), key_name="OPENAI_API_KEY") as it:
        with pytest.raises(ConfigurationError, match="OPENAI_API_KEY"):
            await it.complete(ask())
