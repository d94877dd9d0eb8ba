"""What the streams of runs draw: one run, or a list of them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from secrets import token_hex

from starlette.requests import Request

from fairlead.clock import Clock
from fairlead.errors import FairleadError
from fairlead.runs.run import Event, Run
from fairlead.web.console import live, streams
from fairlead.web.console.broadcast import whole
from fairlead.web.console.desk import Desk
from fairlead.web.console.door import Counts, Delta, Door
from fairlead.web.console.look import Reader
from fairlead.web.console.pages import run as run_page
from fairlead.web.console.pages import runs
from fairlead.web.console.pieces import Pieces
from fairlead.web.console.step_rows import WATERFALL, StepRows
from fairlead.web.console.tapes import Tapes

_PARTS_OF_RUN = ("facts", "actions", "attention", "rest", "conversation")
_CLOSES = ("step", "failed")
_MOST_SEEN, _SEEN_LASTS = 32, 30.0  # pages; seconds until the stream of one is asked for
SEEN = "seen"  # of an address: the word by which the page is known
_SHOWN = ("first", "last", "newest")  # of an address: where the rows are that its reader has before him


def of_run(desk: Desk, request: Request, run: Run, selection: run_page.Selection) -> live.EventStream:
    """Everything on a run's page but the pane the reader opened."""
    door = desk.door(request)
    tapes = desk.shared(Tapes)
    reading = run_page.Reading(
        door, tapes, desk.clock, again=desk.settings.look_again, glances=desk.glances
    )  # fmt: skip
    drawing = _Drawing(desk)
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
        return drawing.parts(view, reader, before), view.run.status.finished

    async def happenings() -> AsyncIterator[Event | Delta]:
        tape = await tapes.read(door, run.tenant, run.id)
        after = tape.events[-1].seq if tape.events else 0
        async for one in door.follow(run.id, after=after):
            yield one

    page = desk.shared(Seen).take(request.query_params.get(SEEN, ""), (run.id, desk.sight(request)))
    known = None if page is None else _Drawing(desk).parts(page, desk.reader(request))
    asked = tuple(pair for pair in request.query_params.multi_items() if pair[0] != SEEN)
    return streams.of_cuts(desk, request, whole(draw), happenings(), asked=asked, known=known)


class Seen:
    """Pages of runs under way as they were drawn a moment ago: the stream of one sends what has changed since. To put
    all of a long run in the place of what is there takes a browser longer than to draw the page."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pages: dict[tuple[str, Hashable], tuple[float, run_page.RunView]] = {}

    def keep(self, view: run_page.RunView, of: Hashable) -> str:
        """The word by which it is known. `of`: whose page it is, of what."""
        name = token_hex(8)
        self._pages[name, of] = self._clock.monotonic(), view
        while len(self._pages) > _MOST_SEEN:
            del self._pages[next(iter(self._pages))]
        return name

    def take(self, name: str, of: Hashable) -> run_page.RunView | None:
        """Once: who comes again by the same address has another page before them by then."""
        at, view = self._pages.pop((name, of), (0.0, None))
        return view if self._clock.monotonic() - at < _SEEN_LASTS else None


class _Drawing:
    """The parts of a run's page, drawn again and again."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._rows = StepRows(desk.templates)
        self._tabs = Pieces()

    def parts(self, view: run_page.RunView, reader: Reader, before: run_page.RunView | None = None) -> live.Parts:
        """All of them, or those that may look different than `before`."""
        fill = self._desk.templates.fill
        names = [name for name in _PARTS_OF_RUN if before is None or _differs(name, before, view)]
        parts: dict[str, str | live.Listed] = {
            name: fill(f"parts/_{name}.html", reader, view=view, path="") for name in names
        }
        if before is None or view.tabs != before.tabs:
            parts["tabs"] = _tabs(self._desk, reader, view, self._tabs)
        if view.chart is not None:
            parts[WATERFALL] = self._rows.draw(view, view.chart, reader)
        return parts


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
    return streams.of_cuts(desk, request, draw, door.follow(None), asked=asked, cut=cut)


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
