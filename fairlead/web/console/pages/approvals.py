"""The inbox: questions that wait for a person, the one that expires first on top."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from fairlead.errors import Conflict, InvalidInput, NotFound
from fairlead.runs.run import Approval
from fairlead.web.console import live, streams
from fairlead.web.console.desk import Desk, caller_of
from fairlead.web.console.door import Door
from fairlead.web.console.pages import ask
from fairlead.web.console.section import Routes, own_form, see

PATH = "/console/approvals"


@dataclass(frozen=True, slots=True)
class ApprovalsView:
    waiting: tuple[Approval, ...]


async def read(door: Door) -> list[Approval]:
    return list(await door.approvals(waiting=True))


def shape(approvals: list[Approval]) -> ApprovalsView:
    return ApprovalsView(tuple(sorted(approvals, key=lambda one: one.expires_at)))


class ApprovalsPages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def pages(self) -> Routes:
        return [(PATH, self.page), (f"{PATH}/live", self.live), (f"{PATH}/{{approval_id}}/{{answer}}", self.ask)]

    def writes(self) -> Routes:
        return [(f"{PATH}/{{approval_id}}/answer", self.answer)]

    async def page(self, request: Request) -> Response:
        view = shape(await read(self._desk.door(request)))
        return self._desk.page(request, "pages/approvals.html", view=view, here="approvals")

    async def live(self, request: Request) -> Response:
        async def draw() -> live.Parts:
            view, reader = shape(await read(self._desk.door(request))), self._desk.reader(request)
            return {"inbox": self._desk.templates.fill("parts/_inbox.html", reader, view=view, path="")}

        return streams.of_page(self._desk, request, draw, again=self._desk.settings.look_again)

    async def ask(self, request: Request) -> Response:
        answer = request.path_params["answer"]
        if answer not in ("approve", "deny"):
            raise NotFound("There is no such page.")
        wanted = request.path_params["approval_id"]
        found = next((one for one in await read(self._desk.door(request)) if one.id == wanted), None)
        if found is None:
            raise Conflict("This approval is answered or has expired.", hint="Nothing is left to do here.")
        translate = self._desk.reader(request).fmt.words.gettext
        question = ask.of_approval(found, translate, approve=answer == "approve")
        return ask.answer_question(self._desk, request, question, here="runs")

    async def answer(self, request: Request) -> Response:
        form = await own_form(request)
        if form.get("approved") not in ("yes", "no"):
            raise InvalidInput("The answer is neither yes nor no.")
        await self._desk.door(request).answer(
            request.path_params["approval_id"],
            approved=form["approved"] == "yes",
            by=caller_of(request).name,
            comment=form.get("comment", "")[:2000],
        )
        back = form.get("back", "")
        return see(back if back.startswith("/console/") else PATH)
