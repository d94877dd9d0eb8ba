"""Limits are set and removed, model calls stopped and let go on. Whatever takes something away asks first."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from fairlead.access import Principal, Role, require
from fairlead.errors import FairleadError, NotFound
from fairlead.gateway.allowance import Period, checked_scope, parse_period
from fairlead.gateway.budgets import BudgetState
from fairlead.gateway.switch import Stop
from fairlead.runs.run import Status
from fairlead.web.console.desk import Desk, caller_of
from fairlead.web.console.doors import Doors
from fairlead.web.console.format import Format
from fairlead.web.console.key_names import key_names
from fairlead.web.console.language import N_
from fairlead.web.console.money import NANO, parse_usd, write_usd
from fairlead.web.console.pages.ask import Question, answer_question
from fairlead.web.console.pages.budgets import PATH, PER, PERIODS
from fairlead.web.console.scopes import KINDS, Named, address, named, scope_of
from fairlead.web.console.section import Routes, is_fragment, own_form, see

_COUNTED = 100
_LIMITED = [one for one in KINDS.items() if one[0] != "provider"]


def of_remove(told: Named, period: Period, fmt: Format) -> Question:
    _ = fmt.words.gettext
    return Question(
        title=_(N_("Remove the limit of %(name)s?")) % {"name": told.name},
        text=_(N_("From the next call on a rule for each of its kind counts again, or what the settings say.")),
        detail=fmt.listed((told.name, _(PER[period]))),
        confirm=_(N_("Remove the limit")), action=f"{PATH}/remove", back=PATH, danger=True,
        fields=(("scope", told.scope), ("period", period.value)),
    )  # fmt: skip


def of_stop(told: Named, running: int | None, fmt: Format) -> Question:
    """`running`: how many runs would feel it; None where that can't be told."""
    _, whole = fmt.words.gettext, told.scope == "all"
    title = _(N_("Stop all model calls?")) if whole else _(N_("Stop the model calls of %(name)s?"))
    text = N_(
        "From now on they are refused, and those under way are cut off, in every process, within a second. What they "
        "used is paid. A run that needs one ends with an error."
    )
    return Question(
        title=title if whole else title % {"name": told.name}, text=_(text), detail=_running(running, fmt) or told.name,
        confirm=_(N_("Stop the calls")), action=f"{PATH}/stop", back=PATH, danger=True, comment=True,
        fields=(("scope", told.scope),),
    )  # fmt: skip


def _running(count: int | None, fmt: Format) -> str:
    if count is None:
        return ""
    if count > _COUNTED:
        return fmt.words.gettext(N_("More than %(count)s runs are running.")) % {"count": _COUNTED}
    return fmt.words.ngettext("%(num)s run is running.", "%(num)s runs are running.", count) % {"num": count}


def of_resume(told: Named, stop: Stop, fmt: Format) -> Question:
    _ = fmt.words.gettext
    reason = stop.reason or _(N_("no reason given"))
    return Question(
        title=_(N_("Let the model calls go on?")),
        text=_(N_("They are answered again at once. Runs that ended with an error stay so, and can be tried again.")),
        detail=f"{told.name} · {fmt.told(stop.stopped_by, reason)}",
        confirm=_(N_("Let them go on")), action=f"{PATH}/resume", back=PATH, fields=(("scope", told.scope),),
    )  # fmt: skip


