"""What a call that was carried over to another format leaves behind."""

from __future__ import annotations

import pytest

from fairlead.clock import SystemClock
from fairlead.errors import ModelUnavailable
from fairlead.gateway import bounds
from fairlead.gateway.cross import Cross
from fairlead.gateway.providers.anthropic import anthropic
from fairlead.gateway.providers.http import HttpProvider
from fairlead.gateway.transport_http1 import Http1Transport
from fairlead.gateway.types import ModelReply, ModelRequest
from fairlead.gateway.usage import Usage
from fairlead.telemetry.emit import silent
from tests.gateway.loopback import ask


async def test_a_candidate_that_takes_the_body_as_it_was_is_bounded_by_that_body() -> None:
    inner: list[Usage] = []

    async def fails(request: ModelRequest) -> ModelReply:
        inner.append(bounds.measured(request).bound)
        raise ModelUnavailable("gone")

    messages = HttpProvider("a", anthropic("http://127.0.0.1:1", "k"), transport=Http1Transport(), clock=SystemClock())
    cross = Cross(fails, messages, lossy=False, clock=SystemClock(), emit=silent)
    request, untouched = ask(model="a/b", max_tokens=70, stop="x"), ask(model="a/b", max_tokens=70, stop="x")
    before = bounds.measured(request).bound
    with pytest.raises(ModelUnavailable):
        await cross(request)
    assert inner[0] != before, "the bodies differ, or this test shows nothing"
    assert bounds.measured(request).bound == before == bounds.measured(untouched).bound
