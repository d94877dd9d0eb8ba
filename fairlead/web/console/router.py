"""Every address of the console. A handler reads a page, shapes it, fills its template; a write moves a run.

GET  /console/runs  /console/runs/{id}  /console/approvals  /console/workers     pages
GET  /console/live  /console/runs/{id}/live                                      streams
GET  /console/runs/{id}/{move}  /console/approvals/{id}/{approve|deny}           questions
POST the same moves, /console/approvals/{id}/answer, /console/preferences        writes
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import quote

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from fairlead.clock import Clock
from fairlead.errors import Conflict, DatabaseUnavailable, FairleadError, InvalidInput, NotFound, Unauthorised
from fairlead.web.console import policy, streams
from fairlead.web.console.desk import Desk, DoorOf, MakeToken, caller_of
from fairlead.web.console.door import Outcome
from fairlead.web.console.pages import approvals, ask, runs, workers
from fairlead.web.console.pages import run as run_page
from fairlead.web.console.settings import ConsoleSettings

Handler = Callable[[Request], Awaitable[Response]]


def console_router(
    door_of: DoorOf, *, clock: Clock, settings: ConsoleSettings | None = None,
    make_token: MakeToken = secrets.token_urlsafe,
) -> APIRouter:  # fmt: skip
    """The console, to be included without a prefix. It asks nobody who they are: the front does, and says it."""
    console = Console(Desk(door_of, clock=clock, settings=settings or ConsoleSettings(), make_token=make_token))
    router = APIRouter()
    for path, handler in console.pages():
        router.add_route(path, console.guarded(handler), methods=["GET"], include_in_schema=False)
    for path, handler in console.writes():
        router.add_route(path, console.guarded(handler), methods=["POST"], include_in_schema=False)
    return router


class Console:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def pages(self) -> list[tuple[str, Handler]]:
        return [
            ("/", self.home),
            ("/console", self.home),
            ("/console/runs", self.runs),
            ("/console/runs/{run_id}", self.run),
            ("/console/runs/{run_id}/live", self.run_live),
            ("/console/runs/{run_id}/value", self.value),
            ("/console/runs/{run_id}/{move}", self.ask_move),
            ("/console/approvals", self.approvals),
            ("/console/approvals/{approval_id}/{answer}", self.ask_approval),
            ("/console/workers", self.workers),
            ("/console/live", self.runs_live),
            ("/console/static/{version}/{name:path}", self.static),
        ]

    def writes(self) -> list[tuple[str, Handler]]:
        return [
            ("/console/approvals/{approval_id}/answer", self.answer),
            ("/console/runs/{run_id}/{move}", self.move),
            ("/console/preferences", self.preferences),
        ]

    def guarded(self, handler: Handler) -> Handler:
        """An error of ours becomes a page that says what failed and what to do."""

        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except FairleadError as error:
                status = _status(error)
                return self.desk.page(request, "pages/error.html", status=status, error=error, at=self.desk.clock.now())

        return answer

    # Pages

    async def home(self, request: Request) -> Response:
        return RedirectResponse(runs.PATH, status_code=307)

    async def runs(self, request: Request) -> Response:
        query = runs.parse(request.query_params)
        page, counts = await runs.read(self.desk.door(request), query)
        view = runs.shape(query, page, counts, self.desk.reader(request).fmt)
        return self.desk.page(request, "pages/runs.html", view=view, here="runs")

    async def run(self, request: Request) -> Response:
        selection = _selection(request)
        material = await run_page.read(self.desk.door(request), selection.run_id)
        view = run_page.shape(material, selection, self.desk.reader(request).fmt)
        template = "parts/_pane_only.html" if _is_fragment(request) else "pages/run.html"
        return self.desk.page(request, template, view=view, here="runs")

    async def approvals(self, request: Request) -> Response:
        view = approvals.shape(await approvals.read(self.desk.door(request)))
        return self.desk.page(request, "pages/approvals.html", view=view, here="approvals")

    async def workers(self, request: Request) -> Response:
        rows = workers.shape(await workers.read(self.desk.door(request)), self.desk.clock.now())
        return self.desk.page(request, "pages/workers.html", rows=rows, here="workers")

    async def value(self, request: Request) -> Response:
        """One value whole, as a file: what the page cuts is never lost."""
        material = await run_page.read(self.desk.door(request), request.path_params["run_id"])
        found = run_page.value_of(material, request.query_params.get("step", ""), request.query_params.get("name", ""))
        headers = policy.HEADERS | {"Content-Disposition": 'attachment; filename="value.json"'}
        body = orjson.dumps(found, option=orjson.OPT_INDENT_2, default=str)
        return Response(body, media_type="application/json", headers=headers)

    async def static(self, request: Request) -> Response:
        found = self.desk.assets.answer(request.path_params["name"])
        if found is None or request.path_params["version"] != self.desk.assets.version:
            raise NotFound("There is no such file.", hint="Reload the page: the console was updated.")
        return found

    # Streams

    async def runs_live(self, request: Request) -> Response:
        return streams.of_runs(self.desk, request)

    async def run_live(self, request: Request) -> Response:
        await self.desk.door(request).run(
            request.path_params["run_id"]
        )  # not found is said here, not in the middle of a stream
        return streams.of_run(self.desk, request, _selection(request))

    # Questions and writes

    async def ask_move(self, request: Request) -> Response:
        name = request.path_params["move"]
        if name not in ask.MOVES:
            raise NotFound("There is no such page.")
        material = await run_page.read(self.desk.door(request), request.path_params["run_id"])
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

    async def move(self, request: Request) -> Response:
        form = await _own_form(request)
        run_id = request.path_params["run_id"]
        match request.path_params["move"]:
            case "cancel":
                await self.desk.door(request).cancel(run_id)
            case "retry":
                run_id = (await self.desk.door(request).retry(run_id)).id
            case "resume":
                run_id = (await self.desk.door(request).resume(run_id, outcome=_outcome(form))).id
            case "fork":
                run_id = (await self.desk.door(request).fork(run_id, step=form.get("step", ""))).id
            case "move":
                if not form.get("release"):
                    raise InvalidInput("No release was chosen.", hint="Go back and choose one.")
                run_id = (await self.desk.door(request).move(run_id, release=form["release"])).id
            case _:
                raise NotFound("A run cannot do that.")
        return _see(f"/console/runs/{quote(run_id, safe='')}")

    async def answer(self, request: Request) -> Response:
        form = await _own_form(request)
        if form.get("approved") not in ("yes", "no"):
            raise InvalidInput("The answer is neither yes nor no.")
        await self.desk.door(request).answer(
            request.path_params["approval_id"],
            approved=form["approved"] == "yes",
            by=caller_of(request).name,
            comment=form.get("comment", "")[:2000],
        )
        back = form.get("back", "")
        return _see(back if back.startswith("/console/") else approvals.PATH)

    async def preferences(self, request: Request) -> Response:
        form = await _own_form(request)
        back = form.get("back", "")
        response = _see(back if back.startswith("/console/") else runs.PATH)
        response.set_cookie("fairlead_theme", form.get("theme", "")[:10], max_age=31536000, samesite="strict")
        return response

    # What handlers share

    def ask(self, request: Request, question: ask.Question) -> Response:
        template = "parts/_question.html" if _is_fragment(request) else "pages/question.html"
        return self.desk.page(request, template, question=question, here="runs")


def _selection(request: Request) -> run_page.Selection:
    return run_page.select(request.path_params["run_id"], request.query_params, request.query_params.getlist("open"))


def _is_fragment(request: Request) -> bool:
    return "hx-request" in request.headers and "hx-history-restore-request" not in request.headers


async def _own_form(request: Request) -> dict[str, str]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > policy.LONGEST_FORM:
            raise InvalidInput("The form is too large.")
    form = policy.read_form(body)
    policy.check_own(request.headers, request.cookies, form)
    return form


def _outcome(form: dict[str, str]) -> Outcome | None:
    given = form.get("outcome", "")
    if given and given not in set(Outcome):
        raise InvalidInput(f"{given!r} is no outcome.", hint="It is done, failed or repeat.")
    return Outcome(given) if given else None


def _see(path: str) -> Response:
    return RedirectResponse(path, status_code=303, headers={"Cache-Control": "no-store"})


def _status(error: FairleadError) -> int:
    match error:
        case NotFound():
            return 404
        case Conflict():
            return 409
        case Unauthorised():
            return 403
        case InvalidInput():
            return 422
        case DatabaseUnavailable():
            return 503
        case _:
            return 500
