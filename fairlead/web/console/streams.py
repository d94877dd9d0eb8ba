"""What each page's stream draws: the same parts as the page, from the same templates."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

from starlette.requests import Request

from fairlead.access import may_for_all
from fairlead.errors import FairleadError
from fairlead.runs.run import Event, Run
from fairlead.web.console import live, policy
from fairlead.web.console.desk import Desk, caller_of
from fairlead.web.console.door import Counts, Delta, Door
from fairlead.web.console.pages import deploy as deploy_page
from fairlead.web.console.pages import deploys, runs, workers
from fairlead.web.console.pages import run as run_page
from fairlead.web.console.step_rows import WATERFALL, StepRows

_HEADERS = policy.HEADERS | {"Cache-Control": "no-store, no-transform"}
_PARTS_OF_RUN = ("facts", "actions", "attention")  # of what is read now and then, and when an event tells of it
_PARTS_OF_EVENTS = ("tabs", "rest")
_DEPLOY_PARTS = ("notice", "facts", "words", "watched", "course", "traffic")
_HEARD_AHEAD = 1000
_DEPLOYS_AGAIN = timedelta(seconds=2)  # the ledger tells of nothing by itself


def of_run(desk: Desk, request: Request, run: Run, selection: run_page.Selection) -> live.EventStream:
    """Everything on a run's page but the pane the reader opened."""
    door = desk.door(request)
    reading = run_page.Reading(door, desk.tapes, desk.clock, again=desk.settings.look_again)
    rows = StepRows(desk.templates)
    texts: dict[str, str] = {}
    drawn: run_page.RunView | None = None

    async def draw(pending: list[Event | Delta]) -> tuple[live.Parts, bool]:
        nonlocal drawn
        material = await reading.read(selection.run_id, [one for one in pending if isinstance(one, Event)])
        reader = desk.reader(request)
        for delta in pending:
            if isinstance(delta, Delta):
                texts[delta.step] = texts.get(delta.step, "")[: delta.offset] + delta.text
        view = run_page.shape(material, selection, reader.fmt, texts=texts)
        anew = drawn is None or view.run is not drawn.run
        names = [*(_PARTS_OF_RUN if anew else ()), *_PARTS_OF_EVENTS]
        names += ["conversation"] if anew or drawn is None or view.said != drawn.said else []
        drawn = view
        parts: dict[str, str | live.Listed] = {
            name: desk.templates.fill(f"parts/_{name}.html", reader, view=view, path="") for name in names
        }
        if view.chart is not None:
            parts[WATERFALL] = rows.draw(view, view.chart, reader)
        return parts, view.run.status.finished

    async def happenings() -> AsyncIterator[Event | Delta]:
        tape = await desk.tapes.read(door, run.tenant, run.id)
        after = tape.events[-1].seq if tape.events else 0
        async for one in door.follow(run.id, after=after):
            yield one

    return _stream(desk, request, draw, happenings())


def of_runs(desk: Desk, request: Request) -> live.EventStream:
    """Rows that are shown change in place; new ones are only counted, so nothing moves under the reader."""
    query = runs.parse(request.query_params, now=desk.clock.now())
    door = desk.door(request)
    listing = _Listing(desk, door, query, request.query_params.get("first", ""), request.query_params.get("last", ""))

    async def draw(pending: list[Event | Delta]) -> tuple[live.Parts, bool]:
        reader = desk.reader(request)
        parts: dict[str, str] = {}
        for run in await listing.look({one.run_id for one in pending}):
            parts[f"run-{run.id}"] = desk.templates.fill("parts/_row.html", reader, row=runs.row(run, reader.fmt))
        if (counts := await listing.count()) is not None:
            total, links = sum(counts.by_status.values()), runs.statuses(query, counts)
            told = {"query": query, "statuses": links, "total": total, "exact": counts.exact}
            parts["statuses"] = desk.templates.fill("parts/_statuses.html", reader, **told)
        fresh = len(listing.fresh) if request.query_params.get("newest") else 0
        parts["fresh"] = desk.templates.fill("parts/_fresh.html", reader, fresh=fresh, address=query.address())
        return parts, False

    return _stream(desk, request, draw, door.follow(None))


def of_deploy(desk: Desk, request: Request, deploy_id: str) -> live.EventStream:
    """Everything on a deploy's page, until it is over."""
    door, may = desk.door(request), may_for_all(caller_of(request))

    async def draw(pending: list[Event | Delta]) -> tuple[live.Parts, bool]:
        reader = desk.reader(request)
        view = deploy_page.shape(await deploy_page.read(door, deploy_id), reader.fmt, may=may)
        filled = {
            f"deploy-{name}": desk.templates.fill(f"parts/_deploy_{name}.html", reader, view=view, path="")
            for name in _DEPLOY_PARTS
        }
        return filled, view.over

    return _stream(desk, request, draw, _nothing(), again=_DEPLOYS_AGAIN)


