"""The pages of runs, what can be done with one, and their streams."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote

import orjson
from starlette.requests import Request
from starlette.responses import Response

from fairlead.access import Role, require
from fairlead.errors import InvalidInput, NotFound
from fairlead.web.console import policy, run_streams
from fairlead.web.console.desk import Desk, caller_of
from fairlead.web.console.door import Outcome
from fairlead.web.console.headline import headline
from fairlead.web.console.pages import ask, runs
from fairlead.web.console.pages import run as run_page
from fairlead.web.console.section import Routes, is_fragment, own_form, see
from fairlead.web.console.tapes import Tapes

_ONE = f"{runs.PATH}/{{run_id}}"


class RunsPages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._tapes = desk.shared(Tapes)

    def pages(self) -> Routes:
        return [
            (runs.PATH, self.list), ("/console/live", self.list_live), (_ONE, self.one), (f"{_ONE}/live", self.live),
            (f"{_ONE}/value", self.value), (f"{_ONE}/{{move}}", self.ask),
            ("/console", self.list),  # where there is no dashboard
        ]  # fmt: skip

    def writes(self) -> Routes:
        return [(f"{_ONE}/{{move}}", self.move)]

    async def list(self, request: Request) -> Response:
        query = runs.parse(request.query_params, now=self._desk.clock.now())
        view = runs.shape(query, await runs.read(self._desk.door(request), query), self._desk.reader(request).fmt)
        return self._desk.page(request, "pages/runs.html", view=view, here="runs")

    async def list_live(self, request: Request) -> Response:
        return run_streams.of_runs(self._desk, request)

    async def one(self, request: Request) -> Response:
        door, selection, fmt = self._desk.door(request), _selection(request), self._desk.reader(request).fmt
        run = await door.run(selection.run_id)
        if is_fragment(request):
            view = run_page.shape(await run_page.beside(door, self._tapes, run), selection, fmt, pane_only=True)
            return self._desk.page(request, "parts/_pane_only.html", view=view, here="runs")

        async def read() -> Mapping[str, object]:
            material = await run_page.beside(door, self._tapes, run)
            await asyncio.sleep(0)  # others have their turn
            view = run_page.shape(material, selection, fmt)
            if view.live:
                seen = self._desk.shared(run_streams.Seen).keep(view, (run.id, self._desk.sight(request)))
                view = replace(view, live=selection.address(live=True, seen=seen))
            return {"view": view}

        return self._desk.page_as_read(request, "pages/run.html", read, title=headline(run), here="runs")

    async def live(self, request: Request) -> Response:
        run = await self._desk.door(request).run(request.path_params["run_id"])
        return run_streams.of_run(self._desk, request, run, _selection(request))

    async def value(self, request: Request) -> Response:
        """One value whole, as a file: what the page cuts is never lost."""
        material = await self._read(request)
        found = run_page.value_of(material, request.query_params.get("step", ""), request.query_params.get("name", ""))
        headers = policy.HEADERS | {"Content-Disposition": 'attachment; filename="value.json"'}
        body = orjson.dumps(found, option=orjson.OPT_INDENT_2, default=str)
        return Response(body, media_type="application/json", headers=headers)

    async def ask(self, request: Request) -> Response:
        name = request.path_params["move"]
        if name not in ask.MOVES:
            raise NotFound("There is no such page.")
        material = await self._read(request)
        translate = self._desk.reader(request).fmt.words.gettext
        question = ask.of_move(name, material.run, translate, releases=tuple(material.releases))
        return ask.answer_question(self._desk, request, question, here="runs")

    async def move(self, request: Request) -> Response:
        form = await own_form(request)
        run_id = request.path_params["run_id"]
        door = self._desk.door(request)
        if request.path_params["move"] == "move":
            require(caller_of(request), Role.ADMIN)
        match request.path_params["move"]:
            case "cancel":
                await door.cancel(run_id)
            case "retry":
                run_id = (await door.retry(run_id)).id
            case "resume":
                run_id = (await door.resume(run_id, outcome=_outcome(form))).id
            case "move":
                if not form.get("release"):
                    raise InvalidInput("No release was chosen.", hint="Go back and choose one.")
                run_id = (await door.move(run_id, release=form["release"])).id
            case _:
                raise NotFound("A run cannot do that.")
        return see(f"/console/runs/{quote(run_id, safe='')}")

    async def _read(self, request: Request) -> run_page.Material:
        return await run_page.read(self._desk.door(request), self._tapes, request.path_params["run_id"])


def _selection(request: Request) -> run_page.Selection:
    return run_page.select(request.path_params["run_id"], request.query_params, request.query_params.getlist("open"))


def _outcome(form: dict[str, str]) -> Outcome | None:
    given = form.get("outcome", "")
    if given and given not in set(Outcome):
        raise InvalidInput(f"{given!r} is no outcome.", hint="It is done, failed or repeat.")
    return Outcome(given) if given else None
