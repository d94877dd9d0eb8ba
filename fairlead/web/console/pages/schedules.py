"""Schedules: what starts by itself, made, changed, paused and removed.

GET  /console/schedules  …/new  /console/schedules/{id}  …/edit  …/delete
POST /console/schedules  /console/schedules/{id}  /console/schedules/{id}/{pause|resume|run|delete}
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from zoneinfo import available_timezones

from starlette.requests import Request
from starlette.responses import Response

from fairlead.access import Role
from fairlead.agents.spec import AgentSpec
from fairlead.errors import FairleadError, NotFound
from fairlead.runs.assistants import Assistant, Wanted
from fairlead.runs.schedule import Rhythm, Schedule
from fairlead.web.asking import asker_of
from fairlead.web.console import form
from fairlead.web.console.desk import Desk, caller_of
from fairlead.web.console.doors import Doors
from fairlead.web.console.form import Layout, Problem
from fairlead.web.console.pages import schedule as schedule_page
from fairlead.web.console.pages import schedule_list
from fairlead.web.console.pages.playground_form import refused
from fairlead.web.console.pages.schedule_list import MISSED, OVERLAP, PATH, path_of
from fairlead.web.console.section import Routes, is_fragment, own_form, see, status_of

_ONE = PATH + "/{schedule_id}"
_MOST_ASSISTANTS = 200
_WORDS = ("pause", "resume", "run", "delete")


class SchedulesPages:
    def __init__(self, desk: Desk, doors: Doors) -> None:
        self._desk = desk
        self._doors = doors

    def pages(self) -> Routes:
        return [
            (PATH, self.list), (PATH + "/new", self.new), (_ONE, self.schedule), (_ONE + "/edit", self.edit),
            (_ONE + "/delete", self.ask),
        ]  # fmt: skip

    def writes(self) -> Routes:
        return [(PATH, self.create), (_ONE, self.change), (_ONE + "/{word}", self.do)]

    # -- looking

    async def list(self, request: Request) -> Response:
        query = schedule_list.parse(request.query_params)
        material = await schedule_list.read(self._doors, query, tenant=caller_of(request).tenant)
        view = schedule_list.shape(query, material, self._desk.reader(request).fmt)
        return self._desk.page(
            request, "pages/schedules.html", view=view, here="schedules", may=_may(request), missed=MISSED,
            overlap=OVERLAP,
        )  # fmt: skip

    async def schedule(self, request: Request) -> Response:
        found = await schedule_page.read(
            self._doors, request.path_params["schedule_id"], tenant=caller_of(request).tenant
        )
        view = schedule_page.shape(found, self._desk.reader(request).fmt)
        return self._desk.page(request, "pages/schedule.html", view=view, here="schedules", may=_may(request))

    async def new(self, request: Request) -> Response:
        assistants = await self._assistants(request)
        if not assistants:
            raise NotFound("This project declares no agent.", hint="Declare one in fairlead.toml.")
        given = request.query_params.get("assistant", "") or _given(assistants[0])
        layout = schedule_page.layout_of(await self._spec(request, given), raw=request.query_params.get("raw") == "1")
        return await self._form(request, layout, schedule_page.fresh(layout), {}, given=given, assistants=assistants)

    async def edit(self, request: Request) -> Response:
        one = await self._one(request)
        fmt = self._desk.reader(request).fmt
        layout, typed = schedule_page.typed_of(one, await self._spec(request, one.assistant_id), fmt)
        return await self._form(request, layout, typed, {}, schedule=one)

    async def ask(self, request: Request) -> Response:
        one = await self._one(request)
        names = await schedule_list.names_of(self._doors.assistants, [one], caller_of(request).tenant)
        words = self._desk.reader(request).fmt.words.gettext
        question = schedule_page.question_of(one, names.get(one.assistant_id, one.assistant_id), words)
        template = "parts/_question.html" if is_fragment(request) else "pages/question.html"
        return self._desk.page(request, template, question=question, here="schedules")

    # -- doing

    async def create(self, request: Request) -> Response:
        sent, caller = await own_form(request), caller_of(request)
        given = sent.get("assistant", "")
        layout = schedule_page.layout_of(await self._spec(request, given), raw=sent.get("raw") == "1")
        found = schedule_page.read_form(layout, sent, self._desk.reader(request).fmt)
        if not found.problems:
            try:
                made = await self._doors.schedules.add(
                    given, Rhythm(**found.rhythm), schedule_page.work_of(found.work), metadata=found.metadata,
                    thread_id=sent.get("thread", "").strip() or None, user=caller.user, asker=asker_of(caller),
                    tenant=caller.tenant, by=caller.name,
                )  # fmt: skip
            except FairleadError as error:
                problems = {_place_of(error): refused(error)}
                return await self._form(request, layout, sent, problems, given=given, status=status_of(error))
            await self._note(request, "schedule.create", made.id)
            return see(path_of(made.id))
        return await self._form(request, layout, sent, found.problems, given=given, status=422)

    async def change(self, request: Request) -> Response:
        sent, caller, one = await own_form(request), caller_of(request), await self._one(request)
        spec = await self._spec(request, one.assistant_id)
        layout = schedule_page.layout_of(spec, raw=sent.get("raw") == "1")
        found = schedule_page.read_form(layout, sent, self._desk.reader(request).fmt)
        if found.problems:
            return await self._form(request, layout, sent, found.problems, schedule=one, status=422)
        try:
            await self._doors.schedules.change(
                one.id, rhythm=found.rhythm, work=found.work, metadata=found.metadata, tenant=caller.tenant,
                by=caller.name,
            )  # fmt: skip
        except FairleadError as error:
            problems = {_place_of(error): refused(error)}
            return await self._form(request, layout, sent, problems, schedule=one, status=status_of(error))
        await self._note(request, "schedule.change", one.id)
        return see(path_of(one.id))

    async def do(self, request: Request) -> Response:
        await own_form(request)
        caller, word, book = caller_of(request), request.path_params["word"], self._doors.schedules
        if word not in _WORDS:
            raise NotFound("A schedule cannot do that.")
        one = await self._one(request)
        match word:
            case "run":
                await self._doors.rate.take(caller)
                run = await book.run_now(one.id, tenant=caller.tenant)
                await self._note(request, "schedule.run", one.id)
                return see(f"/console/runs/{quote(run.id, safe='')}")
            case "delete":
                await book.remove(one.id, tenant=caller.tenant, by=caller.name)
                await self._note(request, "schedule.remove", one.id)
                return see(PATH)
            case _:
                await book.change(
                    one.id, rhythm={}, work={}, enabled=word == "resume", tenant=caller.tenant, by=caller.name
                )
                await self._note(request, "schedule.change", one.id)
                return see(path_of(one.id))

    # -- what handlers share

    async def _one(self, request: Request) -> Schedule:
        return await self._doors.schedules.get(request.path_params["schedule_id"], tenant=caller_of(request).tenant)

    async def _assistants(self, request: Request) -> list[Assistant]:
        found, _ = await self._doors.assistants.search(
            Wanted(), tenant=caller_of(request).tenant, sort="graph_id", limit=_MOST_ASSISTANTS
        )
        known = [one for one in found if one.agent in self._doors.agents]
        return sorted(known, key=lambda one: (one.agent, not one.declared, one.name))

    async def _spec(self, request: Request, given: str) -> AgentSpec:
        """Raises `NotFound`, `UnknownAgent`."""
        assistant = await self._doors.assistants.get(given, tenant=caller_of(request).tenant)
        return self._doors.agents[self._doors.assistants.agent_named(assistant.agent)]

    async def _note(self, request: Request, action: str, subject: str) -> None:
        caller = caller_of(request)
        await self._doors.books.audit.report(action, tenant=caller.tenant, by=caller.name, subject=subject)

    async def _form(
        self, request: Request, layout: Layout, typed: dict[str, str], problems: dict[str, Problem], *,
        given: str = "", schedule: Schedule | None = None, assistants: list[Assistant] | None = None,
        status: int = 200,
    ) -> Response:  # fmt: skip
        more: dict[str, Any] = {"raw": layout.shape is form.Shape.JSON, "layout": layout, "typed": typed}
        return self._desk.page(
            request, "pages/schedule_form.html", status=status, problems=problems, given=given, schedule=schedule,
            assistants=assistants if assistants is not None or schedule else await self._assistants(request),
            missed=MISSED, overlap=OVERLAP, zones=sorted(available_timezones()), here="schedules",
            may=_may(request), given_of=_given, back=path_of(schedule.id) if schedule else PATH, **more,
        )  # fmt: skip


def _given(assistant: Assistant) -> str:
    return assistant.agent if assistant.declared else assistant.id


def _may(request: Request) -> bool:
    return caller_of(request).role.covers(Role.OPERATOR)


def _place_of(error: FairleadError) -> str:
    """The field that an error is about that only the book could tell."""
    return "thread" if isinstance(error, NotFound) and "thread" in error.message else ""
