"""Vectors of texts, asked for like any model call: budgets, limits, retries, breaker, fallback, cache, records."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

from fairlead.errors import BrokenAnswer
from fairlead.gateway.stack import Gateway
from fairlead.gateway.types import Caller, Choices, Format, ModelReply, ModelRequest
from fairlead.gateway.wire import openai_embeddings

Ask = Callable[[ModelRequest], Awaitable[ModelReply]]
Embed = Callable[[Sequence[str]], Awaitable[Sequence[Sequence[float]]]]
_PATIENCE = 3  # nobody waits for many texts as one waits for the answer to a question


class Embedder:
    """Of one model. `model` is what two vectors must have in common to be compared: its name without the provider, and
    the dimensions that it was asked for. Raises ConfigurationError for a model that nobody can ask, or that is several.
    """

    def __init__(self, gateway: Gateway, asked: str, *, dimensions: int | None, timeout: timedelta) -> None:
        gateway.check(asked)
        self.model = gateway.embeds_with(asked) + ("" if dimensions is None else f"@{dimensions}")
        self._gateway = gateway
        self._asked = asked
        self._dimensions = dimensions
        self._timeout = timeout

    def of(self, tenant: str, user: str | None = None) -> Embed:
        """At the cost of a tenant, and of a user of it."""
        return self.by(Caller(tenant, user))

    def by(self, caller: Caller) -> Embed:
        return self.through(self._gateway.complete, caller)

    def through(self, ask: Ask, caller: Caller | None = None) -> Embed:
        """Asked with `ask`: that of a run records it. Raises what the gateway raises, and BrokenAnswer when there are
        not as many vectors as texts."""

        async def embed(texts: Sequence[str]) -> Sequence[Sequence[float]]:
            reply = await ask(self._request(texts, caller or Caller()))
            found = openai_embeddings.vectors(reply.body)
            if len(found) != len(texts):
                raise BrokenAnswer(f"{reply.model} answered {len(found)} vectors for {len(texts)} texts.")
            return found

        return embed

    def _request(self, texts: Sequence[str], caller: Caller) -> ModelRequest:
        body: dict[str, Any] = {"input": list(texts), "encoding_format": "base64"}
        if self._dimensions is not None:
            body["dimensions"] = self._dimensions
        # What a document says is embedded once, and not worth a place in the cache; a question may come again.
        many = len(texts) > 1
        timeout = self._timeout * _PATIENCE if many else self._timeout
        choices = Choices(cache=False if many else None)
        return ModelRequest(self._asked, body, timeout, caller, Format.EMBEDDINGS, choices=choices)
