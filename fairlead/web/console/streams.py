"""What each page's stream draws: the same parts as the page, from the same templates."""

from __future__ import annotations

import asyncio
import contextlib
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from starlette.requests import Request

from fairlead.access import may_for_all
from fairlead.errors import FairleadError
from fairlead.runs.run import Event, Run
from fairlead.web.console import live, policy
from fairlead.web.console.broadcast import DrawCuts, whole
from fairlead.web.console.desk import Desk, caller_of
from fairlead.web.console.door import Counts, Delta, Door
from fairlead.web.console.look import Reader
from fairlead.web.console.pages import deploy as deploy_page
from fairlead.web.console.pages import deploys, runs, workers
from fairlead.web.console.pages import run as run_page
from fairlead.web.console.pieces import Pieces
from fairlead.web.console.step_rows import WATERFALL, StepRows

_HEADERS = policy.HEADERS | {"Cache-Control": "no-store, no-transform"}
_PARTS_OF_RUN = ("facts", "actions", "attention", "rest", "conversation")
_DEPLOY_PARTS = ("notice", "facts", "words", "watched", "course", "traffic")
_CLOSES = ("step", "failed")
_HEARD_AHEAD = 1000
_SHOWN = ("first", "last", "newest")  # of an address: where the rows are that its reader has before him
_DEPLOYS_AGAIN = timedelta(seconds=2)  # the ledger tells of nothing by itself


def of_run(desk: Desk, request: Request, run: Run, selection: run_page.Selection) -> live.EventStream:
    """Everything on a run's page but the pane the reader opened."""
    door = desk.door(request)
    reading = run_page.Reading(
        door, desk.tapes, desk.clock, again=desk.settings.look_again, glances=desk.glances
    )  # fmt: skip
    rows, tabs = StepRows(desk.templates), Pieces()
    texts: dict[str, str] = {}
    drawn: run_page.RunView | None = None

    async def draw(pending: list[Event | Delta]) -> tuple[live.Parts, bool]:
        nonlocal drawn
        material = await reading.read(selection.run_id, [one for one in pending if isinstance(one, Event)])
        reader = desk.reader(request)
        for one in pending:
            if isinstance(one, Delta):
                texts[one.step] = texts.get(one.step, "")[: one.offset] + one.text
            elif one.type in _CLOSES and one.key:
                texts.pop(one.key, None)
        view, before = run_page.shape(material, selection, reader.fmt, texts=texts, before=drawn), drawn
        drawn = view
        names = [name for name in _PARTS_OF_RUN if before is None or _differs(name, before, view)]
        parts: dict[str, str | live.Listed] = {
            name: desk.templates.fill(f"parts/_{name}.html", reader, view=view, path="") for name in names
        }
        if before is None or view.tabs != before.tabs:
            parts["tabs"] = _tabs(desk, reader, view, tabs)
        if view.chart is not None:
            parts[WATERFALL] = rows.draw(view, view.chart, reader)
        return parts, view.run.status.finished

    async def happenings() -> AsyncIterator[Event | Delta]:
        tape = await desk.tapes.read(door, run.tenant, run.id)
        after = tape.events[-1].seq if tape.events else 0
        async for one in door.follow(run.id, after=after):
            yield one

    return _stream(desk, request, draw, happenings())


def _tabs(desk: Desk, reader: Reader, view: run_page.RunView, pieces: Pieces) -> live.Listed:
    """Nearly every event changes what one of them counts."""
    fill = desk.templates.macros("parts/_tab.html", reader)
    marks = {f"tab-{tab.name}": tab for tab in view.tabs}
    rows = {mark: pieces.row(mark, {"tab": tab}, partial(fill, of=tab)) for mark, tab in marks.items()}

    def whole() -> str:
        return desk.templates.fill("parts/_tabs.html", reader, view=view, path="")

    return live.Listed((), {}, rows, "tabs", whole)


def _differs(part: str, before: run_page.RunView, now: run_page.RunView) -> bool:
    """Whether a part of a run's page may look different; of its tabs and its waterfall others know. What is read beside
    the events is the same until it is read anew."""
    anew = now.run is not before.run
    match part:
        case "rest":
            return now.selection.tab != "overview"
        case "conversation":
            return now.said != before.said
        case "actions":
            return anew and (now.moves, now.run.status) != (before.moves, before.run.status)
        case "attention":
            return anew and (now.urgent or before.urgent)
        case _:
            return anew


