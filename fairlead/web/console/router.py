"""Every address of the console. A handler reads a page, shapes it, fills its template; a write moves a run.

Main path: the word after /console/ says which sections an address is of; they are loaded for the first who asks.

GET  /console  /console/dashboard/live                                           the dashboard, and its stream
GET  /console/runs  /console/runs/{id}  /console/approvals  /console/workers     pages
GET  /console/runs/bulk  /console/runs/{id}/fork                                forms; POST the same
POST /console/runs/{id}/scores
GET  /console/deploys  /console/deploys/{id}  /console/service-levels            pages
GET  /console/providers[/live]                                                   a page
GET  /console/budgets[/live]  /console/budgets/{set|remove|stop|resume}           a page, and its questions
GET  /console/costs[.csv|.json]                                                  pages, and their figures as files
GET  /console/keys[/{key|new|rotate|revoke}]  /console/users[/{user|new|…}]       pages of administrators
GET  /console/audit[/verify|.jsonl]  /console/settings                           pages of administrators
GET  /console/live  /console/runs/{id}/live  /console/deploys[/{id}]/live        streams
GET  /console/approvals/live  /console/workers/live  /console/releases/live  /console/service-levels/live streams
GET  /console/evaluations[/{id}]  /console/evaluations/cases                     evaluations, and cases of runs
GET  /console/checklists[/{name}]  /console/releases                             how the lists stand; releases
GET  /console/runs/{id}/case  /console/evaluations/cases/{id}/remove             questions about cases
GET  /console/threads  /console/threads/{id}[/live]                              threads
GET  /console/agents  /console/agents/{name}[/{assistant}]                      agents
GET  /console/agents/{name}/new  …/{assistant}/{edit|delete|use}                 forms and questions; POST the same
GET  /console/playground[/live]  POST /console/playground[/scores/{id}]          trying agents
GET  /console/schedules[/new]  /console/schedules/{id}[/edit|/delete]            schedules
POST /console/schedules  /console/schedules/{id}[/{pause|resume|run|delete}]     writes
GET  /console/runs/{id}/{move}  /console/approvals/{id}/{approve|deny}           questions
GET  /console/deploys/{id}/{word}                                                questions
POST the same moves, /console/approvals/{id}/answer, /console/preferences        writes
POST /console/checklists/{name}/{item}                                           answers of a person
and those of `sign_in`, where people sign in with a provider
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from importlib import import_module
from typing import cast

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Router
from starlette.types import Receive, Scope, Send

from fairlead.access import SignIn
from fairlead.clock import Clock
from fairlead.errors import FairleadError, NotFound
from fairlead.web.console.addresses import CALLBACK, KEY, SIGN_IN, START
from fairlead.web.console.desk import KEEPS_CASES, Desk, DoorOf, MakeToken
from fairlead.web.console.doors import Doors
from fairlead.web.console.section import (
    FAILED,
    Handler,
    Routes,
    Section,
    failure,
    is_fragment,
    own_form,
    see,
    status_of,
)
from fairlead.web.console.settings import ConsoleSettings
from fairlead.web.console.sign_in import SignInPages

# By the word after /console/, up to a full stop: modules of `pages`, and the section in each.
SECTIONS = {
    "runs": ("bulk:BulkPages", "fork:ForkPages", "scores:ScorePages", "run_pages:RunsPages"),
    "approvals": ("approvals:ApprovalsPages",),
    "workers": ("workers:WorkersPages",),
    "service-levels": ("level_pages:LevelsPages",),
    "deploys": ("deploy_pages:DeploysPages",),
}
SECTIONS_OF_DOORS = {
    "dashboard": ("dashboard:DashboardPages",),
    "runs": ("case:CasePages",),
    "evaluations": ("evaluations:EvaluationsPages",),
    "checklists": ("checklists:ChecklistsPages",),
    "releases": ("releases:ReleasesPages",),
    "providers": ("providers:ProvidersPages",),
    "budgets": ("budgets:BudgetsPages", "budget_moves:BudgetMoves"),
    "costs": ("costs:CostsPages",),
    "threads": ("threads:ThreadsPages",),
    "agents": ("assistant_form:AssistantForms", "agents:AgentsPages"),
    "playground": ("playground:PlaygroundPages",),
    "schedules": ("schedules:SchedulesPages",),
    "keys": ("keys:KeysPages",),
    "users": ("users:UsersPages",),
    "audit": ("audit:AuditPages",),
    "settings": ("settings:SettingsPages",),
}
_OWN = ""  # what is of no section


def console_router(
    door_of: DoorOf, *, clock: Clock, doors: Doors | None = None, settings: ConsoleSettings | None = None,
    sign_in: SignIn | None = None, make_token: MakeToken = secrets.token_urlsafe,
) -> Console:  # fmt: skip
    """The console, to be included without a prefix. It asks nobody who they are: the front does, and says it. With
    `sign_in` there are pages for those whom the front does not know; without `doors` only runs, what they wait for
    and deploys are shown."""
    desk = Desk(door_of, clock=clock, settings=settings or ConsoleSettings(), make_token=make_token)
    return Console(desk, doors, sign_in)


class Console:
    def __init__(self, desk: Desk, doors: Doors | None, sign_in: SignIn | None) -> None:
        self._desk = desk
        self._doors = doors
        self._words: frozenset[str] = frozenset([*SECTIONS, *([] if doors is None else SECTIONS_OF_DOORS)])
        self._routers = {_OWN: self._router(*self._own(sign_in))}
        self._loading = asyncio.Lock()
        desk.serve([f"/console/{word}" for word in self._words] + ([] if doors is None else ["/console", KEEPS_CASES]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        word = self.word_of(scope["path"])
        router = self._routers.get(word) or await self._load(word)
        await router(scope, receive, send)

    @property
    def routes(self) -> list[BaseRoute]:
        """All of them: for this every section is loaded."""
        for word in self._words:
            self._routers[word] = self._routers.get(word) or self.made(word)
        return [route for router in self._routers.values() for route in router.routes]

    async def _load(self, word: str) -> Router:
        """In a thread: other requests are answered meanwhile."""
        async with self._loading:
            if word not in self._routers:
                self._routers[word] = await asyncio.to_thread(self.made, word)
            return self._routers[word]

    def made(self, word: str) -> Router:
        """The addresses of a word, its sections loaded."""
        sections = [_class(one)(self._desk) for one in SECTIONS.get(word, ())]
        if self._doors is not None:
            sections = [_class(one)(self._desk, self._doors) for one in SECTIONS_OF_DOORS.get(word, ())] + sections
        pages = [page for section in sections for page in section.pages()]
        return self._router(pages, [write for section in sections for write in section.writes()])

    def _router(self, pages: Routes, writes: Routes) -> Router:
        router = Router(redirect_slashes=False)
        for method, routes in (("GET", pages), ("POST", writes)):
            for path, handler in routes:
                router.add_route(path, self._guarded(handler), methods=[method])
        return router

    def word_of(self, path: str) -> str:
        """Whose sections it is an address of."""
        if path == "/console":
            return "dashboard" if self._doors is not None else "runs"
        if path == "/console/live":
            return "runs"
        word = path.removeprefix("/console/").partition("/")[0].partition(".")[0]
        return word if word in self._words else _OWN

    def _guarded(self, handler: Handler) -> Handler:
        """An error of ours becomes a page that says what failed and what to do."""

        async def answer(request: Request) -> Response:
            try:
                if request.method == "GET" and not is_fragment(request) and _is_page(request.url.path):
                    await self._desk.count(request)
                return await handler(request)
            except FairleadError as error:
                told = failure(error, self._desk.clock.now())
                return self._desk.page(request, FAILED, status=status_of(error), **told)

        return answer

    # What is of no section

    def _own(self, sign_in: SignIn | None) -> tuple[Routes, Routes]:
        pages: Routes = [("/", self._home), ("/console/static/{version}/{name:path}", self._static)]
        writes: Routes = [("/console/preferences", self._preferences)]
        if sign_in is None:
            return pages, writes
        entry = SignInPages(self._desk, sign_in)
        ways_in: Routes = [(SIGN_IN, entry.page), (START, entry.start), (CALLBACK, entry.callback), (KEY, entry.key)]
        return ways_in + pages, [("/console/sign-out", entry.sign_out), *writes]

    async def _home(self, request: Request) -> Response:
        return RedirectResponse("/console", status_code=307)

    async def _static(self, request: Request) -> Response:
        packed = "gzip" in request.headers.get("accept-encoding", "")
        found = self._desk.assets.answer(request.path_params["name"], packed=packed)
        if found is None or request.path_params["version"] != self._desk.assets.version:
            raise NotFound("There is no such file.", hint="Reload the page: the console was updated.")
        return found

    async def _preferences(self, request: Request) -> Response:
        form = await own_form(request)
        back = form.get("back", "")
        response = see(back if back == "/console" or back.startswith(("/console/", "/console?")) else "/console/runs")
        for name in ("theme", "language"):
            if name in form:
                response.set_cookie(f"fairlead_{name}", form[name][:10], max_age=31536000, samesite="strict")
        return response


def _class(named: str) -> Callable[..., Section]:
    module, _, name = named.partition(":")
    return cast("Callable[..., Section]", getattr(import_module(f"fairlead.web.console.pages.{module}"), name))


def _is_page(path: str) -> bool:
    return not path.startswith("/console/static/") and not path.endswith(("/live", "/value"))
