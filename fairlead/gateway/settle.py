"""One try inside the caller's budgets: hold its upper bound, send it, settle what it used, and keep account of it.

However a try ends, what was used is spent: a cut stream, a cancelled call, a broken answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from fairlead.clock import Clock
from fairlead.errors import FairleadError
from fairlead.gateway import bounds
from fairlead.gateway.meter import Meter
from fairlead.gateway.prices import Prices
from fairlead.gateway.provider import Provider
from fairlead.gateway.types import Attempt, ModelReply, ModelRequest
from fairlead.telemetry.emit import Emit

Keep = Callable[[ModelRequest, Attempt], None]


def upper_bound_nano(request: ModelRequest, model: str, prices: Prices) -> int:
    """The most that one try of this request can cost at this model."""
    return prices.cost_nano(model, bounds.measured(request).bound)


class Settle:
    """Raises BudgetExceededError before anything is sent. `keep` is told of every try: the cost report's source."""

    def __init__(self, provider: Provider, *, prices: Prices, clock: Clock, emit: Emit, keep: Keep) -> None:
        self._provider = provider
        self._prices = prices
        self._clock = clock
        self._emit = emit
        self._keep = keep

    async def __call__(self, request: ModelRequest) -> ModelReply:
        price = self._prices.of(request.model)
        bound = price.cost_nano(bounds.measured(request).bound)
        way = request.way
        hold = await way.budget.hold(bound)
        meter = way.meter
        if meter.sent:  # by a try before this one, and none of our business
            meter = way.meter = Meter()
        started_at, started = self._clock.now(), self._clock.monotonic()
        outcome, message = "ok", ""
        try:
            if way.gate is not None:
                way.gate()
            return await self._provider.complete(request)
        except BaseException as error:
            outcome, message = _said(error)
            raise
        finally:
            used = meter.used
            cost = price.cost_nano(used) if meter.sent else 0
            hold.settle(cost)
            if meter.sent:
                took = timedelta(0, self._clock.monotonic() - started)
                self._account(
                    request,
                    Attempt(self._provider.name, started_at, took, outcome, message, used, request.model, cost),
                    bound,
                )

    def _account(self, request: ModelRequest, attempt: Attempt, bound: int) -> None:
        request.way.tries.append(attempt)
        self._keep(request, attempt)
        if attempt.cost_nano > bound:
            who = request.caller
            self._emit(
                "llm_over_bound", run_id=who.run_id, agent=who.agent, tenant=who.tenant, provider=attempt.provider,
                model=request.model, bound_nano=bound, cost_nano=attempt.cost_nano,
            )  # fmt: skip


def _said(error: BaseException) -> tuple[str, str]:
    match error:
        case FairleadError():
            return error.code, error.message
        case asyncio.CancelledError():
            return "cancelled", ""
        case _:
            return "internal", type(error).__name__
