"""The waterfall of an open page: it shows what the page shows, and only rows that look different are drawn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fairlead.clock import SystemClock
from fairlead.runs.run import Run, Status
from fairlead.testing import MovableClock
from fairlead.web.console import live
from fairlead.web.console.assets import Assets
from fairlead.web.console.look import Pages, Reader, reader
from fairlead.web.console.pages import run as page
from fairlead.web.console.step_rows import StepRows
from fairlead.web.console.tapes import Tapes
from tests.console.gallery import Tape, gallery, make_run, run_id
from tests.console.memory_door import GalleryDoor
from tests.console.preview import gallery_app
from tests.console.visitor import Visitor

AT = datetime(2026, 11, 22, 9, 2, 11, tzinfo=UTC)
NOW = AT + timedelta(seconds=22)
TEMPLATES = Pages(Assets("/console/static"), environment_name="test")


def _reader() -> Reader:
    return reader({}, "en", now=NOW, name="ann", csrf="")


def _running(steps: int) -> tuple[Run, Tape]:
    run = make_run(1, AT, status=Status.RUNNING)
    made = Tape(run)
    for number in range(steps):
        made.tool("read", number, number + 1, {}, None, key=f"step-{number}")
    return run, made


async def _drawn(rows: StepRows, run: Run, made: Tape, **params: str) -> live.Listed:
    door = GalleryDoor(AT)
    door.put(run, made.events)
    selection = page.select(run.id, params, [])
    view = page.shape(await page.read(door, Tapes(MovableClock(AT)), run.id), selection, _reader().fmt)
    assert view.chart is not None
    return rows.draw(view, view.chart, _reader())


async def test_of_a_run_that_goes_on_the_new_row_is_sent_and_the_one_it_is_joined_to() -> None:
    run, made = _running(20)
    rows, frames = StepRows(TEMPLATES), live.Frames()
    whole = frames.changed({"waterfall": await _drawn(rows, run, made)})
    assert whole.count("<hx-partial") == 1
    assert whole.count('class="w-row') == 20
    made.tool("read", 20, 21, {}, None, key="step-20")
    told = frames.changed({"waterfall": await _drawn(rows, run, made)})
    assert told.count('class="w-row') == 2
    assert told.count('hx-swap="beforeend"') == 1
    assert 'hx-target="#steps-count"' in told
    assert 'hx-target="#waterfall"' not in told


async def test_of_more_rows_than_are_shown_the_number_of_the_others_is_told() -> None:
    run, made = _running(300)
    rows, frames = StepRows(TEMPLATES), live.Frames()
    whole = frames.changed({"waterfall": await _drawn(rows, run, made)})
    assert "200 steps not shown" in whole


async def test_a_stream_draws_the_waterfall_that_the_page_has() -> None:
    visitor = Visitor(gallery_app(gallery(AT), SystemClock()))
    for number in (1, 5):
        shown = (await visitor.get(f"/console/runs/{run_id(number)}")).text
        told = (await visitor.get(f"/console/runs/{run_id(number)}/live")).text.replace("\ndata: ", "\n")
        assert _table(shown) == _table(told)


def _table(html: str) -> list[str]:
    """Line by line, without the room between them."""
    table = html[
        html.index('<table class="waterfall"') : html.index("</table>", html.index('<table class="waterfall"'))
    ]
    return [line.strip() for line in table.splitlines() if line.strip()]
