"""The dashboard: how runs went, what they cost, and what needs a person; every figure leads to the runs behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from datetime import timedelta
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from fairlead.access import Principal, may_for_all, require_for_all
from fairlead.clock import to_micros
from fairlead.errors import FairleadError, NotFound
from fairlead.gateway.allowance import ALL as EVERYBODY
from fairlead.gateway.allowance import Period as BudgetPeriod
from fairlead.gateway.budgets import BudgetState
from fairlead.gateway.costs import Moment, Sums
from fairlead.gateway.period import DAY, HOUR, Period
from fairlead.runs.figure_book import Wanted
from fairlead.runs.figures import MICROS
from fairlead.web.console import attention, dashboard_query, dashboard_view, live, policy, streams
from fairlead.web.console.attention import Item, Ship
from fairlead.web.console.dashboard_query import ALL, PATH, Query, parse
from fairlead.web.console.dashboard_view import Choices, DashboardView, Material
from fairlead.web.console.desk import Desk, caller_of
from fairlead.web.console.doors import Doors
from fairlead.web.console.format import Format
from fairlead.web.console.section import Routes

_AGAIN = timedelta(seconds=5)
_OF_LATE = timedelta(minutes=5)
_NAMES_OF = timedelta(days=30)
T = TypeVar("T")


class DashboardPages:
    def __init__(self, desk: Desk, doors: Doors) -> None:
        self._desk = desk
        self._reading = Reading(doors)

    def pages(self) -> Routes:
        return [(PATH, self._page), (f"{PATH}/dashboard/live", self._live)]

    def writes(self) -> Routes:
        return []

    async def _page(self, request: Request) -> Response:
        name = request.query_params.get("chart", "")
        query = self._query(request)
        if request.query_params.get("format") != "csv":

            async def read() -> Mapping[str, object]:
                return {"view": await self._view(request, query)}

            return self._desk.page_as_read(
                request, "pages/dashboard.html", read, here="dashboard", periods=dashboard_query.PERIOD_NAMES,
                may=may_for_all(caller_of(request)),
            )  # fmt: skip
        if name not in dashboard_view.COLUMNS:
            raise NotFound("There is no such chart.", hint=f"One of {', '.join(dashboard_view.COLUMNS)}.")
        view = await self._view(request, query)
        if (failed := view.failed.get(name)) is not None:
            raise failed
        headers = policy.HEADERS | {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        return Response(dashboard_view.csv_of(view, name), media_type="text/csv", headers=headers)

    async def _live(self, request: Request) -> Response:
        # What can't be shown is said here, not in the middle of a stream.
        await self._view(request, self._query(request))

        async def draw() -> live.Parts:
            view, reader = await self._view(request, self._query(request)), self._desk.reader(request)
            return {
                f"dash-{part}": self._desk.templates.fill(
                    "parts/_dashboard.html", reader, view=view, part=part, path=""
                )
                for part in view.parts
            }

        return streams.of_page(self._desk, request, draw, again=_AGAIN)

    def _query(self, request: Request) -> Query:
        """Raises `InvalidInput` for what can't be read, and `Forbidden` for a tenant that is not theirs to see."""
        caller = caller_of(request)
        query = parse(request.query_params, self._desk.reader(request).fmt.now)
        if query.tenant == caller.tenant:
            query = dashboard_query.of_own_tenant(query)
        if query.tenant is not None:
            require_for_all(caller)
        return query

    async def _view(self, request: Request, query: Query) -> DashboardView:
        caller, fmt = caller_of(request), self._desk.reader(request).fmt
        return dashboard_view.shape(query, await self._reading.all(query, caller, fmt), fmt)


