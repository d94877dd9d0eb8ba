"""The page of service levels, and its stream."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from fairlead.web.console import live, streams
from fairlead.web.console.desk import Desk
from fairlead.web.console.pages import levels
from fairlead.web.console.section import Routes


class LevelsPages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def pages(self) -> Routes:
        return [(levels.PATH, self.page), (f"{levels.PATH}/live", self.live)]

    def writes(self) -> Routes:
        return []

    async def page(self, request: Request) -> Response:
        return self._desk.page(request, "pages/levels.html", view=await self._view(request), here="levels")

    async def live(self, request: Request) -> Response:
        levels.parse(request.query_params.get("window"))  # what is none is said here, not in the middle of a stream

        async def draw() -> live.Parts:
            reader = self._desk.reader(request)
            view = await self._view(request)
            return {"levels": self._desk.templates.fill("parts/_levels.html", reader, view=view, path="")}

        return streams.of_page(self._desk, request, draw, again=levels.AGAIN)

    async def _view(self, request: Request) -> levels.LevelsView:
        """Raises `InvalidInput` for a window that is none."""
        window = levels.parse(request.query_params.get("window"))
        report = await levels.read(self._desk.door(request), window)
        return levels.shape(window, report, self._desk.reader(request).fmt)
