"""A call inside all budgets that apply to it, and told as one event however many tries it took."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta

from fairlead.clock import Clock
from fairlead.errors import FairleadError
from fairlead.gateway.budget import UNLIMITED, Budget
from fairlead.gateway.provider import Complete
from fairlead.gateway.types import Attempt, Caller, Format, ModelReply, ModelRequest
from fairlead.gateway.usage import NOTHING
from fairlead.telemetry.emit import Emit

Purses = Callable[[Caller, Budget | None], Budget]
"""The budgets that apply to a caller, beside the one it brings."""
_Ending = tuple[str, str]
"""How a call ended: "ok" or the code of an error, and what the error says."""
_OK: _Ending = ("ok", "")
_FORMATS = {one: one.value for one in Format}  # `value` takes five times as long


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
            self._tell(request, started, _failed(error), None, cost_nano=_cost(tries))
            raise
        cost_nano = _cost(tries)
        self._tell(request, started, _OK, reply.first_token, cost_nano=cost_nano)
        return reply.charged(cost_nano, tuple(tries))

    def _tell(
        self, request: ModelRequest, started: float, ending: _Ending, first_token: timedelta | None, *, cost_nano: int
    ) -> None:
        tries, who = request.way.tries, request.caller
        last = tries[-1] if tries else None
        used = last.usage if last and len(tries) == 1 else sum((one.usage for one in tries), NOTHING)
        model = last.model if last else request.model
        status, message = ending
        self._emit(
            "llm_call", run_id=who.run_id, agent=who.agent, tenant=who.tenant,
            provider=last.provider if last else model.partition("/")[0], model=model,
            status=status, message=message, first_token=first_token,
            tokens_in=used.tokens_in, tokens_out=used.tokens_out, cached_in=used.cached_in, reasoning=used.reasoning,
            estimated=used.estimated, cost_nano=cost_nano, tries=len(tries),
            took=timedelta(0, self._clock.monotonic() - started), streamed=request.sink is not None,
            format=_FORMATS[request.format],
        )  # fmt: skip


def _cost(tries: Sequence[Attempt]) -> int:
    return tries[0].cost_nano if len(tries) == 1 else sum(one.cost_nano for one in tries)


def _failed(error: BaseException) -> _Ending:
    match error:
        case FairleadError():
            return error.code, error.message
        case asyncio.CancelledError():
            return "cancelled", ""
        case _:
            return "internal", type(error).__name__
