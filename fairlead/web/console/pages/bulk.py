"""One move for many runs: those that were marked, or all that a search finds. First it is said what it does and to how
many, then what became of each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from fairlead.access import Role, require
from fairlead.errors import FairleadError, InvalidInput, NotFound
from fairlead.runs.run import Run
from fairlead.web.console.desk import Desk, caller_of
from fairlead.web.console.door import Door
from fairlead.web.console.format import Format
from fairlead.web.console.headline import headline
from fairlead.web.console.language import N_
from fairlead.web.console.pages import ask, runs
from fairlead.web.console.section import Routes, own_form
from fairlead.web.console.state import State, of_run

PATH = "/console/runs/bulk"
MOST = 500
_PAGE = 100
_AT_ONCE = 8
_MOVES = {
    "cancel": (N_("Cancel runs"), N_("Each stops within a second. What is recorded is kept, and can be resumed.")),
    "retry": (N_("Retry runs"), N_("Each goes on: what succeeded is kept, what failed is done again.")),
    "move": (
        N_("Move runs to a release"),
        N_("Each is carried on by the other release. Recorded steps are reused where they still fit."),
    ),
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the address asks for. `found_by`: the filters of the list, when all that match are meant."""

    move: str
    ids: tuple[str, ...]
    found_by: str


@dataclass(frozen=True, slots=True)
class Line:
    run: Run
    state: State
    title: str


@dataclass(frozen=True, slots=True)
class BulkView:
    """`left_out`: runs that can't make the move as they are. `more`: there are others that match, beyond `MOST`."""

    move: str
    title: str
    text: str
    lines: tuple[Line, ...]
    left_out: int
    more: bool
    releases: tuple[str, ...]
    back: str

    @property
    def ids(self) -> str:
        return " ".join(line.run.id for line in self.lines)


@dataclass(frozen=True, slots=True)
class Done:
    run_id: str
    error: FairleadError | None


def parse(params: Sequence[tuple[str, str]]) -> Chosen:
    """Raises `InvalidInput` when no move is named, or no run."""
    given = dict(params)
    move = given.get("move", "")
    if move not in _MOVES:
        raise InvalidInput("No move was chosen.", hint="Go back and choose what to do with the runs.")
    ids = tuple(dict.fromkeys(value for name, value in params if name == "id" and value))[:MOST]
    found_by = given.get("found_by", "") if given.get("all") == "1" else ""
    if not ids and given.get("all") != "1":
        raise InvalidInput("No run is marked.", hint="Go back and mark some, or choose all that match.")
    return Chosen(move, () if given.get("all") == "1" else ids, found_by)


async def read(door: Door, chosen: Chosen, query: runs.Query) -> tuple[list[Run], bool]:
    """The runs that are meant, and whether there are more."""
    if chosen.ids:
        found = [await _or_gone(door, run_id) for run_id in chosen.ids]
        return [run for run in found if run is not None], False
    some: list[Run] = []
    before: str | None = None
    while len(some) < MOST:
        page = await door.runs(query.wanted, before=before, limit=_PAGE)
        some += page.runs
        if not page.older or not page.runs:
            return some[:MOST], len(some) > MOST or page.looked_to is not None
        before = page.runs[-1].id
    return some[:MOST], True


async def _or_gone(door: Door, run_id: str) -> Run | None:
    try:
        return await door.run(run_id)
    except NotFound:
        return None


def shape(chosen: Chosen, some: Sequence[Run], fmt: Format, *, more: bool, releases: Sequence[str]) -> BulkView:
    _ = fmt.words.gettext
    title, text = _MOVES[chosen.move]
    able = [run for run in some if chosen.move in {move.name for move in ask.moves(run, other_release=True)}]
    return BulkView(
        move=chosen.move, title=_(title), text=_(text),
        lines=tuple(Line(run, of_run(run), headline(run)) for run in able),
        left_out=len(some) - len(able), more=more,
        releases=tuple(releases) if chosen.move == "move" else (),
        back=f"{runs.PATH}?{chosen.found_by}".rstrip("?"),
    )  # fmt: skip


async def carry_out(door: Door, move: str, ids: Sequence[str], *, release: str) -> list[Done]:
    """Each by itself: one that can't be done takes no other with it."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(run_id: str) -> Done:
        async with room:
            try:
                await _one(door, move, run_id, release)
            except FairleadError as error:
                return Done(run_id, error)
            return Done(run_id, None)

    return await asyncio.gather(*map(one, ids))


async def _one(door: Door, move: str, run_id: str, release: str) -> None:
    match move:
        case "cancel":
            await door.cancel(run_id)
        case "retry":
            await door.retry(run_id)
        case _:
            await door.move(run_id, release=release)


class BulkPages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def pages(self) -> Routes:
        return [(PATH, self.ask)]

    def writes(self) -> Routes:
        return [(PATH, self.do)]

    async def ask(self, request: Request) -> Response:
        require(caller_of(request), Role.OPERATOR)
        chosen = parse(request.query_params.multi_items())
        _ensure_may(request, chosen.move)
        fmt, door = self._desk.reader(request).fmt, self._desk.door(request)
        query = runs.parse(dict(parse_qsl(chosen.found_by)), now=fmt.now)
        some, more = await read(door, chosen, query)
        workers = await door.workers() if chosen.move == "move" else ()
        releases = sorted({worker.release for worker in workers if worker.lost_at is None})
        view = shape(chosen, some, fmt, more=more, releases=releases)
        return self._desk.page(request, "pages/bulk.html", view=view, here="runs")

    async def do(self, request: Request) -> Response:
        form = await own_form(request)
        move, ids = form.get("move", ""), form.get("ids", "").split()
        if move not in _MOVES:
            raise InvalidInput("No move was chosen.")
        _ensure_may(request, move)
        if not ids or len(ids) > MOST:
            raise InvalidInput(f"Between 1 and {MOST} runs can be moved at once, not {len(ids)}.")
        if move == "move" and not form.get("release"):
            raise InvalidInput("No release was chosen.", hint="Go back and choose one.")
        done = await carry_out(self._desk.door(request), move, ids, release=form.get("release", ""))
        failed = [one for one in done if one.error is not None]
        back = form.get("back", "")
        title = self._desk.reader(request).fmt.words.gettext(_MOVES[move][0])
        back = back if back.startswith(runs.PATH) else runs.PATH
        return self._desk.page(
            request, "pages/bulk_done.html", here="runs", title=title, done=len(done) - len(failed), failed=failed,
            back=back,
        )  # fmt: skip


def _ensure_may(request: Request, move: str) -> None:
    require(caller_of(request), Role.ADMIN if move == "move" else Role.OPERATOR)
