from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from fairlead.clock import SystemClock
from fairlead.errors import DatabaseUnavailable
from fairlead.runs.run import Event, Run, Status
from fairlead.web.console.broadcast import MOST_BEHIND, Broadcasts, whole
from fairlead.web.console.live import Frames, Listed, Parts, message
from tests.console.desktop import desktop
from tests.console.gallery import gallery, make_run, run_id
from tests.console.memory_door import GalleryDoor
from tests.console.preview import gallery_app
from tests.console.visitor import Visitor

AT = datetime(2026, 11, 22, 9, 2, 11, tzinfo=UTC)
SOON = timedelta(milliseconds=1)


def test_an_element_is_sent_again_only_when_it_changed() -> None:
    frames = Frames()
    assert frames.changed({"a": "<p>1</p>", "b": "<p>2</p>"}).count("<hx-partial") == 2
    assert frames.changed({"a": "<p>1</p>", "b": "<p>3</p>"}).count("<hx-partial") == 1
    assert frames.changed({"a": "<p>1</p>"}) == ""


def listed(rows: Mapping[str, str], *, still: int = 1, count: str = "<p>n</p>") -> Listed:
    return Listed(still, {"count": count}, rows, "rows", lambda: f"<table>{''.join(rows.values())}</table>")


def test_of_a_list_only_the_rows_that_changed_are_sent_and_new_ones_are_put_at_its_end() -> None:
    frames = Frames()
    assert "<table>ab</table>" in frames.changed({"list": listed({"r1": "a", "r2": "b"})})
    told = frames.changed({"list": listed({"r1": "a", "r2": "B", "r3": "c", "r4": "d"}, count="<p>4</p>")})
    assert told.splitlines() == [
        '<hx-partial hx-target="#count" hx-swap="outerMorph"><p>4</p></hx-partial>',
        '<hx-partial hx-target="#r2" hx-swap="outerMorph">B</hx-partial>',
        '<hx-partial hx-target="#rows" hx-swap="beforeend">cd</hx-partial>',
    ]
    assert frames.changed({"list": listed({"r1": "a", "r2": "B", "r3": "c", "r4": "d"}, count="<p>4</p>")}) == ""


def test_rows_that_go_or_come_between_others_are_taken_out_and_put_in_alone() -> None:
    frames = Frames()
    frames.changed({"list": listed({"r1": "a", "r2": "b", "r3": "c"})})
    assert frames.changed({"list": listed({"r0": "0", "r1": "a", "r4": "d", "r5": "e", "r3": "C"})}).splitlines() == [
        '<hx-partial hx-target="#r2" hx-swap="delete"></hx-partial>',
        '<hx-partial hx-target="#rows" hx-swap="afterbegin">0</hx-partial>',
        '<hx-partial hx-target="#r1" hx-swap="afterend">de</hx-partial>',
        '<hx-partial hx-target="#r3" hx-swap="outerMorph">C</hx-partial>',
    ]


@pytest.mark.parametrize(
    "then",
    [listed({"r1": "a", "r2": "b"}, still=2), listed({"r2": "b", "r1": "a"}), listed({"r3": "c"})],
    ids=["its frame", "the order of its rows", "all of its rows"],
)
def test_a_list_is_sent_as_a_whole_when_more_than_its_rows_changed(then: Listed) -> None:
    frames = Frames()
    frames.changed({"list": listed({"r1": "a", "r2": "b"})})
    assert frames.changed({"list": then}).count("<table>") == 1


def test_a_message_survives_line_breaks() -> None:
    assert message("a\r\nb\nc", number=7) == b"id: 7\ndata: a\ndata: \ndata: b\ndata: c\n\n"
    assert message("", event="ended") == b"event: ended\ndata: \n\n"


async def test_a_stream_begins_with_everything_and_ends_when_the_run_has() -> None:
    door = gallery(AT)
    drawn: list[int] = []

    async def draw(pending: list[object]) -> tuple[dict[str, str], bool]:
        drawn.append(len(pending))
        return {"facts": f"<p>{len(drawn)}</p>"}, len(drawn) == 3

    broadcasts = Broadcasts(SystemClock())
    stream = broadcasts.watch(1, door.follow(None), whole(draw), every=SOON, again=timedelta(seconds=20))  # type: ignore[arg-type]
    said = [await anext(stream)]
    for number in (1, 2):
        door.happen(door.all[run_id(2)], Event(run_id(2), 90 + number, "progress", AT))
        said.append(await anext(stream))
    said += [one async for one in stream]
    assert drawn == [0, 1, 1]
    assert b"id: 91" in said[1]
    assert said[-1].startswith(b"event: ended")


