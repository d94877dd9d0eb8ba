"""Streams of pages: the same parts as the page, from the same templates."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from datetime import timedelta

from starlette.requests import Request

from fairlead.errors import FairleadError
from fairlead.runs.run import Event
from fairlead.web.console import live, policy
from fairlead.web.console.broadcast import DrawCuts, whole
from fairlead.web.console.desk import Desk
from fairlead.web.console.door import Delta

_HEADERS = policy.HEADERS | {"Cache-Control": "no-store, no-transform"}
_HEARD_AHEAD = 1000


def of_page(
    desk: Desk, request: Request, draw: Callable[[], Awaitable[live.Parts]], *, again: timedelta
) -> live.EventStream:
    """A page that nothing tells of changes: its parts are drawn again that often, and sent when they differ."""

    async def drawn(pending: list[Event | Delta]) -> tuple[live.Parts, bool]:
        return await draw(), False

    return of_happenings(desk, request, drawn, nothing(), again=again)


def of_happenings(
    desk: Desk, request: Request, draw: live.Draw, happenings: AsyncIterator[Event | Delta], *,
    again: timedelta | None = None,
) -> live.EventStream:  # fmt: skip
    """A page that is drawn again when something of this happens. `draw` draws nothing that is the reader's alone: who
    looks at the same address with the same rights sees it."""
    return of_cuts(desk, request, whole(draw), happenings, asked=request.url.query, again=again)


async def together(*several: AsyncIterator[Event | Delta]) -> AsyncIterator[Event | Delta]:
    """What happens in any of them, as it happens; none waits for another."""
    heard: asyncio.Queue[Event | Delta] = asyncio.Queue(_HEARD_AHEAD)

    async def listen(one: AsyncIterator[Event | Delta]) -> None:
        with contextlib.suppress(FairleadError):
            async for happening in one:
                await heard.put(happening)

    listening = [asyncio.create_task(listen(one)) for one in several]
    try:
        while True:
            yield await heard.get()
    finally:
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)


async def nothing() -> AsyncIterator[Event | Delta]:
    """For a page that looks again by itself."""
    return
    yield


def of_cuts(
    desk: Desk, request: Request, draw: DrawCuts, happenings: AsyncIterator[Event | Delta], *, asked: Hashable,
    cut: Hashable = None, again: timedelta | None = None, known: live.Parts | None = None,
) -> live.EventStream:  # fmt: skip
    """A page of which its readers see different cuts, or that `known` is of already: see `broadcast`."""
    settings = desk.settings
    messages = desk.broadcasts.watch(
        (request.url.path, asked, desk.sight(request)), happenings, draw, cut=cut, known=known,
        every=settings.fragment_every, again=min(settings.look_again, again or settings.look_again),
    )  # fmt: skip
    return live.EventStream(messages, _HEADERS)
