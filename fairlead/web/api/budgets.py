"""Budgets and the kill switch, over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol

from pydantic import Field

from fairlead.access import Role
from fairlead.gateway.allowance import ANY, SCOPE, STOPPABLE, parse_period
from fairlead.gateway.budgets import BudgetState, SharedBudgets
from fairlead.gateway.switch import Stop, Stops
from fairlead.web.api.call import Call
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import Reply, json_reply
from fairlead.web.api.run_body import Body
from fairlead.web.api.shape import Shape

_NANO_PER_USD = 1_000_000_000


class Doors(Protocol):
    """Of all the doors, those that these addresses need."""

    @property
    def budgets(self) -> SharedBudgets: ...
    @property
    def stops(self) -> Stops: ...


class BudgetView(Shape):
    tenant: str
    scope: str
    period: str
    limit_usd: float | None
    spent_usd: float
    held_usd: float
    remaining_usd: float | None
    set_by: str
    ends_at: datetime | None
    stopped: bool


class StopView(Shape):
    tenant: str
    scope: str
    reason: str
    stopped_by: str
    stopped_at: datetime


Scope = Annotated[str, Field(min_length=1, max_length=300, json_schema_extra={"pattern": SCOPE})]
Stoppable = Annotated[str, Field(min_length=1, max_length=300, json_schema_extra={"pattern": STOPPABLE})]
Span = Literal["day", "month", "total"]


class SetBudget(Body):
    scope: Scope
    period: Span = "day"
    usd: Annotated[float, Field(ge=0, le=1e9)] | None = Field(None, description="null: no limit")


class RemoveBudget(Body):
    scope: Scope
    period: Span = "day"


class StopCalls(Body):
    scope: Stoppable
    reason: Annotated[str, Field(max_length=1000)] = ""


class ResumeCalls(Body):
    scope: Stoppable


class Budgets:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def operations(self) -> list[Operation]:
        def change(
            path: str, handler: Any, summary: str, body: type[Body], gives: Any, audit: str, *problems: int
        ) -> Operation:
            return Operation("POST", path, handler, summary, role=Role.OPERATOR, body=body, gives=gives,
                             tag="budgets", audit=audit, problems=problems)  # fmt: skip

        budgets, stops = list[BudgetView], list[StopView]
        return [
            Operation("GET", "/budgets", self.list, "What may be spent, and what is", gives=budgets,
                      tag="budgets"),
            change("/budgets", self.set, "Limit what may be spent", SetBudget, budgets, "budget.set"),
            change("/budgets/remove", self.remove, "Go by the settings again", RemoveBudget, budgets,
                   "budget.remove", 404),
            Operation("GET", "/stops", self.list_stops, "Whose model calls are stopped", gives=stops,
                      tag="budgets"),
            change("/stops", self.stop, "Stop model calls", StopCalls, stops, "calls.stop"),
            change("/stops/resume", self.resume, "Let model calls go on", ResumeCalls, stops, "calls.resume", 404),
        ]  # fmt: skip

    async def list(self, call: Call) -> Reply:
        states = await self._doors.budgets.state(call.tenant)
        return json_reply([_budget_view(state, self._doors.stops.all) for state in states])

    async def set(self, call: Call) -> Reply:
        body = await call.body(SetBudget)
        call.noted.update(subject=body.scope, period=body.period, usd=body.usd)
        nano = None if body.usd is None else round(body.usd * _NANO_PER_USD)
        await self._doors.budgets.set(body.scope, parse_period(body.period), nano, by=call.by, tenant=call.tenant)
        return await self.list(call)

    async def remove(self, call: Call) -> Reply:
        body = await call.body(RemoveBudget)
        call.noted.update(subject=body.scope, period=body.period)
        await self._doors.budgets.remove(body.scope, parse_period(body.period), tenant=call.tenant)
        return await self.list(call)

    async def list_stops(self, call: Call) -> Reply:
        return json_reply([_stop_view(stop) for stop in self._doors.stops.all if stop.tenant in (ANY, call.tenant)])

    async def stop(self, call: Call) -> Reply:
        body = await call.body(StopCalls)
        call.noted.update(subject=body.scope, reason=body.reason)
        await self._doors.stops.stop(body.scope, reason=body.reason, by=call.by, tenant=call.tenant)
        return await self.list_stops(call)

    async def resume(self, call: Call) -> Reply:
        body = await call.body(ResumeCalls)
        call.noted.update(subject=body.scope)
        await self._doors.stops.resume(body.scope, by=call.by, tenant=call.tenant)
        return await self.list_stops(call)


def _budget_view(state: BudgetState, stops: tuple[Stop, ...]) -> dict[str, Any]:
    return {
        "tenant": state.tenant,
        "scope": state.scope,
        "period": state.period.value,
        "limit_usd": _usd(state.limit_nano),
        "spent_usd": _usd(state.spent_nano),
        "held_usd": _usd(state.held_nano),
        "remaining_usd": _usd(state.remaining_nano),
        "set_by": state.set_by,
        "ends_at": state.ends_at,
        "stopped": any(stop.scope in ("all", state.scope) and stop.tenant in (ANY, state.tenant) for stop in stops),
    }


def _stop_view(stop: Stop) -> dict[str, Any]:
    return asdict(stop)


def _usd(nano: int | None) -> float | None:
    return None if nano is None else nano / _NANO_PER_USD
