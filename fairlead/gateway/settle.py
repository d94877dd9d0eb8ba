"""Hold before a call, settle after it, and say what it cost: however it ends, what was used is spent."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

from fairlead.clock import Clock
from fairlead.errors import FairleadError
from fairlead.gateway import bounds
from fairlead.gateway.budgets import Budget, Hold
from fairlead.gateway.prices import Prices
from fairlead.gateway.provider import Complete
from fairlead.gateway.types import NOTHING, Meter, ModelReply, ModelRequest
from fairlead.telemetry.emit import Emit


def upper_bound_nano(request: ModelRequest, prices: Prices) -> int:
    """The most that one try of this request can cost."""
    return prices.cost_nano(request.model, bounds.upper_bound(request.body))


class Settled:
    """A call inside a budget. Raises BudgetExceededError before anything is sent."""

    def __init__(self, call: Complete, *, budget: Budget, prices: Prices, clock: Clock, emit: Emit) -> None:
        self._call = call
        self._budget = budget
        self._prices = prices
        self._clock = clock
        self._emit = emit

    async def __call__(self, request: ModelRequest) -> ModelReply:
        bound = upper_bound_nano(request, self._prices)
        hold = await self._budget.hold_when_free(bound)
        request = replace(request, meter=self._meter(request.model, hold, bound))
        started = self._clock.monotonic()
        try:
            reply = await self._call(request)
        except BaseException as error:
            # Cancelled calls are settled too: what was sent may be billed.
            self._tell(request, self._settle(request, hold, bound), started, _failed(error))
            raise
        cost = self._settle(request, hold, bound)
        self._tell(request, cost, started, _answered(reply))
        return replace(reply, cost_nano=cost)

    def _meter(self, model: str, hold: Hold, bound: int) -> Meter:
        """Before each try, what earlier tries have used and the bound of this one must both be held."""
        meter = Meter(lambda: hold.raise_to(self._cost(model, meter) + bound))
        return meter

    def _cost(self, model: str, meter: Meter) -> int:
        return sum(self._prices.cost_nano(model, usage) for usage in meter.tries)

    def _settle(self, request: ModelRequest, hold: Hold, bound: int) -> int:
        cost = self._cost(request.model, request.meter)
        hold.settle(cost)
        if cost > bound * max(request.meter.sent, 1):
            self._emit("llm_over_bound", **_who(request), bound_nano=bound, cost_nano=cost)
        return cost

    def _tell(self, request: ModelRequest, cost: int, started: float, ending: dict[str, Any]) -> None:
        used = sum(request.meter.tries, NOTHING)
        self._emit(
            "llm_call",
            **_who(request),
            **ending,
            tokens_in=used.tokens_in,
            tokens_out=used.tokens_out,
            cached_in=used.cached_in,
            reasoning=used.reasoning,
            estimated=used.estimated,
            cost_nano=cost,
            priced=self._prices.known(request.model) is not None,
            took=timedelta(seconds=self._clock.monotonic() - started),
            tries=request.meter.sent,
            streamed=request.on_delta is not None,
        )


def _who(request: ModelRequest) -> dict[str, Any]:
    return {
        "run_id": request.run_id,
        "agent": request.agent,
        "tenant": request.tenant,
        "provider": request.model.partition("/")[0],
        "model": request.model,
    }


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
