"""Threads: their list, each as a conversation that goes on while one looks, and what to say next in it.

GET  /console/threads  /console/threads/{id}  /console/threads/{id}/live
POST /console/threads/{id}/messages
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from fairlead.access import Role
from fairlead.errors import FairleadError, InvalidInput
from fairlead.runs.run import Event
from fairlead.runs.threads import ThreadStatus
from fairlead.web.console import below, live, streams
from fairlead.web.console.desk import Desk, caller_of
from fairlead.web.console.door import Delta
from fairlead.web.console.doors import Doors
from fairlead.web.console.language import N_
from fairlead.web.console.pages import thread as thread_page
from fairlead.web.console.pages import thread_list
from fairlead.web.console.pages.thread import Material
from fairlead.web.console.section import Routes, is_fragment, own_form, see, status_of
from fairlead.web.console.starting import Asked, prepare, start
from fairlead.web.console.turns import Texts, Told

LONGEST = 32_000
_PARTS = ("facts", "tail", "kept")


@dataclass(slots=True)
class Typed:
    """What a reader typed that was not taken, and why."""

    text: str = ""
    agent: str = ""
    problem: str = ""


class ThreadsPages:
    def __init__(self, desk: Desk, doors: Doors) -> None:
        self._desk = desk
        self._doors = doors

    def pages(self) -> Routes:
        return [
            (thread_list.PATH, self.list),
            (thread_list.PATH + "/{thread_id}", self.thread),
            (thread_list.PATH + "/{thread_id}/live", self.live),
        ]

    def writes(self) -> Routes:
        return [(thread_list.PATH + "/{thread_id}/messages", self.say)]

    async def list(self, request: Request) -> Response:
        query = thread_list.parse(request.query_params)
        page = await thread_list.read(self._doors.threads, query, tenant=caller_of(request).tenant)
        view = thread_list.shape(query, page, self._desk.reader(request).fmt)
        return self._desk.page(request, "pages/threads.html", view=view, here="threads")

    async def thread(self, request: Request) -> Response:
        return await self._page(request, Typed())

    async def live(self, request: Request) -> Response:
        doors, door, tenant = self._doors, self._desk.door(request), caller_of(request).tenant
        thread_id, first = request.path_params["thread_id"], request.query_params.get("from", "")
        await doors.threads.get(thread_id, tenant=tenant)  # not found is said here, not in the middle of a stream
        known: dict[str, Told] = {}
        texts = Texts()

        async def draw(pending: list[Event | Delta]) -> tuple[live.Parts, bool]:
            texts.hear(pending)
            thread = await doors.threads.get(thread_id, tenant=tenant)
            told = await thread_page.since(doors, door, thread, first, known)
            known.update({one.run.id: one for one in told})
            reader = self._desk.reader(request)
            material = Material(thread, tuple(told), older=True)
            view = thread_page.shape(material, doors.agents, reader.fmt, texts=texts.of)
            # All of it is the tail here, also what has ended since the page was read.
            tail = (*view.turns, *view.tail)
            parts = {
                f"thread-{name}": self._desk.templates.fill(
                    f"parts/_thread_{name}.html", reader, view=view, tail=tail, path=""
                )
                for name in _PARTS
            }
            return parts, thread.status in (ThreadStatus.IDLE, ThreadStatus.ERROR)

        happenings = thread_page.happenings(doors, thread_id, tenant=tenant)
        return streams.of_happenings(self._desk, request, draw, happenings)

    async def say(self, request: Request) -> Response:
        """The next message: a run of whoever ran last in this thread. What is not taken stays in its box."""
        form, caller = await own_form(request), caller_of(request)
        thread_id, text = request.path_params["thread_id"], form.get("text", "")
        try:
            if not text.strip() or len(text) > LONGEST:
                raise InvalidInput(N_("Write something first.") if not text.strip() else N_("That is too long."))
            new = await prepare(self._doors, caller, await self._asked(request, form, text))
            await start(self._doors, caller, new)
        except FairleadError as error:
            said = below.in_words(f"{error.message} {error.hint}".strip(), self._desk.reader(request).fmt)
            return await self._page(request, Typed(text, form.get("agent", ""), said), status=status_of(error))
        return see(f"{thread_list.path_of(thread_id)}#latest")

    async def _asked(self, request: Request, form: dict[str, str], text: str) -> Asked:
        doors, tenant, thread_id = self._doors, caller_of(request).tenant, request.path_params["thread_id"]
        thread = await doors.threads.get(thread_id, tenant=tenant)
        runs = await doors.control.list(tenant=tenant, thread_id=thread_id, limit=1)
        last = runs[0] if runs else None
        goes_to = thread_page.following(thread, last, doors.agents)
        given = goes_to.given or (form.get("agent", "") if goes_to.agents else "")
        if not given:
            raise InvalidInput(N_("Choose who is to answer.") if goes_to.agents else N_("Nobody here takes a message."))
        agent = (await doors.assistants.get(given, tenant=tenant)).agent
        said = thread_page.input_of(doors.agents[doors.assistants.agent_named(agent)], last, text)
        return Asked(given, said, thread_id, once=form.get("once", ""))

    async def _page(self, request: Request, typed: Typed, *, status: int = 200) -> Response:
        before = request.query_params.get("before", "")[:300]
        caller = caller_of(request)
        material = await thread_page.read(
            self._doors, self._desk.door(request), request.path_params["thread_id"], tenant=caller.tenant,
            before=before,
        )  # fmt: skip
        view = thread_page.shape(material, self._doors.agents, self._desk.reader(request).fmt)
        template = "parts/_thread_older.html" if before and is_fragment(request) else "pages/thread.html"
        return self._desk.page(
            request, template, status=status, view=view, tail=view.tail, typed=typed, here="threads",
            may=caller.role.covers(Role.OPERATOR), once=self._desk.make_token(),
        )  # fmt: skip