class Reading:
    """Everything a dashboard shows, at once; what can't be read costs nobody the rest."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    async def all(self, query: Query, caller: Principal, fmt: Format) -> Material:
        tenants = await self._tenants(query, caller)
        wanted, span = Wanted(tenants, query.agent, query.release), query.span
        doors, own = self._doors, query.tenant is None
        calls = not query.narrowed and span.step >= dashboard_query.HOUR
        course = doors.figures.course(wanted, cuts=span.cuts, middle=span.since, finest=span.grain)
        (of_runs, at_work, costs, today, budget), (levels, choices, *looked) = await asyncio.gather(
            asyncio.gather(
                _told(course),
                _told(doors.figures.at_work(wanted)),
                _told(self._costs(tenants, dashboard_query.whole_hours(span), timedelta(minutes=max(span.step, 60)))),
                _told(self._costs(tenants, _two_days(fmt), HOUR)),
                _told(self._budget(caller.tenant if own else query.tenant or ALL)),
            ),
            asyncio.gather(
                _told(doors.levels.report(dashboard_view.LEVELS_OVER)),
                _told(self._choices(query, caller, wanted, fmt)),
                _told(self._still(wanted, query, fmt)),
                _told(self._unserved(caller, fmt)),
                _told(self._ship(fmt)),
                _told(self._providers(fmt)),
            ),
        )
        spent = levels if isinstance(levels, FairleadError) else attention.of_levels(levels, fmt)
        return Material(
            of_runs, at_work, costs if calls else None, today, budget, (*looked, spent), levels, choices
        )  # fmt: skip

    async def _tenants(self, query: Query, caller: Principal) -> Sequence[str]:
        if query.tenant is None:
            return (caller.tenant,)
        return await self._doors.figures.tenants() if query.tenant == ALL else (query.tenant,)

    async def _costs(self, tenants: Sequence[str], period: Period, step: timedelta) -> Sequence[Moment]:
        of_each = await asyncio.gather(*(self._doors.costs.over_time(one, period, step) for one in tenants))
        return [
            Moment(moments[0].at, sum((one.sums for one in moments), Sums()))
            for moments in zip(*of_each, strict=True)
        ]  # fmt: skip

    async def _budget(self, tenant: str) -> BudgetState | None:
        """What all calls of a day may cost."""
        states = await self._doors.budgets.state(tenant)
        found = [one for one in states if one.scope == EVERYBODY and one.period is BudgetPeriod.DAY]
        return next((one for one in found if one.tenant == tenant), found[0] if len(found) == 1 else None)

    async def _choices(self, query: Query, caller: Principal, wanted: Wanted, fmt: Format) -> Choices:
        figures, since = self._doors.figures, to_micros(fmt.now - _NAMES_OF) // MICROS
        agents, releases = await figures.names(Wanted(wanted.tenants), since=since)
        tenants = await figures.tenants() if may_for_all(caller) else []
        return Choices(
            _with(sorted({*agents, *(self._doors.agents if query.tenant is None else ())}), query.agent),
            _with(releases, query.release),
            [one for one in tenants if one != caller.tenant],
        )

    async def _still(self, wanted: Wanted, query: Query, fmt: Format) -> Sequence[Item]:
        own = "/console/runs?status=interrupted" if query.tenant is None else ""
        return attention.of_still(await self._doors.figures.standing_still(wanted), own, fmt)

    async def _unserved(self, caller: Principal, fmt: Format) -> Sequence[Item]:
        """It is counted over all tenants."""
        found = await self._doors.oversight.unserved() if may_for_all(caller) else []
        return attention.of_unserved(found, fmt)

    async def _ship(self, fmt: Format) -> Sequence[Item]:
        ledger = self._doors.ledger
        newest = await ledger.history(limit=1)
        if not newest:
            return ()
        looks = await ledger.seen(newest[0]) if newest[0].outcome is None else []
        return attention.of_deploy(Ship(newest[0], looks[-1] if looks else None), fmt)

    async def _providers(self, fmt: Format) -> Sequence[Item]:
        tallies = await self._doors.usage.tallies(fmt.now - _OF_LATE)
        return attention.of_providers(self._doors.gateway.standings(), tallies, fmt)


def _with(names: Sequence[str], chosen: str | None) -> Sequence[str]:
    return names if chosen is None or chosen in names else [chosen, *names]


def _two_days(fmt: Format) -> Period:
    """Yesterday, and today until the end of this hour."""
    hour = fmt.now.replace(minute=0, second=0, microsecond=0)
    return Period(hour.replace(hour=0) - DAY, hour + HOUR)


async def _told(asked: Awaitable[T]) -> T | FairleadError:
    try:
        return await asked
    except FairleadError as error:
        return error
