"""A call inside all budgets that apply to it, and told as one event however many tries it took."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from fairlead.clock import Clock
from fairlead.errors import FairleadError
from fairlead.gateway.budget import UNLIMITED, Budget
from fairlead.gateway.provider import Complete
from fairlead.gateway.types import Attempt, Caller, ModelReply, ModelRequest
from fairlead.gateway.usage import NOTHING
from fairlead.telemetry.emit import Emit

Purses = Callable[[Caller, Budget | None], Budget]
"""The budgets that apply to a caller, beside the one it brings."""


def only_own(caller: Caller, own: Budget | None) -> Budget:
    """Where no budget is shared."""
    return own or UNLIMITED


class Budgeted:
    def __init__(self, call: Complete, *, purses: Purses, clock: Clock, emit: Emit) -> None:
        self._call = call
        self._purses = purses
        self._clock = clock
        self._emit = emit

    async def __call__(self, request: ModelRequest) -> ModelReply:
        way = request.way
        way.budget, tries = self._purses(request.caller, way.own), way.tries
        started = self._clock.monotonic()
        try:
            reply = await self._call(request)
        except BaseException as error:
            self._tell(request, started, _failed(error), cost_nano=_cost(tries))
            raise
        cost_nano = _cost(tries)
        self._tell(request, started, _answered(reply), cost_nano=cost_nano)
        return reply.charged(cost_nano, tuple(tries))

    def _tell(self, request: ModelRequest, started: float, ending: dict[str, Any], *, cost_nano: int) -> None:
        tries, who = request.way.tries, request.caller
        used = tries[0].usage if len(tries) == 1 else sum((one.usage for one in tries), NOTHING)
        model = tries[-1].model if tries else request.model
        self._emit(
            "llm_call", run_id=who.run_id, agent=who.agent, tenant=who.tenant,
            provider=tries[-1].provider if tries else model.partition("/")[0], model=model, **ending,
            tokens_in=used.tokens_in, tokens_out=used.tokens_out, cached_in=used.cached_in, reasoning=used.reasoning,
            estimated=used.estimated, cost_nano=cost_nano, tries=len(tries),
            took=timedelta(seconds=self._clock.monotonic() - started), streamed=request.sink is not None,
            format=request.format.value,
        )  # fmt: skip


def _cost(tries: Sequence[Attempt]) -> int:
    return sum([one.cost_nano for one in tries])


def _answered(reply: ModelReply) -> dict[str, Any]:
    return {"status": "ok", "message": "", "first_token": reply.first_token}


def _failed(error: BaseException) -> dict[str, Any]:
    match error:
        case FairleadError():
            status, message = error.code, error.message
        case asyncio.CancelledError():
            status, message = "cancelled", ""
        case _:
            status, message = "internal", type(error).__name__
    return {"status": status, "message": message, "first_token": None}