def of_runs(desk: Desk, request: Request) -> live.EventStream:
    """Rows that are shown change in place; new ones are only counted, so nothing moves under the reader."""
    given = request.query_params
    query = runs.parse(given, now=desk.clock.now())
    door = desk.door(request)
    listing, pieces = _Listing(desk, door, query), Pieces()

    async def draw(
        pending: list[Event | Delta], cuts: Collection[Hashable]
    ) -> tuple[Mapping[Hashable, live.Parts], bool]:
        reader, shown = desk.reader(request), [cut for cut in cuts if isinstance(cut, _Shown)]
        found = await listing.look({one.run_id for one in pending}, shown)
        fill = desk.templates.macros("parts/_row.html", reader)
        held = [runs.row(run, reader.fmt) for run in found if any(cut.holds(run.id) for cut in shown)]
        rows = {row.run.id: pieces.row(row.run.id, row.looks(reader.fmt), partial(fill, row=row)) for row in held}
        pieces.keep(lambda run_id: any(cut.holds(run_id) for cut in shown), most=runs.PAGE * len(shown))
        same: dict[str, str] = {}
        if (counts := await listing.count()) is not None:
            total, links = sum(counts.by_status.values()), runs.statuses(query, counts)
            told = {"query": query, "statuses": links, "total": total, "exact": counts.exact}
            same["statuses"] = desk.templates.fill("parts/_statuses.html", reader, **told)

        def parts(cut: _Shown) -> live.Parts:
            fresh = listing.fresh(cut) if cut.newest else 0
            told = desk.templates.fill("parts/_fresh.html", reader, fresh=fresh, address=query.address())
            return same | {"fresh": told} | {f"run-{id}": html for id, html in rows.items() if cut.holds(id)}

        return {cut: parts(cut) for cut in shown}, False

    asked = tuple(pair for pair in given.multi_items() if pair[0] not in _SHOWN)
    cut = _Shown(given.get("first", ""), given.get("last", ""), newest=bool(given.get("newest")))
    return _watched(desk, request, draw, door.follow(None), asked=asked, cut=cut)


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
    return _watched(desk, request, whole(draw), happenings, asked=request.url.query, again=again)


def _watched(
    desk: Desk, request: Request, draw: DrawCuts, happenings: AsyncIterator[Event | Delta], *, asked: Hashable,
    cut: Hashable = None, again: timedelta | None = None,
) -> live.EventStream:  # fmt: skip
    settings = desk.settings
    messages = desk.broadcasts.watch(
        (request.url.path, asked, desk.sight(request)), happenings, draw, cut=cut,
        every=settings.fragment_every, again=min(settings.look_again, again or settings.look_again),
    )  # fmt: skip
    return live.EventStream(messages, _HEADERS)


@dataclass(frozen=True, slots=True)
class _Shown:
    """The rows a reader has before him, from the `first` to the `last`. `newest`: there were none above them."""

    first: str
    last: str
    newest: bool

    def holds(self, run_id: str) -> bool:
        return self.last <= run_id <= self.first


class _Listing:
    """The runs that readers of one list have before them, and those that came after each opened his page."""

    def __init__(self, desk: Desk, door: Door, query: runs.Query) -> None:
        self._desk = desk
        self._door = door
        self._query = query
        self._seen: dict[_Shown, set[str]] = {}  # those of each reader's rows that the list has told of
        self._fresh: list[str] = []  # in order
        self._counted = float("-inf")

    async def look(self, changed: set[str], shown: Sequence[_Shown]) -> Sequence[Run]:
        """Runs that may have changed: those named, or all that are shown when nothing is named, or to somebody for the
        first time. Whatever else happens meanwhile, one question is asked of the database."""
        came = any(cut not in self._seen for cut in shown)
        self._seen = {cut: self._seen.get(cut, set()) for cut in shown}
        if changed and not came:
            oldest, newest = min(one.last for one in shown), max(one.first for one in shown)
            found = await self._door.named(
                [one for one in changed if one >= oldest and (one <= newest or not self._is_counted(one))]
            )
        else:
            found = await self._all(changed)
        self._count_fresh(found, above=min(one.first for one in shown))
        return found

    def fresh(self, cut: _Shown) -> int:
        """How many runs came above these rows."""
        return len(self._fresh) - bisect_right(self._fresh, cut.first)

    def _count_fresh(self, found: Sequence[Run], *, above: str) -> None:
        newer = [run for run in found if run.id > above and not self._is_counted(run.id)]
        came = {run.id for run in newer if runs.matches(self._query.wanted, run)}
        if came:
            self._fresh = sorted(came.union(self._fresh[bisect_right(self._fresh, above) :]))

    def _is_counted(self, run_id: str) -> bool:
        place = bisect_left(self._fresh, run_id)
        return self._fresh[place : place + 1] == [run_id]

    async def _all(self, changed: set[str]) -> list[Run]:
        query = self._query
        page = await self._door.runs(query.wanted, before=query.before, after=query.after, limit=runs.PAGE)
        found = {run.id: run for run in page.runs}
        left = await self._door.named({*changed}.union(*self._seen.values()) - found.keys())
        for cut, seen in self._seen.items():
            seen |= {run_id for run_id in found if cut.holds(run_id)}
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
