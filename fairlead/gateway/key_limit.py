"""Keep to what an API key allows: its calls wait for their turn, and are refused when it would come too late."""

from __future__ import annotations

from collections.abc import Callable

from fairlead.gateway.limits import Limits
from fairlead.gateway.provider import Complete
from fairlead.gateway.rate import Rate
from fairlead.gateway.types import ModelReply, ModelRequest

_NONE = (None, None)


class KeyLimit:
    """Raises ModelLimited with `retry_after`. What a call was expected to use and did not comes back."""

    def __init__(self, call: Complete, *, limits: Limits, expect: Callable[[ModelRequest], int]) -> None:
        self._call = call
        self._limits = limits
        self._expect = expect

    async def __call__(self, request: ModelRequest) -> ModelReply:
        who = request.caller
        if who.key_rate == _NONE:
            return await self._call(request)
        share = self._limits.of(f"key:{who.key}", Rate(*who.key_rate))
        tokens = share.capped(self._expect(request))
        slot = share.take(tokens)
        if slot is None:
            slot = await share.admit(tokens, who, request.timeout)
        used = 0
        try:
            reply = await self._call(request)
            used = reply.usage.tokens_in + reply.usage.tokens_out
            return reply
        finally:
            share.correct(slot, 0, used - tokens)