def of_deploys(desk: Desk, request: Request) -> live.EventStream:
    """The list: short, and it changes seldom, so it is drawn whole."""
    door = desk.door(request)

    async def draw(pending: list[Event | Delta]) -> tuple[live.Parts, bool]:
        reader = desk.reader(request)
        view = deploys.shape(*await deploys.read(door), reader.fmt)
        return {"deploys": desk.templates.fill("parts/_deploys.html", reader, view=view, path="")}, False

    return _stream(desk, request, draw, _nothing(), again=_DEPLOYS_AGAIN)


def of_workers(desk: Desk, request: Request) -> live.EventStream:
    door = desk.door(request)

    async def draw() -> live.Parts:
        view = workers.shape(await workers.read(door), desk.clock.now(), lease=desk.settings.lease)
        return {"workers": desk.templates.fill("parts/_workers.html", desk.reader(request), view=view, path="")}

    return of_page(desk, request, draw, again=_DEPLOYS_AGAIN)


def of_page(
    desk: Desk, request: Request, draw: Callable[[], Awaitable[live.Parts]], *, again: timedelta
) -> live.EventStream:
    """A page that nothing tells of changes: its parts are drawn again that often, and sent when they differ."""

    async def drawn(pending: list[Event | Delta]) -> tuple[live.Parts, bool]:
        return await draw(), False

    return _stream(desk, request, drawn, _nothing(), again=again)


def of_happenings(
    desk: Desk, request: Request, draw: live.Draw, happenings: AsyncIterator[Event | Delta], *,
    again: timedelta | None = None,
) -> live.EventStream:  # fmt: skip
    """A page that is drawn again when something of this happens."""
    return _stream(desk, request, draw, happenings, again=again)


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


async def _nothing() -> AsyncIterator[Event | Delta]:
    return
    yield


def _stream(
    desk: Desk, request: Request, draw: live.Draw, happenings: AsyncIterator[Event | Delta], *,
    again: timedelta | None = None,
) -> live.EventStream:  # fmt: skip
    """`draw` draws nothing that is the reader's alone: who looks at the same address with the same rights sees it."""
    settings = desk.settings
    messages = desk.broadcasts.watch(
        (request.url.path, request.url.query, desk.sight(request)), happenings, draw,
        every=settings.fragment_every, again=min(settings.look_again, again or settings.look_again),
    )  # fmt: skip
    return live.EventStream(messages, _HEADERS)


class _Listing:
    """The rows a reader has before him, from `first` to `last`, and the runs that came after he opened the page."""

    def __init__(self, desk: Desk, door: Door, query: runs.Query, first: str, last: str) -> None:
        self.fresh: set[str] = set()
        self._desk = desk
        self._door = door
        self._query = query
        self._first, self._last = first, last
        self._shown: set[str] = set()
        self._counted = float("-inf")

    async def look(self, changed: set[str]) -> list[Run]:
        """Shown runs that may have changed: those named, or all of them when nothing is named. Whatever else happens
        meanwhile, one question is asked of the database."""
        if changed:
            found = await self._door.named(
                [run_id for run_id in changed if run_id >= self._last and self._is_news(run_id)]
            )
        else:
            found = await self._all()
        self.fresh |= {run.id for run in found if run.id > self._first and runs.matches(self._query.wanted, run)}
        return [run for run in found if self._last <= run.id <= self._first]

    def _is_news(self, run_id: str) -> bool:
        return run_id <= self._first or run_id not in self.fresh

    async def _all(self) -> list[Run]:
        query = self._query
        page = await self._door.runs(query.wanted, before=query.before, after=query.after, limit=runs.PAGE)
        found = {run.id: run for run in page.runs}
        left = await self._door.named(self._shown - found.keys())  # the filter no longer holds them
        self._shown |= {run_id for run_id in found if self._last <= run_id <= self._first}
        return [*found.values(), *left]

    async def count(self) -> Counts | None:
        """The counts when it is time for them; None before, and when they cannot be had."""
        now = self._desk.clock.monotonic()
        if now - self._counted < self._desk.settings.look_again.total_seconds() / 2:
            return None
        self._counted = now
        try:
            return await self._door.counts(self._query.wanted)
        except FairleadError:
            return None
