"""What model calls cost: the answer behind `fairlead costs`."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from fairlead.gateway.costs import MOST, parse_dimensions
from fairlead.gateway.period import parse_period
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import Reply, json_reply
from fairlead.web.api.shape import Shape
from fairlead.web.cost_report import report_view


class CostQuery(Shape):
    model_config = ConfigDict(extra="forbid")

    since: str | None = Field(
        None, alias="from", description="A date, a moment, today, yesterday, or how long ago: 24h, 7d. UTC."
    )
    until: str | None = Field(None, alias="to", description="As `from`; a day is part of the period. Now if not given.")
    by: str | list[str] = Field(
        "model,user,agent", description="model, provider, agent, user, release, key, outcome, hour, day."
    )
    top: Annotated[int, Field(ge=1, le=MOST)] = Field(10, description="So many names of each, and so many runs.")


class SumsView(Shape):
    """Tries of model calls. Cached and written tokens are part of those in, reasoning of those out."""

    calls: int
    failed: int
    hits: int
    tokens_in: int
    cached_in: int
    cache_written: int
    tokens_out: int
    reasoning: int
    cost_usd: float
    saved_usd: float


class ShareView(SumsView):
    name: str | None


class MomentView(SumsView):
    at: str


class RunCostView(Shape):
    run_id: str
    agent: str | None
    user: str | None
    release: str | None
    first_at: str
    last_at: str
    calls: int
    failed: int
    tokens_in: int
    tokens_out: int
    cost_usd: float


class ReportView(Shape):
    model_config = ConfigDict(populate_by_name=True)

    since: str = Field(alias="from")
    until: str = Field(alias="to")
    step: str = Field(description="hour or day: what `over_time` is told by.")
    totals: SumsView
    over_time: list[MomentView]
    by: dict[str, list[ShareView | MomentView]]
    runs: list[RunCostView] = Field(description="The dearest that made calls in the period; each with all it has cost.")


class CostReports:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def operations(self) -> list[Operation]:
        return [
            Operation("GET", "/costs", self.report, "What model calls cost", query=CostQuery, gives=ReportView,
                      tag="costs")
        ]  # fmt: skip

    async def report(self, call: Call) -> Reply:
        asked = call.query(CostQuery)
        period = parse_period(asked.since, asked.until, now=self._doors.clock.now())
        by = parse_dimensions(asked.by if isinstance(asked.by, str) else ",".join(asked.by))
        return json_reply(report_view(await self._doors.costs.report(call.tenant, period, by=by, top=asked.top)))