async def test_nobody_follows_any_more_when_the_reader_has_gone() -> None:
    door = gallery(AT)

    async def draw(pending: object) -> tuple[dict[str, str], bool]:
        return {}, False

    stream = Broadcasts(SystemClock()).watch(1, door.follow(None), whole(draw), every=SOON, again=SOON)
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]
    assert door.followers == 0


async def test_the_stream_of_a_finished_run_sends_the_same_parts_as_its_page() -> None:
    door = gallery(AT)
    visitor = Visitor(gallery_app(door, SystemClock()))
    page = await visitor.get(f"/console/runs/{run_id(1)}")
    answer = await asyncio.wait_for(visitor.get(f"/console/runs/{run_id(1)}/live"), 5)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "event: ended" in answer.text
    for part in ("facts", "actions", "tabs", "attention", "waterfall", "conversation", "rest"):
        assert f'hx-target="#{part}"' in answer.text
        assert f'id="{part}"' in page.text


async def test_no_part_that_is_swapped_holds_a_control_the_reader_could_be_using() -> None:
    visitor = Visitor(gallery_app(gallery(AT), SystemClock()))
    swapped = {"facts", "actions", "tabs", "attention", "waterfall", "conversation", "rest", "statuses", "fresh"}
    for path in ["/console/runs", *(f"/console/runs/{run_id(n)}" for n in (1, 2, 3, 4, 6))]:
        page = (await visitor.get(path)).page
        for tag, given, around in page.elements:
            inside = swapped & set(around) or any(name.startswith("run-") for name in around)
            mark = given.get("name") == "id"  # in a cell that is left alone: see the journey of those that are marked
            assert not (inside and tag in ("input", "select", "textarea", "form") and not mark), (path, tag, given)


class Stage:
    """Something to watch, drawn by hand."""

    def __init__(self) -> None:
        self.drawings = 0
        self.parts: dict[str, str | Listed] = {"a": "<p>0</p>"}
        self._happened: asyncio.Queue[Event] = asyncio.Queue()

    async def draw(self, pending: object) -> tuple[dict[str, str | Listed], bool]:
        self.drawings += 1
        return dict(self.parts), False

    async def happenings(self) -> AsyncIterator[Event]:
        while True:
            yield await self._happened.get()

    def show(self, **parts: str) -> None:
        self.parts |= parts
        self._happened.put_nowait(Event("r", 1, "step", AT))


def watch(broadcasts: Broadcasts, stage: Stage, key: str = "page") -> AsyncIterator[bytes]:
    return broadcasts.watch(key, stage.happenings(), whole(stage.draw), every=SOON, again=timedelta(seconds=20))  # type: ignore[arg-type]


async def test_all_who_look_at_the_same_are_sent_what_one_drawing_made() -> None:
    broadcasts, stage = Broadcasts(SystemClock()), Stage()
    consoles = [watch(broadcasts, stage) for _ in range(5)]
    first = await asyncio.gather(*(anext(one) for one in consoles))
    drawn = stage.drawings
    stage.show(a="<p>1</p>")
    then = await asyncio.gather(*(anext(one) for one in consoles))
    assert [one.count(b"<p>0</p>") for one in first] == [1] * 5
    assert [one.count(b"<p>1</p>") for one in then] == [1] * 5
    assert stage.drawings == drawn + 1
    assert drawn <= 2  # whoever came while the first drawing was made had it drawn once more
    for one in consoles:
        await one.aclose()  # type: ignore[attr-defined]


async def test_who_comes_later_is_sent_all_of_it_and_the_others_only_what_changed() -> None:
    broadcasts, stage = Broadcasts(SystemClock()), Stage()
    stage.parts["b"] = "<p>b</p>"
    early = watch(broadcasts, stage)
    await anext(early)
    stage.show(a="<p>1</p>")
    assert b"<p>b</p>" not in await anext(early)
    late = watch(broadcasts, stage)
    everything = await anext(late)
    assert b"<p>1</p>" in everything
    assert b"<p>b</p>" in everything
    for one in (early, late):
        await one.aclose()  # type: ignore[attr-defined]


