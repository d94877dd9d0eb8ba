"""Keep to what an API key allows: its calls wait for their turn, and are refused when it would come too late."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from fairlead.gateway.limits import Limits
from fairlead.gateway.provider import Complete
from fairlead.gateway.rate import Rate
from fairlead.gateway.types import ModelReply, ModelRequest

_NONE = (None, None)


class KeyLimit:
    """Raises ModelLimited with `retry_after` when a call's turn would not come within its timeout or `max_wait`: who is
    told when to come back is better off than who hangs. What a call was expected to use and did not comes back."""

    def __init__(
        self,
        call: Complete,
        *,
        limits: Limits,
        expect: Callable[[ModelRequest], int],
        max_wait: timedelta = timedelta(seconds=30),
    ) -> None:
        self._call = call
        self._limits = limits
        self._expect = expect
        self._max_wait = max_wait

    def __call__(self, request: ModelRequest) -> Awaitable[ModelReply]:
        return self._call(request) if request.caller.key_rate == _NONE else self._in_turn(request)

    async def _in_turn(self, request: ModelRequest) -> ModelReply:
        who = request.caller
        share = self._limits.of(f"key:{who.key}", Rate(*who.key_rate))
        tokens = share.capped(self._expect(request))
        slot = share.take(tokens)
        if slot is None:
            slot = await share.admit(tokens, who, min(request.timeout, self._max_wait))
        used = 0
        try:
            reply = await self._call(request)
            used = reply.usage.tokens_in + reply.usage.tokens_out
            return reply
        finally:
            share.correct(slot, 0, used - tokens)
