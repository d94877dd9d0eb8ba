"""What goes through the gateway: a request, what it used, and a reply. Money is in nano-dollars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

from fairlead.errors import InvalidInput
from fairlead.gateway.meter import Meter
from fairlead.gateway.sink import Sink
from fairlead.gateway.usage import NOTHING, Usage
from fairlead.gateway.value import value
from fairlead.gateway.way import Way


class Format(StrEnum):
    """The wire formats: what a request's body is written in."""

    CHAT = "chat"  # OpenAI chat completions
    RESPONSES = "responses"  # OpenAI responses
    MESSAGES = "messages"  # Anthropic messages
    EMBEDDINGS = "embeddings"  # OpenAI embeddings


FEATURE_HEADERS = ("anthropic-beta", "openai-beta")
"""The only headers of a guest's client that a provider ever sees: they say what its body may contain. Of a request over
HTTP it sees none."""


@value
class Caller:
    """On whose behalf a call is made: what budgets, limits, caches, logs and the cost report go by.

    `key` is the name of the API key that asked, `priority` that of the run: the higher goes first where calls wait.
    """

    tenant: str = "default"
    user: str | None = None
    agent: str | None = None
    run_id: str | None = None
    thread_id: str | None = None
    release: str | None = None
    key: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    priority: int = 0
    key_limited: bool = False
    """The key has a budget of its own: without knowing it, nothing may be spent."""
    key_rate: tuple[int | None, int | None] = (None, None)
    """Requests and tokens a minute that the key allows."""


_NOBODY = Caller()


@value
class Choices:
    """What a request or an agent settles for itself; None leaves it to the settings."""

    cache: bool | None = None
    """True also caches what asks for randomness; False never asks the cache."""
    complexity: str | None = None
    """simple, medium or complex: which model of a tiered one answers."""
    fallback: tuple[str, ...] | None = None
    """Models to ask when the one asked for can't answer."""
    retries: int | None = None
    lossy: bool | None = None
    """Leave out what another provider's format can't carry, with a warning, rather than refuse."""
    fit: int | None = None
    """Shorten the history to so many tokens of input."""


_NO_CHOICES = Choices()


def _none_sent() -> dict[str, str]:
    return {}  # `dict[str, str]` as a factory takes ten times as long


@value
class ModelRequest:
    """One question to a model. `model` is "provider/model" or the name of a declared model; `body` is a request of
    `format` without `model` and `stream`. With a `sink` the answer is streamed. `timeout` bounds everything: tries,
    waits between them, and the last byte of the answer.

    `way` is the stack's own: who asks leaves it alone.
    """

    model: str
    body: dict[str, Any]
    timeout: timedelta
    caller: Caller = _NOBODY
    format: Format = Format.CHAT
    sink: Sink | None = None
    choices: Choices = _NO_CHOICES
    headers: Mapping[str, str] = field(default_factory=_none_sent)
    """Of FEATURE_HEADERS those that the client sent; sent on to a provider of this format."""
    way: Way = field(default_factory=Way, repr=False, compare=False)

    def on(self, way: Way, sink: Sink | None) -> ModelRequest:
        """The same, on its way through the stack. Each call needs it, and `replace` takes five times as long."""
        return ModelRequest(
            self.model, self.body, self.timeout, self.caller, self.format, sink, self.choices, self.headers, way
        )

    def by(self, caller: Caller) -> ModelRequest:
        """The same on somebody's behalf, before it is on its way."""
        return ModelRequest(
            self.model, self.body, self.timeout, caller, self.format, self.sink, self.choices, self.headers, self.way
        )

    @property
    def told(self) -> bool:
        """The caller has seen a piece of the answer."""
        return self.sink is not None and self.sink.told

    @property
    def meter(self) -> Meter:
        """What the try under way has used."""
        return self.way.meter