async def test_who_knows_it_is_sent_what_changed_and_something_where_nothing_has() -> None:
    broadcasts, stage = Broadcasts(SystemClock()), Stage()
    stage.parts = {"a": "<p>a</p>", "b": "<p>b</p>"}

    async def first(known: Parts | None) -> list[str]:
        stream = broadcasts.watch(
            "page", stage.happenings(), whole(stage.draw), every=SOON, again=SOON, known=known  # type: ignore[arg-type]
        )  # fmt: skip
        said = (await anext(stream)).decode()
        await stream.aclose()  # type: ignore[attr-defined]
        return re.findall(r"<p>(\w)</p>", said)

    assert await first(None) == ["a", "b"]
    assert await first({"a": "<p>a</p>", "b": "<p>before</p>"}) == ["b"]
    assert await first(dict(stage.parts)) == ["a"]


async def test_what_looks_different_to_two_readers_is_drawn_for_each() -> None:
    broadcasts, one, other = Broadcasts(SystemClock()), Stage(), Stage()
    other.parts["a"] = "<p>anderes</p>"
    english, german = watch(broadcasts, one, "en"), watch(broadcasts, other, "de")
    assert b"anderes" not in await anext(english)
    assert b"anderes" in await anext(german)
    for stream in (english, german):
        await stream.aclose()  # type: ignore[attr-defined]


async def test_of_several_cuts_each_is_sent_its_own_from_one_drawing() -> None:
    broadcasts, asked = Broadcasts(SystemClock()), list[list[Hashable]]()
    stage = Stage()

    async def draw(pending: object, cuts: Collection[Hashable]) -> tuple[Mapping[Hashable, Parts], bool]:
        asked.append(sorted(map(str, cuts)))
        return {cut: {"a": f"<p>{cut} {stage.parts['a']}</p>"} for cut in cuts}, False

    def watched(cut: str) -> AsyncIterator[bytes]:
        return broadcasts.watch(1, stage.happenings(), draw, every=SOON, again=timedelta(seconds=20), cut=cut)

    one, other = watched("one"), watched("other")
    first = await asyncio.gather(anext(one), anext(other))
    assert [b"one" in first[0], b"one" in first[1]] == [True, False]
    drawn = len(asked)
    stage.show(a="changed")
    then = await asyncio.gather(anext(one), anext(other))
    assert all(b"changed" in told for told in then)
    assert asked[drawn:] == [["one", "other"]]
    await one.aclose()  # type: ignore[attr-defined]
    stage.show(a="again")
    assert b"again" in await anext(other)
    assert asked[-1] == ["other"]
    await other.aclose()  # type: ignore[attr-defined]


async def test_a_reader_who_is_slow_is_sent_everything_and_not_all_that_lay_between() -> None:
    broadcasts, stage = Broadcasts(SystemClock()), Stage()
    quick, slow = watch(broadcasts, stage), watch(broadcasts, stage)
    await asyncio.gather(anext(quick), anext(slow))
    for number in range(3 * MOST_BEHIND):
        stage.show(a=f"<p>{number}</p>", b="<p>b</p>")
        await anext(quick)
    last = f"<p>{3 * MOST_BEHIND - 1}</p>".encode()
    missed = [await anext(slow)]
    while last not in missed[-1]:
        missed.append(await anext(slow))
    assert len(missed) <= MOST_BEHIND
    assert any(b"<p>b</p>" in one for one in missed)
    for one in (quick, slow):
        await one.aclose()  # type: ignore[attr-defined]


async def test_a_drawing_that_fails_ends_the_stream_of_all_and_the_next_to_come_has_it_tried_again() -> None:
    broadcasts, stage = Broadcasts(SystemClock()), Stage()

    async def broken(pending: object) -> tuple[dict[str, str], bool]:
        raise DatabaseUnavailable("away")

    failing = [
        broadcasts.watch("page", stage.happenings(), whole(broken), every=SOON, again=SOON)  # type: ignore[arg-type]
        for _ in range(2)
    ]
    assert [[one async for one in stream] for stream in failing] == [[], []]
    stream = watch(broadcasts, stage)
    assert b"<p>0</p>" in await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]


class Asked(GalleryDoor):
    """It counts how often it was asked for runs by their names."""

    def __init__(self, now: datetime) -> None:
        super().__init__(now)
        self.times = 0

    async def named(self, run_ids: Collection[str]) -> Sequence[Run]:
        self.times += bool(run_ids)
        return await super().named(run_ids)


