from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from playwright.async_api import Browser, expect

from fairlead.clock import SystemClock
from fairlead.runs.run import Event
from fairlead.web.console.live import Frames, fragments, message
from tests.console.desktop import desktop
from tests.console.gallery import gallery, run_id
from tests.console.preview import gallery_app
from tests.console.visitor import Visitor

AT = datetime(2026, 11, 22, 9, 2, 11, tzinfo=UTC)
SOON = timedelta(milliseconds=1)


def test_an_element_is_sent_again_only_when_it_changed() -> None:
    frames = Frames()
    assert frames.changed({"a": "<p>1</p>", "b": "<p>2</p>"}).count("<hx-partial") == 2
    assert frames.changed({"a": "<p>1</p>", "b": "<p>3</p>"}).count("<hx-partial") == 1
    assert frames.changed({"a": "<p>1</p>"}) == ""


def test_a_message_survives_line_breaks() -> None:
    assert message("a\r\nb\nc", number=7) == b"id: 7\ndata: a\ndata: \ndata: b\ndata: c\n\n"
    assert message("", event="ended") == b"event: ended\ndata: \n\n"


async def test_a_stream_begins_with_everything_and_ends_when_the_run_has() -> None:
    door = gallery(AT)
    drawn: list[int] = []

    async def draw(pending: list[object]) -> tuple[dict[str, str], bool]:
        drawn.append(len(pending))
        return {"facts": f"<p>{len(drawn)}</p>"}, len(drawn) == 3

    stream = fragments(door.follow(None), draw, clock=SystemClock(), every=SOON, again=timedelta(seconds=20))  # type: ignore[arg-type]
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

    stream = fragments(door.follow(None), draw, clock=SystemClock(), every=SOON, again=SOON)
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
        await expect(seen.page.get_by_role("link", name="7d")).to_have_attribute("aria-current", "page")
