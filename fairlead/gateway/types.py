"""What goes through the gateway: a request, what it used, and a reply. Money is in nano-dollars."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from fairlead.errors import InvalidInput


class Format(StrEnum):
    """The wire formats: what a request's body is written in."""

    CHAT = "chat"  # OpenAI chat completions
    RESPONSES = "responses"  # OpenAI responses
    MESSAGES = "messages"  # Anthropic messages


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider bills them: `cached_in` and `cache_written` are parts of `tokens_in`, `cache_written_long`
    (what is kept for an hour or more, and costs more) is part of `cache_written`, `reasoning` part of `tokens_out`.

    `estimated`: the provider did not say, or not all; we counted what we saw.
    """

    tokens_in: int
    tokens_out: int
    cached_in: int = 0
    reasoning: int = 0
    estimated: bool = False
    cache_written: int = 0
    cache_written_long: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.cached_in + other.cached_in,
            self.reasoning + other.reasoning,
            self.estimated or other.estimated,
            self.cache_written + other.cache_written,
            self.cache_written_long + other.cache_written_long,
        )


NOTHING = Usage(0, 0)

OUTPUT_CAP = 2048
"""Put into a request that names no limit of its own: without one, no sum would be enough to hold."""

_BYTES_PER_TOKEN = 4


def estimated_tokens(size: int) -> int:
    """About how many tokens so many bytes of text are. An estimate: holds use `bounds`, which never falls short."""
    return math.ceil(size / _BYTES_PER_TOKEN)


class Meter:
    """What one governed call has used so far, whatever becomes of it: answered, cut, timed out or cancelled.

    A provider says `begin` just before it sends, `saw` for what arrives, and in the end `settle` (the true usage)
    or `free` (the provider refused and bills nothing). Said neither, the expectation stands and is charged.
    """

    __slots__ = ("_before_send", "_most_out", "_open", "_seen", "_tries", "told")

    def __init__(self, before_send: Callable[[], None] | None = None) -> None:
        self._before_send = before_send
        self._tries: list[Usage] = []
        self._open = False  # the last try has not been settled
        self._most_out = 0
        self._seen = 0
        self.told = False

    def begin(self, expected: Usage, *, most_out: int) -> None:
        """A call is about to be sent. `expected` is charged if we never learn more; `most_out` bounds the estimate.

        May raise BudgetExceededError: earlier tries have used what was held.
        """
        self._tries, self._open = self.tries, False
        if self._before_send is not None:
            self._before_send()
        self._tries.append(expected)
        self._open, self._most_out, self._seen = True, most_out, 0

    def saw(self, size: int) -> None:
        """So many more bytes of the answer's text have come."""
        self._seen += size

    def tell(self) -> None:
        """A piece of the answer goes to the caller: from here on no other try can answer unseen."""
        self.told = True

    def settle(self, usage: Usage) -> None:
        self._tries[-1], self._open = usage, False

    def free(self) -> None:
        self.settle(NOTHING)

    @property
    def sent(self) -> int:
        return len(self._tries)

    @property
    def tries(self) -> list[Usage]:
        """What each call that was sent has used, in order."""
        if not self._open:
            return list(self._tries)
        expected = self._tries[-1]
        out = min(expected.tokens_out + estimated_tokens(self._seen), self._most_out)
        return [*self._tries[:-1], Usage(expected.tokens_in, out, estimated=True)]


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One question to a model. `model` is "provider/model"; `body` is an OpenAI chat completions request
    without `model` and `stream`. With `on_delta` the answer is streamed and each piece of text is handed over
    as it comes. `timeout` bounds everything: tries, waits between them, and the last byte of the answer.
    """

    model: str
    body: dict[str, Any]
    timeout: timedelta
    run_id: str | None = None
    agent: str | None = None
    tenant: str = "default"
    on_delta: Callable[[str], None] | None = None
    meter: Meter = field(default_factory=Meter, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try. `outcome` is "ok" or the code of an error; `usage` is what it is charged for."""

    provider: str
    started_at: datetime
    took: timedelta
    outcome: str
    message: str = ""
    usage: Usage = NOTHING


@dataclass(frozen=True, slots=True)
class ModelReply:
    """An answer: `body` is an OpenAI chat.completion, assembled when it was streamed.

    `usage` is that of the answer; `cost_nano` includes tries that failed and were charged.
    """

    body: dict[str, Any]
    usage: Usage
    cost_nano: int
    provider: str
    model: str
    attempts: tuple[Attempt, ...] = ()
    first_token: timedelta | None = None

    @property
    def message(self) -> dict[str, Any]:
        return self.body["choices"][0]["message"]

    def to_json(self) -> dict[str, Any]:
        """A value that a journal can keep and `from_json` gives back unchanged."""
        return {
            "body": self.body,
            "usage": _usage_to_json(self.usage),
            "cost_nano": self.cost_nano,
            "provider": self.provider,
            "model": self.model,
            "attempts": [_attempt_to_json(attempt) for attempt in self.attempts],
            "first_token_us": None if self.first_token is None else self.first_token // _MICROSECOND,
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
        )


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
    }


def _attempt_from_json(value: dict[str, Any]) -> Attempt:
    return Attempt(
        provider=value["provider"],
        started_at=datetime.fromisoformat(value["started_at"]),
        took=timedelta(microseconds=value["took_us"]),
        outcome=value["outcome"],
        message=value["message"],
        usage=Usage(**value["usage"]),
    )