@asynccontextmanager
async def followed(app: Any, path: str) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """What answers the next message that says something."""
    said: asyncio.Queue[bytes] = asyncio.Queue()
    away = asyncio.Event()

    async def send(message: Any) -> None:
        if b"data:" in message.get("body", b""):
            said.put_nowait(message["body"])

    async def receive() -> Any:
        await away.wait()
        return {"type": "http.disconnect"}

    async def hear() -> str:
        return (await asyncio.wait_for(said.get(), 10)).decode()

    raw, _, query = path.partition("?")
    scope: Any = {
        "type": "http",
        "method": "GET",
        "path": raw,
        "query_string": query.encode(),
        "headers": [],
        "state": {},
    }
    answering = asyncio.create_task(app(scope, receive, send))
    yield hear
    away.set()
    await answering


@pytest.mark.parametrize("happens", [True, False])
async def test_the_stream_of_a_run_begins_with_what_its_page_has_not_shown(happens: bool) -> None:
    door = gallery(AT)
    app, run = gallery_app(door, SystemClock()), run_id(2)
    page = await Visitor(app).get(f"/console/runs/{run}")
    (address,) = [given["hx-sse:connect"] or "" for given in page.page.all("span") if given.get("id") == "stream"]
    if happens:
        told = door.tapes[run]
        step = Event(run, told[-1].seq + 1, "step", AT, "tool", "look", "k-new", started_at=AT, fence=1, data={})
        door.happen(door.all[run], step)
    async with followed(app, address) as hear:
        first = _targets(await hear())
    async with followed(app, address) as hear:
        again = _targets(await hear())
    assert first.isdisjoint({"waterfall", "conversation", "rest", "actions"})
    assert ("tab-tools" in first) is happens
    assert {"facts", "waterfall", "conversation", "rest", "actions"} <= again  # by then there is more before its reader


def _targets(message: str) -> set[str]:
    return set(re.findall(r'<hx-partial hx-target="#([^"]+)"', message))


async def test_lists_opened_at_different_moments_are_looked_up_once_and_each_is_sent_its_own_rows() -> None:
    door = Asked(AT)
    for number in range(1, 7):
        door.put(make_run(number, AT, status=Status.RUNNING))
    app = gallery_app(door, SystemClock(), look_again=timedelta(minutes=1))
    early = f"/console/live?first={run_id(4)}&last={run_id(1)}&newest=1"
    late = f"/console/live?first={run_id(6)}&last={run_id(3)}&newest=1"
    async with followed(app, early) as of_early, followed(app, late) as of_late:
        first, second = await of_early(), await of_late()
        assert "2 new runs" in first
        assert "new run" not in second
        assert [_runs(one) for one in (first, second)] == [[4, 3, 2, 1], [6, 5, 4, 3]]
        for changed in (3, 4):
            asked = door.times
            door.happen(make_run(changed, AT, status=Status.ERROR), Event(run_id(changed), 1, "finished", AT))
            assert [_runs(await hear()) for hear in (of_early, of_late)] == [[changed], [changed]]
            assert door.times == asked + 1
        door.happen(make_run(5, AT, status=Status.ERROR), Event(run_id(5), 1, "finished", AT))
        assert _runs(await of_late()) == [5]
        door.happen(make_run(2, AT, status=Status.ERROR), Event(run_id(2), 1, "finished", AT))
        assert _runs(await of_early()) == [2]
        door.happen(make_run(7, AT), Event(run_id(7), 1, "accepted", AT))
        assert "3 new runs" in await of_early()
        assert "1 new run" in await of_late()


def _runs(message: str) -> list[int]:
    ids = {run_id(number): number for number in range(1, 10)}
    return [ids[one] for one in re.findall(r'<tr id="run-([^"]+)"', message)]


async def test_service_levels_change_before_the_reader(browser: Browser) -> None:
    door = gallery(datetime.now(UTC))
    app = gallery_app(door, SystemClock(), look_again=timedelta(milliseconds=200))
    assert (await Visitor(app).get("/console/service-levels/live?window=soon")).status == 422
    async with desktop(browser, app) as seen:
        await seen.go("/console/service-levels?window=7d")
        await expect(seen.page.locator("#live-mark")).to_have_attribute("data-state", "live")
        await expect(seen.page.locator("#levels")).to_contain_text("61 of 50,000 failed")
        door.failed_requests = 777
        await expect(seen.page.locator("#levels")).to_contain_text("777 of 50,000 failed")
        await expect(seen.page.get_by_role("link", name="7 d")).to_have_attribute("aria-current", "page")
