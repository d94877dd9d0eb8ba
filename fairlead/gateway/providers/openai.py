"""OpenAI, and whoever speaks its chat completions: local servers, other clouds, `fairlead simulate`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any, cast

import orjson

from fairlead.clock import Clock
from fairlead.errors import BrokenAnswer, ConfigurationError, ErrorWithin, ModelError, ModelRefused, ModelUnavailable
from fairlead.gateway import bounds
from fairlead.gateway.transport import Answer, NeverSent, Post, Stream, Transport
from fairlead.gateway.types import ModelReply, ModelRequest, Usage, estimated_tokens, split_model
from fairlead.gateway.wire import openai_chat, sse

_MOST_WAIT = timedelta(days=1)
_MAY_SUCCEED_LATER = frozenset({408, 409, 425})


class OpenAIProvider:
    """An OpenAI-compatible endpoint over HTTP. `base_url` ends before "/chat/completions".

    `key_name` is the setting that `api_key` came from, "" when the endpoint needs none.
    """

    def __init__(
        self, name: str, *, base_url: str, api_key: str, transport: Transport, clock: Clock, key_name: str = ""
    ) -> None:
        self.name = name
        self._url = base_url.rstrip("/") + "/chat/completions"
        self._key = api_key
        self._key_name = key_name
        self._headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        # OpenAI's reasoning models refuse the old name; most compatible servers know only that one.
        self._cap_name = "max_completion_tokens" if "api.openai.com" in base_url else "max_tokens"
        self._transport = transport
        self._clock = clock

    async def complete(self, request: ModelRequest) -> ModelReply:
        if self._key_name and not self._key:
            raise ConfigurationError(
                f"The provider {self.name!r} has no key: {self._key_name} is not set.",
                hint='Set it, or use "simulated/..." as the model.',
            )
        _, model = split_model(request.model)
        streamed = request.on_delta is not None
        body = openai_chat.build(request.body, model=model, streamed=streamed, cap_name=self._cap_name)
        post = Post(self._url, self._headers, body, request.timeout)
        request.meter.begin(_expected(request), most_out=bounds.most_out(request.body))
        try:
            return await (self._whole(request, post) if request.on_delta is None else self._streamed(request, post))
        except ModelUnavailable as error:
            if isinstance(error.__cause__, NeverSent):
                request.meter.free()
            raise

    async def aclose(self) -> None:
        """Closes its transport."""
        await self._transport.aclose()

    async def _whole(self, request: ModelRequest, post: Post) -> ModelReply:
        answer = await self._transport.post_json(post)
        if answer.status != 200:
            raise self._refusal(request, answer)
        try:
            return self._reply(request, openai_chat.parse(answer.body), first_token=None)
        except BrokenAnswer:
            request.meter.settle(_guessed(request, len(answer.body)))
            raise

    async def _streamed(self, request: ModelRequest, post: Post) -> ModelReply:
        started = self._clock.monotonic()
        async with self._transport.post_stream(post) as stream:
            if stream.status != 200:
                raise self._refusal(request, Answer(stream.status, stream.headers, await stream.rest()))
            completion, first = await self._assemble(request, stream)
        return self._reply(request, completion, None if first is None else timedelta(seconds=first - started))

    async def _assemble(self, request: ModelRequest, stream: Stream) -> tuple[dict[str, Any], float | None]:
        assembly, first = openai_chat.assembly(), None
        on_delta = request.on_delta or _ignore
        async for data in sse.events(stream.pieces):
            before = assembly.size
            try:
                text = assembly.feed(data)
            except ErrorWithin as error:
                raise self._error_within(request, error) from error
            request.meter.saw(assembly.size - before)
            if assembly.done:
                break
            if first is None and assembly.size:
                first = self._clock.monotonic()
            if text:
                request.meter.tell()
                on_delta(text)
        return assembly.finish(), first

    def _reply(self, request: ModelRequest, completion: dict[str, Any], first_token: timedelta | None) -> ModelReply:
        usage = openai_chat.usage_of(completion) or _estimated(request, completion)
        request.meter.settle(usage)
        return ModelReply(completion, usage, 0, self.name, request.model, first_token=first_token)

    def _refusal(self, request: ModelRequest, answer: Answer) -> ModelError:
        """Our error for an answer that is none. The provider bills nothing for these."""
        request.meter.free()
        message, code = _message(answer.body)
        return self._error(answer.status, self._safe(message), code, self._retry_after(answer.headers))

    def _error(self, status: int, message: str, code: str, retry_after: timedelta | None) -> ModelError:
        said = f"{self.name} answered {status}: {message}"
        if status == 429 and code != "insufficient_quota":
            return ModelUnavailable(said, retry_after=retry_after, hint="The provider is up and limits us.")
        if status >= 500 or status in _MAY_SUCCEED_LATER:
            return ModelUnavailable(said, retry_after=retry_after)
        if status in (401, 403):
            return ModelRefused(said, hint="Check the provider's key.")
        if status < 400:
            return ModelRefused(said, hint="This is no chat completions endpoint: check base_url.")
        return ModelRefused(said)

    def _error_within(self, request: ModelRequest, error: ErrorWithin) -> ModelError:
        said = f"{self.name} broke off with an error: {self._safe(error.message)}"
        return ErrorWithin(said) if request.meter.told else ModelUnavailable(said)

    def _safe(self, message: str) -> str:
        return message.replace(self._key, "***") if self._key else message

    def _retry_after(self, headers: Mapping[str, str]) -> timedelta | None:
        """Seconds or a date, as RFC 9110 has it; nonsense counts as not said."""
        value = headers.get("retry-after", "").strip()
        if not value:
            return None
        try:
            seconds = float(value)
        except ValueError:
            return self._until(value)
        return timedelta(seconds=min(seconds, _MOST_WAIT.total_seconds())) if 0 <= seconds < math.inf else None

    def _until(self, date: str) -> timedelta | None:
        try:
            wait = parsedate_to_datetime(date) - self._clock.now()
        except (ValueError, TypeError):
            return None
        return min(max(wait, timedelta(0)), _MOST_WAIT)


def _expected(request: ModelRequest) -> Usage:
    """What is charged when the answer never comes. Nobody sees how far a whole answer got: all of it may be billed."""
    unseen = bounds.most_out(request.body) if request.on_delta is None else 0
    return Usage(bounds.expected_input(request.body), unseen, estimated=True)


def _estimated(request: ModelRequest, completion: dict[str, Any]) -> Usage:
    size = len(orjson.dumps([choice["message"] for choice in completion["choices"]]))
    return _guessed(request, size)


def _guessed(request: ModelRequest, size: int) -> Usage:
    out = min(estimated_tokens(size), bounds.most_out(request.body))
    return Usage(bounds.expected_input(request.body), out, estimated=True)


def _ignore(text: str) -> None:
    pass


def _message(body: bytes) -> tuple[str, str]:
    """What the provider says about its refusal, and its code for it."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body[:300].decode("utf-8", "replace"), ""
    error: Any = cast("dict[str, Any]", said).get("error", said) if isinstance(said, dict) else said
    if not isinstance(error, dict):
        return str(error)[:300], ""
    error = cast("dict[str, Any]", error)
    return str(error.get("message") or error)[:500], str(error.get("code") or "")