class BudgetMoves:
    def __init__(self, desk: Desk, doors: Doors) -> None:
        self._desk = desk
        self._doors = doors

    def pages(self) -> Routes:
        return [
            (f"{PATH}/set", self.ask_set), (f"{PATH}/remove", self.ask_remove), (f"{PATH}/stop", self.ask_stop),
            (f"{PATH}/resume", self.ask_resume),
        ]  # fmt: skip

    def writes(self) -> Routes:
        return [
            (f"{PATH}/set", self.set), (f"{PATH}/remove", self.remove), (f"{PATH}/stop", self.stop),
            (f"{PATH}/resume", self.resume),
        ]  # fmt: skip

    # Questions

    async def ask_set(self, request: Request) -> Response:
        """Of one budget, or of one that is still to be chosen."""
        caller, scope = _operator(request), request.query_params.get("scope", "")
        told = await self._named(request, checked_scope(scope)) if scope else None
        period = parse_period(request.query_params.get("period") or Period.DAY.value)
        chosen = await self._budget(caller.tenant, scope, period) if scope else None
        of = {"scope": scope, "period": period.value}
        return self._desk.page(
            request, "pages/budget.html", here="budgets", named=told, period=period.value, periods=PERIODS,
            chosen=chosen, kinds=_LIMITED,
            usd="" if chosen is None else write_usd(chosen.limit_nano), agents=sorted(self._doors.agents),
            remove=address(f"{PATH}/remove", **of) if chosen is not None and chosen.own else "",
        )  # fmt: skip

    async def ask_remove(self, request: Request) -> Response:
        _operator(request)
        told = await self._named(request, checked_scope(request.query_params.get("scope", "")))
        question = of_remove(told, parse_period(request.query_params.get("period", "")), self._fmt(request))
        return answer_question(self._desk, request, question, here="budgets")

    async def ask_stop(self, request: Request) -> Response:
        """Whose calls is asked for first, where the address does not say it."""
        caller, params = _operator(request), request.query_params
        scope = params.get("scope", "")
        if not scope and "kind" not in params:
            template = "parts/_stop_whom.html" if is_fragment(request) else "pages/budget_stop.html"
            kinds, agents = list(KINDS.items()), sorted(self._doors.agents)
            return self._desk.page(request, template, here="budgets", kinds=kinds, agents=agents)
        scope = scope or await scope_of(self._doors, caller.tenant, params["kind"], params.get("name", ""))
        told = await self._named(request, scope)
        question = of_stop(told, await self._under_way(caller.tenant, scope), self._fmt(request))
        return answer_question(self._desk, request, question, here="budgets")

    async def ask_resume(self, request: Request) -> Response:
        caller, scope = _operator(request), request.query_params.get("scope", "")
        stop = self._stopped(caller.tenant, scope)
        question = of_resume(await self._named(request, scope), stop, self._fmt(request))
        return answer_question(self._desk, request, question, here="budgets")

    # Writes, each noted as the API notes it

    async def set(self, request: Request) -> Response:
        caller, form = _operator(request), await own_form(request)
        scope = form.get("scope", "")
        if not scope:
            scope = await scope_of(self._doors, caller.tenant, form.get("kind", ""), form.get("name", ""))
        period, nano = parse_period(form.get("period", "")), parse_usd(form.get("usd", ""))
        await self._doors.budgets.set(scope, period, nano, by=caller.name, tenant=caller.tenant)
        usd = None if nano is None else nano / NANO
        await self._note(caller, "budget.set", scope, period=period.value, usd=usd)
        return see(PATH)

    async def remove(self, request: Request) -> Response:
        caller, form = _operator(request), await own_form(request)
        scope, period = form.get("scope", ""), parse_period(form.get("period", ""))
        await self._doors.budgets.remove(scope, period, tenant=caller.tenant)
        await self._note(caller, "budget.remove", scope, period=period.value)
        return see(PATH)

    async def stop(self, request: Request) -> Response:
        caller, form = _operator(request), await own_form(request)
        scope, reason = form.get("scope", ""), form.get("comment", "")[:1000]
        await self._doors.stops.stop(scope, reason=reason, by=caller.name, tenant=caller.tenant)
        await self._note(caller, "calls.stop", scope, reason=reason)
        return see(PATH)

    async def resume(self, request: Request) -> Response:
        caller, form = _operator(request), await own_form(request)
        scope = form.get("scope", "")
        await self._doors.stops.resume(scope, by=caller.name, tenant=caller.tenant)
        await self._note(caller, "calls.resume", scope)
        return see(PATH)

    # What handlers share

    def _fmt(self, request: Request) -> Format:
        return self._desk.reader(request).fmt

    async def _named(self, request: Request, scope: str) -> Named:
        return named(scope, await key_names(self._doors, caller_of(request).tenant), self._fmt(request))

    async def _budget(self, tenant: str, scope: str, period: Period) -> BudgetState | None:
        states = await self._doors.budgets.state(tenant)
        return next((one for one in states if (one.scope, one.period) == (scope, period)), None)

    async def _under_way(self, tenant: str, scope: str) -> int | None:
        kind, _, name = scope.partition(":")
        if kind not in ("all", "agent", "user"):
            return None
        agent, user = (name if kind == wanted else None for wanted in ("agent", "user"))
        try:
            runs = await self._doors.control.list(
                tenant=tenant, status=Status.RUNNING, agent=agent, user=user, limit=_COUNTED + 1
            )
        except FairleadError:
            return None  # to count them must keep nobody from stopping them
        return len(runs)

    def _stopped(self, tenant: str, scope: str) -> Stop:
        for stop in self._doors.stops.all:
            if (stop.tenant, stop.scope) == (tenant, scope):
                return stop
        raise NotFound("These calls are not stopped.", hint="Somebody may have let them go on already.")

    async def _note(self, caller: Principal, action: str, scope: str, **detail: object) -> None:
        audit = self._doors.books.audit
        await audit.report(action, tenant=caller.tenant, by=caller.name, subject=scope, detail=detail)


def _operator(request: Request) -> Principal:
    """Raises `Forbidden`."""
    caller = caller_of(request)
    require(caller, Role.OPERATOR)
    return caller
