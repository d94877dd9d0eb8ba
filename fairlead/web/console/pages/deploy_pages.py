"""The pages of deploys, what is said to one that is under way, and their streams."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from fairlead.access import may_for_all, require_for_all
from fairlead.errors import Conflict, NotFound
from fairlead.runs.run import Event
from fairlead.ship.strategy import Word
from fairlead.web.console import course, live, streams
from fairlead.web.console.desk import Desk, caller_of
from fairlead.web.console.door import Delta, Shipped
from fairlead.web.console.pages import ask, deploys
from fairlead.web.console.pages import deploy as deploy_page
from fairlead.web.console.section import Routes, own_form, see

_PARTS = ("notice", "facts", "words", "watched", "course", "traffic")
_AGAIN = timedelta(seconds=2)  # the ledger tells of nothing by itself
_ONE = f"{deploys.PATH}/{{deploy_id}}"


class DeploysPages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def pages(self) -> Routes:
        return [
            (deploys.PATH, self.all), (f"{deploys.PATH}/live", self.all_live), (_ONE, self.one),
            (f"{_ONE}/live", self.one_live), (f"{_ONE}/{{word}}", self.ask),
        ]  # fmt: skip

    def writes(self) -> Routes:
        return [(f"{_ONE}/{{word}}", self.say)]

    async def all(self, request: Request) -> Response:
        return self._desk.page(request, "pages/deploys.html", view=await self._view(request), here="deploys")

    async def all_live(self, request: Request) -> Response:
        """The list: short, and it changes seldom, so it is drawn whole."""

        async def draw() -> live.Parts:
            view, reader = await self._view(request), self._desk.reader(request)
            return {"deploys": self._desk.templates.fill("parts/_deploys.html", reader, view=view, path="")}

        return streams.of_page(self._desk, request, draw, again=_AGAIN)

    async def one(self, request: Request) -> Response:
        shipped = await deploy_page.read(self._desk.door(request), request.path_params["deploy_id"])
        view = deploy_page.shape(shipped, self._desk.reader(request).fmt, may=may_for_all(caller_of(request)))
        return self._desk.page(request, "pages/deploy.html", view=view, here="deploys")

    async def one_live(self, request: Request) -> Response:
        """Everything on a deploy's page, until it is over."""
        deploy_id = request.path_params["deploy_id"]
        desk, door, may = self._desk, self._desk.door(request), may_for_all(caller_of(request))
        await door.deploy(deploy_id)

        async def draw(pending: list[Event | Delta]) -> tuple[live.Parts, bool]:
            reader = desk.reader(request)
            view = deploy_page.shape(await deploy_page.read(door, deploy_id), reader.fmt, may=may)
            filled = {
                f"deploy-{name}": desk.templates.fill(f"parts/_deploy_{name}.html", reader, view=view, path="")
                for name in _PARTS
            }
            return filled, view.over

        return streams.of_happenings(desk, request, draw, streams.nothing(), again=_AGAIN)

    async def ask(self, request: Request) -> Response:
        word, shipped = await self._sayable(request)
        fmt, now = self._desk.reader(request).fmt, course.under_way(shipped)
        step = course.words(now.step, shipped.deploy.plan, fmt)[0] if now is not None else ""
        question = ask.of_word(word, shipped.deploy, fmt.words.gettext, step=step)
        return ask.answer_question(self._desk, request, question, here="deploys")

    async def say(self, request: Request) -> Response:
        await own_form(request)
        word, shipped = await self._sayable(request)
        await self._desk.door(request).say(shipped.deploy.id, word)
        return see(f"{deploys.PATH}/{quote(shipped.deploy.id, safe='')}")

    async def _view(self, request: Request) -> deploys.DeploysView:
        return deploys.shape(*await deploys.read(self._desk.door(request)), self._desk.reader(request).fmt)

    async def _sayable(self, request: Request) -> tuple[Word, Shipped]:
        """Raises `Forbidden`, `NotFound`, and `Conflict` for what can't be said of the deploy now."""
        require_for_all(caller_of(request))
        word = _word(request)
        shipped = await deploy_page.read(self._desk.door(request), request.path_params["deploy_id"])
        if word not in deploy_page.words(shipped):
            raise Conflict("The deploy is over, or beyond that.", hint="Reload its page to see how it stands.")
        return word, shipped


def _word(request: Request) -> Word:
    given = request.path_params["word"]
    if given not in set(Word):
        raise NotFound("There is no such page.")
    return Word(given)
