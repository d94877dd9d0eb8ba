"""A provider over HTTP, whatever format it speaks: post, check, assemble, account for.

An answer is believed only when it is whole: a stream that ends without its end is broken, however cleanly it closed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Any

from fairlead.clock import Clock
from fairlead.config import Secret
from fairlead.errors import BrokenAnswer, ConfigurationError, ErrorWithin, ModelError, ModelUnavailable
from fairlead.gateway import bounds
from fairlead.gateway.providers.refusal import refusal
from fairlead.gateway.sink import Sink
from fairlead.gateway.transport import MOST_BYTES, Answer, NeverSent, Post, Stream, Transport
from fairlead.gateway.types import Format, ModelReply, ModelRequest, split_model
from fairlead.gateway.usage import Usage, estimated_tokens
from fairlead.gateway.wire import WIRES, sse
from fairlead.gateway.wire.wire import Assembly, Wire

_SILENT = Sink()
_KEY_REFUSED = frozenset({401, 403})
_MOST_BYTES = {Format.EMBEDDINGS: 8 * MOST_BYTES}
"""Of an answer, where a format has longer ones: 2048 vectors of 3072 numbers, each written out."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a provider listens and what it speaks. `base_url` ends before a format's path ("/chat/completions").

    `key` is sent in `key_header`, after `key_prefix`. `key_name` is the setting that it came from, "" when the endpoint
    needs none. `cap_name`: what the limit of an
    answer is called, where that differs within a format.
    """

    base_url: str
    formats: tuple[Format, ...]
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    key: Secret = field(default_factory=lambda: Secret(""))
    key_name: str = ""
    key_header: str = "authorization"
    key_prefix: str = "Bearer "
    cap_name: str = ""


class _KeyRefused(Exception):
    """The provider does not take this key: it may have been rotated since we read it."""

    def __init__(self, error: ModelError) -> None:
        super().__init__()
        self.error = error


class HttpProvider:
    """`silence`: a stream that says nothing for so long is given up."""

    def __init__(
        self, name: str, endpoint: Endpoint, *, transport: Transport, clock: Clock, silence: timedelta | None = None
    ) -> None:
        self.name = name
        self.formats = endpoint.formats
        self.cap_name = endpoint.cap_name or "max_tokens"
        self.ready = bool(endpoint.key.value or not endpoint.key_name)
        self._endpoint = endpoint
        self._urls = {one: endpoint.base_url.rstrip("/") + WIRES[one].PATH for one in endpoint.formats}
        self._headers_of = lru_cache(maxsize=8)(self._headers)  # by key: one, and for a while the one before it
        self._transport = transport
        self._clock = clock
        self._silence = silence

    async def complete(self, request: ModelRequest) -> ModelReply:
        """With a key that was refused and has been rotated it is tried once more, with the new one: a refusal costs
        nothing, and nothing was told yet."""
        secret = self._endpoint.key
        key = secret.value
        try:
            try:
                return await self._with(key, request)
            except _KeyRefused as refused:
                if not await secret.refused(key):
                    raise refused.error from None
            try:
                return await self._with(secret.value, request)
            except _KeyRefused as refused:
                raise refused.error from None
        except ModelUnavailable as error:
            if isinstance(error.__cause__, NeverSent):
                request.meter.free()
            raise

    def _with(self, key: str, request: ModelRequest) -> Awaitable[ModelReply]:
        wire = WIRES[request.format]
        post = self._post(request, wire, key)
        found = bounds.measured(request)
        # What is charged when the answer never comes. Nobody sees how far a whole one got: all of it may be billed.
        unseen = found.most_out if request.sink is None else 0
        request.way.meter.begin(Usage(found.expected_in, unseen, 0, 0, True), most_out=found.most_out)
        if request.sink is None:
            return self._whole(request, wire, post, key)
        return self._streamed(request, wire, post, request.sink, key)

    async def look(self, timeout: timedelta) -> int:
        """The status with which it answers what models it has: costs nothing, and needs the key where one is needed.

        Raises ModelTimeout, ModelUnavailable, BrokenAnswer, ModelRefused for an address that is none.
        """
        secret = self._endpoint.key
        status = await self._list_models(secret.value, timeout)
        if status in _KEY_REFUSED and await secret.refused(secret.value):
            return await self._list_models(secret.value, timeout)
        return status

    async def _list_models(self, key: str, timeout: timedelta) -> int:
        url = self._endpoint.base_url.rstrip("/") + "/models"
        post = Post(url, self._headers_of(key), b"", timeout, method="GET")
        return (await self._transport.post_json(post)).status

    async def aclose(self) -> None:
        """Closes its transport."""
        await self._transport.aclose()

    def _post(self, request: ModelRequest, wire: Wire, key: str) -> Post:
        endpoint = self._endpoint
        if endpoint.key_name and not key:
            raise ConfigurationError(
                f"The provider {self.name!r} has no key: {endpoint.key_name} is not set.",
                hint='Set it, or use "simulated/..." as the model.',
            )
        _, model = split_model(request.model)
        streamed = request.sink is not None
        body = wire.build(request.body, model=model, streamed=streamed, cap_name=endpoint.cap_name)
        silence = self._silence if streamed else None
        headers = self._headers_of(key)
        if request.headers:
            headers = {**request.headers, **headers}
        limit = _MOST_BYTES.get(request.format, MOST_BYTES)
        return Post(self._urls[request.format], headers, body, request.timeout, limit, silence)

    def _headers(self, key: str) -> Mapping[str, str]:
        """Our own, the same for each request."""
        endpoint = self._endpoint
        return {**endpoint.headers, **({endpoint.key_header: f"{endpoint.key_prefix}{key}"} if key else {})}

    async def _whole(self, request: ModelRequest, wire: Wire, post: Post, key: str) -> ModelReply:
        answer = await self._transport.post_json(post)
        self._hear(request, answer.headers)
        if answer.status != 200:
            raise self._refused(request, answer, key)
        try:
            body = wire.parse(answer.body)
            usage = wire.usage_of(body) or _guessed(request, len(answer.body))
        except BrokenAnswer:
            request.meter.settle(_guessed(request, len(answer.body)))
            raise
        return self._reply(request, body, usage)

    async def _streamed(self, request: ModelRequest, wire: Wire, post: Post, sink: Sink, key: str) -> ModelReply:
        started = self._clock.monotonic()
        async with self._transport.post_stream(post) as stream:
            self._hear(request, stream.headers)
            if stream.status != 200:
                raise self._refused(request, Answer(stream.status, stream.headers, await stream.rest()), key)
            assembly = wire.assembly()
            try:
                await self._relay(request, stream, assembly, sink, started)
                body = assembly.finish()
            except ErrorWithin as error:
                raise self._broken_off(request, error, key) from error
            usage = assembly.usage() or _guessed(request, assembly.size)
        return self._reply(request, body, usage)

    async def _relay(
        self, request: ModelRequest, stream: Stream, assembly: Assembly, sink: Sink, started: float
    ) -> None:
        """Hands the events on as they come. What comes before the first text is kept until then, so that a provider
        that fails early can be replaced unseen; the last event only goes out with a whole answer."""
        meter, kept = request.meter, list[bytes]()
        async for batch in sse.batches(stream.pieces):
            texts: list[str] = []
            before = assembly.size
            try:
                for data in batch:
                    if text := assembly.feed(data):
                        texts.append(text)
            finally:
                meter.saw(assembly.size - before)
            if assembly.done:
                assembly.finish()
            kept.extend(batch)
            if not (assembly.size or assembly.done):
                continue
            if meter.first_token is None:
                meter.first_token = timedelta(seconds=self._clock.monotonic() - started)
            if texts:
                sink.delta("".join(texts))
            await sink.data(kept)
            kept = []
            if assembly.done:
                break

    def _reply(self, request: ModelRequest, body: dict[str, Any], usage: Usage) -> ModelReply:
        meter = request.way.meter
        meter.settle(usage)
        return ModelReply(body, usage, 0, self.name, request.model, (), meter.first_token, request.format)

    def _hear(self, request: ModelRequest, headers: Mapping[str, str]) -> None:
        if (hear := request.way.on_headers) is not None:
            hear(headers)

    def _refused(self, request: ModelRequest, answer: Answer, key: str) -> Exception:
        """Our error for an answer that is none. The provider bills nothing for these."""
        request.meter.free()
        error = refusal(self.name, answer, secret=key, now=self._clock.now())
        return _KeyRefused(error) if key and answer.status in _KEY_REFUSED else error

    def _broken_off(self, request: ModelRequest, error: ErrorWithin, key: str) -> Exception:
        said = f"{self.name} broke off with an error: {error.message}"
        if key:
            said = said.replace(key, "***")
        return ErrorWithin(said) if request.told else ModelUnavailable(said)


def _guessed(request: ModelRequest, size: int) -> Usage:
    found = bounds.measured(request)
    return Usage(found.expected_in, min(estimated_tokens(size), found.most_out), estimated=True)