@value
class Attempt:
    """One try. `outcome` is "ok" or the code of an error; `usage` is what it is charged for."""

    provider: str
    started_at: datetime
    took: timedelta
    outcome: str
    message: str = ""
    usage: Usage = NOTHING
    model: str = ""
    cost_nano: int = 0


@value
class ModelReply:
    """An answer: `body` is whole, in the request's format, assembled when it was streamed.

    `usage` is that of the answer; `cost_nano` includes tries that failed and were charged. `model` is the
    "provider/model" that answered. `cached`: it came from the cache and cost nothing.
    """

    body: dict[str, Any]
    usage: Usage
    cost_nano: int
    provider: str
    model: str
    attempts: tuple[Attempt, ...] = ()
    first_token: timedelta | None = None
    format: Format = Format.CHAT
    cached: bool = False

    def charged(self, cost_nano: int, attempts: tuple[Attempt, ...]) -> ModelReply:
        """The same, with all that it took. As `ModelRequest.on`."""
        return ModelReply(
            self.body, self.usage, cost_nano, self.provider, self.model, attempts, self.first_token, self.format,
            self.cached,
        )  # fmt: skip

    @property
    def message(self) -> dict[str, Any]:
        """The first choice's message of a chat completion."""
        return self.body["choices"][0]["message"]

    def to_json(self, *, tries: bool = True) -> dict[str, Any]:
        """A value that a journal can keep and `from_json` gives back unchanged; without its tries where nobody will ask
        for them."""
        return {
            "body": self.body,
            "usage": _usage_to_json(self.usage),
            "cost_nano": self.cost_nano,
            "provider": self.provider,
            "model": self.model,
            "attempts": [_attempt_to_json(attempt) for attempt in self.attempts] if tries else [],
            "first_token_us": None if self.first_token is None else self.first_token // _MICROSECOND,
            "format": self.format.value,
            "cached": self.cached,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ModelReply:
        first = value["first_token_us"]
        return cls(
            body=value["body"],
            usage=Usage(**value["usage"]),
            cost_nano=value["cost_nano"],
            provider=value["provider"],
            model=value["model"],
            attempts=tuple(_attempt_from_json(attempt) for attempt in value["attempts"]),
            first_token=None if first is None else timedelta(microseconds=first),
            format=Format(value.get("format", "chat")),
            cached=value.get("cached", False),
        )


@lru_cache(maxsize=1024)
def split_model(model: str) -> tuple[str, str]:
    """ "openai/gpt-5-mini" → ("openai", "gpt-5-mini"). Only the first slash divides."""
    provider, slash, name = model.partition("/")
    if not slash or not provider or not name:
        raise InvalidInput(
            f"{model!r} is not a model id.", hint='Write "provider/model", for example "openai/gpt-5-mini".'
        )
    return provider, name


_MICROSECOND = timedelta(microseconds=1)


def _usage_to_json(usage: Usage) -> dict[str, Any]:
    return {
        "tokens_in": usage.tokens_in,
        "tokens_out": usage.tokens_out,
        "cached_in": usage.cached_in,
        "reasoning": usage.reasoning,
        "estimated": usage.estimated,
        "cache_written": usage.cache_written,
        "cache_written_long": usage.cache_written_long,
    }


def _attempt_to_json(attempt: Attempt) -> dict[str, Any]:
    return {
        "provider": attempt.provider,
        "started_at": attempt.started_at.isoformat(),
        "took_us": attempt.took // _MICROSECOND,
        "outcome": attempt.outcome,
        "message": attempt.message,
        "usage": _usage_to_json(attempt.usage),
        "model": attempt.model,
        "cost_nano": attempt.cost_nano,
    }


def _attempt_from_json(value: dict[str, Any]) -> Attempt:
    return Attempt(
        provider=value["provider"],
        started_at=datetime.fromisoformat(value["started_at"]),
        took=timedelta(microseconds=value["took_us"]),
        outcome=value["outcome"],
        message=value["message"],
        usage=Usage(**value["usage"]),
        model=value.get("model", ""),
        cost_nano=value.get("cost_nano", 0),
    )
