"""Every address of the console. A handler reads a page, shapes it, fills its template; a write moves a run.

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

import secrets
from collections.abc import Callable
from urllib.parse import quote

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Router

from fairlead.access import Role, SignIn, may_for_all, require, require_for_all
from fairlead.clock import Clock
from fairlead.errors import Conflict, FairleadError, InvalidInput, NotFound
from fairlead.ship.strategy import Word
from fairlead.web.console import course, live, policy, streams
from fairlead.web.console.addresses import CALLBACK, KEY, SIGN_IN, START
from fairlead.web.console.desk import Desk, DoorOf, MakeToken, caller_of
from fairlead.web.console.door import Outcome, Shipped
from fairlead.web.console.doors import Doors
from fairlead.web.console.pages import approvals, ask, deploys, levels, runs, workers
from fairlead.web.console.pages import deploy as deploy_page
from fairlead.web.console.pages import run as run_page
from fairlead.web.console.pages.agents import AgentsPages
from fairlead.web.console.pages.assistant_form import AssistantForms
from fairlead.web.console.pages.audit import AuditPages
from fairlead.web.console.pages.budget_moves import BudgetMoves
from fairlead.web.console.pages.budgets import BudgetsPages
from fairlead.web.console.pages.bulk import BulkPages
from fairlead.web.console.pages.case import CasePages
from fairlead.web.console.pages.checklists import ChecklistsPages
from fairlead.web.console.pages.costs import CostsPages
from fairlead.web.console.pages.dashboard import DashboardPages
from fairlead.web.console.pages.evaluations import EvaluationsPages
from fairlead.web.console.pages.fork import ForkPages
from fairlead.web.console.pages.keys import KeysPages
from fairlead.web.console.pages.playground import PlaygroundPages
from fairlead.web.console.pages.providers import ProvidersPages
from fairlead.web.console.pages.releases import ReleasesPages
from fairlead.web.console.pages.schedules import SchedulesPages
from fairlead.web.console.pages.scores import ScorePages
from fairlead.web.console.pages.settings import SettingsPages
from fairlead.web.console.pages.threads import ThreadsPages
from fairlead.web.console.pages.users import UsersPages
from fairlead.web.console.section import (
    SOMETHING_FAILED,
    WHAT_FAILED,
    Handler,
    Routes,
    Section,
    is_fragment,
    own_form,
    see,
    status_of,
)
from fairlead.web.console.settings import ConsoleSettings
from fairlead.web.console.sign_in import SignInPages

SECTIONS: tuple[Callable[[Desk, Doors], Section], ...] = (
    DashboardPages, CasePages, EvaluationsPages, ChecklistsPages, ReleasesPages,
    ProvidersPages, BudgetsPages, BudgetMoves, CostsPages,
    ThreadsPages, AssistantForms, AgentsPages, PlaygroundPages, SchedulesPages,
    KeysPages, UsersPages, AuditPages, SettingsPages,
)  # fmt: skip


def console_router(
    door_of: DoorOf, *, clock: Clock, doors: Doors | None = None, settings: ConsoleSettings | None = None,
    sign_in: SignIn | None = None, make_token: MakeToken = secrets.token_urlsafe,
) -> Router:  # fmt: skip
    """The console, to be included without a prefix. It asks nobody who they are: the front does, and says it. With
    `sign_in` there are pages for those whom the front does not know; without `doors` only runs, what they wait for
    and deploys are shown."""
    desk = Desk(door_of, clock=clock, settings=settings or ConsoleSettings(), make_token=make_token)
    console = Console(desk)
    moves: list[Section] = [BulkPages(desk), ForkPages(desk), ScorePages(desk)]
    pages: Routes = []
    writes: Routes = []
    if sign_in is not None:
        entry = SignInPages(desk, sign_in)
        pages = [(SIGN_IN, entry.page), (START, entry.start), (CALLBACK, entry.callback), (KEY, entry.key)]
        writes = [("/console/sign-out", entry.sign_out)]
    for section in [*([] if doors is None else [make(desk, doors) for make in SECTIONS]), *moves]:
        pages += section.pages()
        writes += section.writes()
    pages += console.pages()
    desk.serve([path for path, _ in pages])
    router = Router(redirect_slashes=False)
    for path, handler in pages:
        router.add_route(path, console.guarded(handler), methods=["GET"])
    for path, handler in [*writes, *console.writes()]:
        router.add_route(path, console.guarded(handler), methods=["POST"])
    return router


class Console:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def pages(self) -> Routes:
        return [
            ("/", self.home),
            ("/console", self.runs),  # where no section is, there is no dashboard
            ("/console/runs", self.runs),
            ("/console/runs/{run_id}", self.run),
            ("/console/runs/{run_id}/live", self.run_live),
            ("/console/runs/{run_id}/value", self.value),
            ("/console/runs/{run_id}/{move}", self.ask_move),
            ("/console/approvals", self.approvals),
            ("/console/approvals/live", self.approvals_live),
            ("/console/approvals/{approval_id}/{answer}", self.ask_approval),
            ("/console/workers", self.workers),
            ("/console/workers/live", self.workers_live),
            ("/console/service-levels", self.levels),
            ("/console/service-levels/live", self.levels_live),
            ("/console/deploys", self.deploys),
            ("/console/deploys/live", self.deploys_live),
            ("/console/deploys/{deploy_id}", self.deploy),
            ("/console/deploys/{deploy_id}/live", self.deploy_live),
            ("/console/deploys/{deploy_id}/{word}", self.ask_word),
            ("/console/live", self.runs_live),
            ("/console/static/{version}/{name:path}", self.static),
        ]

    def writes(self) -> Routes:
        return [
            ("/console/approvals/{approval_id}/answer", self.answer),
            ("/console/runs/{run_id}/{move}", self.move),
            ("/console/deploys/{deploy_id}/{word}", self.say),
            ("/console/preferences", self.preferences),
        ]

    def guarded(self, handler: Handler) -> Handler:
        """An error of ours becomes a page that says what failed and what to do."""

        async def answer(request: Request) -> Response:
            try:
                if request.method == "GET" and not is_fragment(request) and _is_page(request.url.path):
                    await self.desk.count(request)
                return await handler(request)
            except FairleadError as error:
                status = status_of(error)
                told = {"error": error, "what": WHAT_FAILED.get(status, SOMETHING_FAILED), "at": self.desk.clock.now()}
                return self.desk.page(request, "pages/error.html", status=status, **told)

        return answer

    # Pages

    async def home(self, request: Request) -> Response:
        return RedirectResponse("/console", status_code=307)

    async def runs(self, request: Request) -> Response:
        query = runs.parse(request.query_params, now=self.desk.clock.now())
        view = runs.shape(query, await runs.read(self.desk.door(request), query), self.desk.reader(request).fmt)
        return self.desk.page(request, "pages/runs.html", view=view, here="runs")

    async def run(self, request: Request) -> Response:
        selection = _selection(request)
        material = await run_page.read(self.desk.door(request), self.desk.tapes, selection.run_id)
        pane_only = is_fragment(request)
        view = run_page.shape(material, selection, self.desk.reader(request).fmt, pane_only=pane_only)
        template = "parts/_pane_only.html" if pane_only else "pages/run.html"
        return self.desk.page(request, template, view=view, here="runs")

    async def approvals(self, request: Request) -> Response:
        view = approvals.shape(await approvals.read(self.desk.door(request)))
        return self.desk.page(request, "pages/approvals.html", view=view, here="approvals")

    async def workers(self, request: Request) -> Response:
        found = await workers.read(self.desk.door(request))
        view = workers.shape(found, self.desk.clock.now(), lease=self.desk.settings.lease)
        return self.desk.page(request, "pages/workers.html", view=view, here="workers")

    async def levels(self, request: Request) -> Response:
        return self.desk.page(request, "pages/levels.html", view=await self._levels(request), here="levels")

    async def deploys(self, request: Request) -> Response:
        found = await deploys.read(self.desk.door(request))
        view = deploys.shape(*found, self.desk.reader(request).fmt)
        return self.desk.page(request, "pages/deploys.html", view=view, here="deploys")

    async def deploy(self, request: Request) -> Response:
        shipped = await deploy_page.read(self.desk.door(request), request.path_params["deploy_id"])
        view = deploy_page.shape(shipped, self.desk.reader(request).fmt, may=may_for_all(caller_of(request)))
        return self.desk.page(request, "pages/deploy.html", view=view, here="deploys")

    async def value(self, request: Request) -> Response:
        """One value whole, as a file: what the page cuts is never lost."""
        material = await run_page.read(self.desk.door(request), self.desk.tapes, request.path_params["run_id"])
        found = run_page.value_of(material, request.query_params.get("step", ""), request.query_params.get("name", ""))
        headers = policy.HEADERS | {"Content-Disposition": 'attachment; filename="value.json"'}
        body = orjson.dumps(found, option=orjson.OPT_INDENT_2, default=str)
        return Response(body, media_type="application/json", headers=headers)

    async def static(self, request: Request) -> Response:
        packed = "gzip" in request.headers.get("accept-encoding", "")
        found = self.desk.assets.answer(request.path_params["name"], packed=packed)
        if found is None or request.path_params["version"] != self.desk.assets.version:
            raise NotFound("There is no such file.", hint="Reload the page: the console was updated.")
        return found

    # Streams

    async def runs_live(self, request: Request) -> Response:
        return streams.of_runs(self.desk, request)

    async def run_live(self, request: Request) -> Response:
        # Not found is said here, not in the middle of a stream.
        run = await self.desk.door(request).run(request.path_params["run_id"])
        return streams.of_run(self.desk, request, run, _selection(request))

    async def workers_live(self, request: Request) -> Response:
        return streams.of_workers(self.desk, request)

    async def approvals_live(self, request: Request) -> Response:
        async def draw() -> live.Parts:
            view = approvals.shape(await approvals.read(self.desk.door(request)))
            return {
                "inbox": self.desk.templates.fill("parts/_inbox.html", self.desk.reader(request), view=view, path="")
            }

        return streams.of_page(self.desk, request, draw, again=self.desk.settings.look_again)

    async def levels_live(self, request: Request) -> Response:
        levels.parse(request.query_params.get("window"))  # what is none is said here, not in the middle of a stream

        async def draw() -> live.Parts:
            reader = self.desk.reader(request)
            view = await self._levels(request)
            return {"levels": self.desk.templates.fill("parts/_levels.html", reader, view=view, path="")}

        return streams.of_page(self.desk, request, draw, again=levels.AGAIN)

    async def deploys_live(self, request: Request) -> Response:
        return streams.of_deploys(self.desk, request)

    async def deploy_live(self, request: Request) -> Response:
        await self.desk.door(request).deploy(request.path_params["deploy_id"])
        return streams.of_deploy(self.desk, request, request.path_params["deploy_id"])

    # Questions and writes

    async def ask_move(self, request: Request) -> Response:
        name = request.path_params["move"]
        if name not in ask.MOVES:
            raise NotFound("There is no such page.")
        material = await run_page.read(self.desk.door(request), self.desk.tapes, request.path_params["run_id"])
        translate = self.desk.reader(request).fmt.words.gettext
        return self.ask(request, ask.of_move(name, material.run, translate, releases=tuple(material.releases)))

    async def ask_approval(self, request: Request) -> Response:
        answer = request.path_params["answer"]
        if answer not in ("approve", "deny"):
            raise NotFound("There is no such page.")
        wanted = request.path_params["approval_id"]
        found = next((one for one in await self.desk.door(request).approvals(waiting=True) if one.id == wanted), None)
        if found is None:
            raise Conflict("This approval is answered or has expired.", hint="Nothing is left to do here.")
        translate = self.desk.reader(request).fmt.words.gettext
        return self.ask(request, ask.of_approval(found, translate, approve=answer == "approve"))

    async def ask_word(self, request: Request) -> Response:
        word, shipped = await self._sayable(request)
        fmt, now = self.desk.reader(request).fmt, course.under_way(shipped)
        step = course.words(now.step, shipped.deploy.plan, fmt)[0] if now is not None else ""
        question = ask.of_word(word, shipped.deploy, fmt.words.gettext, step=step)
        return self.ask(request, question, here="deploys")

    async def say(self, request: Request) -> Response:
        await own_form(request)
        word, shipped = await self._sayable(request)
        await self.desk.door(request).say(shipped.deploy.id, word)
        return see(f"{deploys.PATH}/{quote(shipped.deploy.id, safe='')}")

    async def move(self, request: Request) -> Response:
        form = await own_form(request)
        run_id = request.path_params["run_id"]
        if request.path_params["move"] == "move":
            require(caller_of(request), Role.ADMIN)
        match request.path_params["move"]:
            case "cancel":
                await self.desk.door(request).cancel(run_id)
            case "retry":
                run_id = (await self.desk.door(request).retry(run_id)).id
            case "resume":
                run_id = (await self.desk.door(request).resume(run_id, outcome=_outcome(form))).id
            case "move":
                if not form.get("release"):
                    raise InvalidInput("No release was chosen.", hint="Go back and choose one.")
                run_id = (await self.desk.door(request).move(run_id, release=form["release"])).id
            case _:
                raise NotFound("A run cannot do that.")
        return see(f"/console/runs/{quote(run_id, safe='')}")

    async def answer(self, request: Request) -> Response:
        form = await own_form(request)
        if form.get("approved") not in ("yes", "no"):
            raise InvalidInput("The answer is neither yes nor no.")
        await self.desk.door(request).answer(
            request.path_params["approval_id"],
            approved=form["approved"] == "yes",
            by=caller_of(request).name,
            comment=form.get("comment", "")[:2000],
        )
        back = form.get("back", "")
        return see(back if back.startswith("/console/") else approvals.PATH)

    async def preferences(self, request: Request) -> Response:
        form = await own_form(request)
        back = form.get("back", "")
        response = see(back if back == "/console" or back.startswith(("/console/", "/console?")) else runs.PATH)
        for name in ("theme", "language"):
            if name in form:
                response.set_cookie(f"fairlead_{name}", form[name][:10], max_age=31536000, samesite="strict")
        return response

    # What handlers share

    async def _levels(self, request: Request) -> levels.LevelsView:
        """Raises `InvalidInput` for a window that is none."""
        window = levels.parse(request.query_params.get("window"))
        report = await levels.read(self.desk.door(request), window)
        return levels.shape(window, report, self.desk.reader(request).fmt)

    async def _sayable(self, request: Request) -> tuple[Word, Shipped]:
        """Raises `Forbidden`, `NotFound`, and `Conflict` for what can't be said of the deploy now."""
        require_for_all(caller_of(request))
        word = _word(request)
        shipped = await deploy_page.read(self.desk.door(request), request.path_params["deploy_id"])
        if word not in deploy_page.words(shipped):
            raise Conflict("The deploy is over, or beyond that.", hint="Reload its page to see how it stands.")
        return word, shipped

    def ask(self, request: Request, question: ask.Question, *, here: str = "runs") -> Response:
        return ask.answer_question(self.desk, request, question, here=here)


def _selection(request: Request) -> run_page.Selection:
    return run_page.select(request.path_params["run_id"], request.query_params, request.query_params.getlist("open"))


def _is_page(path: str) -> bool:
    return not path.startswith("/console/static/") and not path.endswith(("/live", "/value"))


def _word(request: Request) -> Word:
    given = request.path_params["word"]
    if given not in set(Word):
        raise NotFound("There is no such page.")
    return Word(given)


def _outcome(form: dict[str, str]) -> Outcome | None:
    given = form.get("outcome", "")
    if given and given not in set(Outcome):
        raise InvalidInput(f"{given!r} is no outcome.", hint="It is done, failed or repeat.")
    return Outcome(given) if given else None
