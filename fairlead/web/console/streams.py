"""What each page's stream draws: the same parts as the page, from the same templates."""

from __future__ import annotations

from starlette.requests import Request

from fairlead.errors import NotFound
from fairlead.runs.run import Event
from fairlead.web.console import live, policy
from fairlead.web.console.desk import Desk
from fairlead.web.console.door import Delta
from fairlead.web.console.pages import run as run_page
from fairlead.web.console.pages import runs

_HEADERS = policy.HEADERS | {"Cache-Control": "no-store, no-transform"}
_RUN_PARTS = ("facts", "actions", "tabs", "attention", "waterfall", "conversation", "rest")


def of_run(desk: Desk, request: Request, selection: run_page.Selection) -> live.EventStream:
    """Everything on a run's page but the pane the reader opened."""
    known: list[Event] = []
    texts: dict[str, str] = {}

    async def draw(pending: list[Event | Delta]) -> tuple[live.Parts, bool]:
        material = await run_page.read(desk.door, selection.run_id, known=known)
        known[:] = material.events
        reader = desk.reader(request)
        for delta in pending:
            if isinstance(delta, Delta):
                texts[delta.step] = texts.get(delta.step, "")[: delta.offset] + delta.text
        view = run_page.shape(material, selection, reader.fmt, texts=texts)
        parts = {name: desk.templates.fill(f"parts/_{name}.html", reader, view=view, path="") for name in _RUN_PARTS}
        return parts, view.run.status.finished

    return _stream(desk, draw, selection.run_id)


def of_runs(desk: Desk, request: Request) -> live.EventStream:
    """Rows that are shown change in place; new ones are only counted, so nothing moves under the reader."""
    query = runs.parse(request.query_params)
    first, last = request.query_params.get("first", ""), request.query_params.get("last", "")
    newest = bool(request.query_params.get("newest"))
    fresh: set[str] = set()
    looked: list[float] = [0.0]

    async def draw(pending: list[Event | Delta]) -> tuple[live.Parts, bool]:
        reader = desk.reader(request)
        parts: dict[str, str] = {}
        for run_id in dict.fromkeys(one.run_id for one in pending if isinstance(one, Event)):
            if last <= run_id <= first:
                row = await _row(desk, run_id)
                if row is not None:
                    shaped = runs.row(row, reader.fmt)
                    parts[f"run-{run_id}"] = desk.templates.fill("parts/_row.html", reader, row=shaped)
            elif run_id > first and newest and run_id not in fresh:
                row = await _row(desk, run_id)
                if row is not None and runs.matches(query.wanted, row):
                    fresh.add(run_id)
        now = desk.clock.monotonic()
        if now - looked[0] > desk.settings.look_again.total_seconds() / 2:
            looked[0] = now
            counts = await desk.door.counts(query.wanted)
            links = runs.statuses(query, counts)
            total = sum(counts.by_status.values())
            parts["statuses"] = desk.templates.fill(
                "parts/_statuses.html", reader, query=query, statuses=links, total=total, exact=counts.exact
            )
        parts["fresh"] = desk.templates.fill("parts/_fresh.html", reader, fresh=len(fresh), address=query.address())
        return parts, False

    return _stream(desk, draw, None)


def _stream(desk: Desk, draw: live.Draw, run_id: str | None) -> live.EventStream:
    settings = desk.settings
    messages = live.fragments(
        desk.door.follow(run_id),
        draw,
        clock=desk.clock,
        every=settings.fragment_every,
        again=settings.look_again,
    )
    return live.EventStream(messages, _HEADERS)


async def _row(desk: Desk, run_id: str) -> runs.Run | None:
    try:
        return await desk.door.run(run_id)
    except NotFound:
        return None
