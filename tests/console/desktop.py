"""The console of a real engine, before a reader in a real Chromium, or one without a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, Page
from starlette.types import ASGIApp

from fairlead import testing
from fairlead.wiring import Engine
from tests.api.serving import listening, make_console
from tests.console.visitor import Visitor


@dataclass(slots=True)
class House:
    """`visitor` is the local admin. `running.run` and `running.engine` make what is looked at."""

    running: testing.Running
    app: ASGIApp
    visitor: Visitor

    @property
    def engine(self) -> Engine:
        return self.running.engine


@asynccontextmanager
async def house(agents: Mapping[str, Any], **engine: Any) -> AsyncIterator[House]:
    async with testing.engine(agents, **engine) as running:
        app = make_console(running.engine)
        yield House(running, app, Visitor(app))


@dataclass(slots=True)
class Desktop:
    """`complaints`: what the browser put on its console as an error; there must be none."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list[str])

    async def go(self, path: str) -> None:
        await self.page.goto(self.address + path)


@asynccontextmanager
async def desktop(browser: Browser, app: Any, *, width: int = 1280, **context: Any) -> AsyncIterator[Desktop]:
    async with listening(app) as address:
        opened = await browser.new_context(
            viewport={"width": width, "height": 900}, timezone_id="Asia/Tokyo", **context
        )  # fmt: skip
        # A page that learns its reader's zone loads itself again, which would end what a test is in the middle of.
        await opened.add_cookies([{"name": "fairlead_zone", "value": "Asia%2FTokyo", "url": address}])
        page = await opened.new_page()
        one = Desktop(page, address)
        page.on("console", lambda said: one.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: one.complaints.append(str(error)))
        yield one
        await opened.close()
    assert one.complaints == []
