"""Whether the service is as good as it is promised to be: the answer behind `fairlead slo`. Of the whole installation:
it tells nothing of a tenant."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from fairlead.operate.levels import parse_window
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import Reply, json_reply
from fairlead.web.api.shape import Shape

StateView = Literal["met", "missed", "no_data"]


class LevelQuery(Shape):
    model_config = ConfigDict(extra="forbid")

    window: str = Field("30d", description="How far back: 1h, 24h, 7d, 30d; from 5m to 90d.")


class BudgetView(Shape):
    allowed: float
    used: float
    left: float = Field(description="Share of it; less than 0: overdrawn.")


class ObjectiveView(Shape):
    level: str = Field(description="error_rate, api_p95, availability, database_p95.")
    of: str = Field(description="requests, runs, submit, read, api, query.")
    objective: str
    state: StateView
    total: float = Field(description="Events; of availability, seconds.")
    bad: float
    bad_share: float | None
    p95: float | None = Field(description="Seconds.")
    budget: BudgetView | None
    burn: dict[str, float | None] = Field(description="How many times faster than allowed the budget is used.")


class LevelsView(Shape):
    since: str
    until: str
    known_since: str | None
    processes_died: int = Field(description="Of each, what it saw in its last minute is missing.")
    levels: dict[str, StateView]
    objectives: list[ObjectiveView]


class Levels:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def operations(self) -> list[Operation]:
        return [
            Operation("GET", "/slo", self.report, "Service levels and their error budgets", query=LevelQuery,
                      gives=LevelsView, tag="system")
        ]  # fmt: skip

    async def report(self, call: Call) -> Reply:
        report = await self._doors.levels.report(parse_window(call.query(LevelQuery).window))
        return json_reply(report.to_json())
