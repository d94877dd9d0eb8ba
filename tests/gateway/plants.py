"""Providers with a bug each, to see that the battery of faults catches it: `python -m tests.gateway.plants NAME`."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from fairlead.errors import BrokenAnswer, ErrorWithin, ModelRefused, ModelUnavailable
from fairlead.gateway.providers.http import HttpProvider
from fairlead.gateway.transport import Stream
from fairlead.gateway.types import ModelReply, ModelRequest
from fairlead.gateway.wire import sse


class Believing(HttpProvider):
    """Takes what it has got so far for the whole answer when a stream ends."""

    async def complete(self, request: ModelRequest) -> ModelReply:
        try:
            return await super().complete(request)
        except BrokenAnswer:
            if request.sink is None:
                raise
            return ModelReply({}, request.meter.used, 0, self.name, request.model, format=request.format)


class Generous(HttpProvider):
    """Charges nothing for an answer that is broken."""

    async def complete(self, request: ModelRequest) -> ModelReply:
        try:
            return await super().complete(request)
        except BrokenAnswer:
            request.meter.free()
            raise


class Stubborn(HttpProvider):
    """Takes every refusal for an outage, which is tried again."""

    async def complete(self, request: ModelRequest) -> ModelReply:
        try:
            return await super().complete(request)
        except ModelRefused as error:
            raise ModelUnavailable(error.message) from error


class Loud(HttpProvider):
    """Repeats whatever a provider says, the key as well."""

    def _broken_off(self, request: ModelRequest, error: ErrorWithin, key: str) -> Exception:
        return ErrorWithin(error.message) if request.told else ModelUnavailable(error.message)


class Hasty(HttpProvider):
    """Hands on every event at once: the last one, too, of an answer that is not whole."""

    async def _relay(
        self, request: ModelRequest, stream: Stream, assembly: Any, sink: Any, started: float
    ) -> None:  # fmt: skip
        async for batch in sse.batches(stream.pieces):
            await sink.data(batch)
            for data in batch:
                sink.delta(assembly.feed(data))


class Patient(HttpProvider):
    """Waits for as long as it takes."""

    def _post(self, request: ModelRequest, wire: Any, key: str) -> Any:
        post = super()._post(request, wire, key)
        return type(post)(post.url, post.headers, post.body, post.timeout * 1000, post.limit, None)


PLANTS: dict[str, type[HttpProvider]] = {
    plant.__name__.lower(): plant for plant in (Believing, Generous, Stubborn, Loud, Hasty, Patient)
}
chosen: list[type[HttpProvider]] = []


def provider_type() -> type[HttpProvider]:
    """What the battery asks: the product, unless a bug was planted."""
    return chosen[0] if chosen else HttpProvider


BATTERY = "tests/gateway/test_faults.py"

if __name__ == "__main__":
    from tests.gateway import plants  # the module that the battery asks is another than this one

    plants.chosen.append(plants.PLANTS[sys.argv[1]])
    without = ("-p", "no:cacheprovider", "-p", "no:schemathesis", "-p", "no:langsmith_plugin")
    sys.exit(pytest.main(["-x", "-q", *without, "-o", "addopts=--import-mode=importlib", BATTERY]))
