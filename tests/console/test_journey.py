"""A reader at work in a real Chromium: watch a run, find what failed, approve, stop a run, all without a mouse too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest_asyncio
import uvicorn
from playwright.async_api import Browser, Page, Route, expect

from fairlead.clock import SystemClock
from fairlead.runs.run import Event, Reason, Status
from tests.console.gallery import gallery, make_run, run_id
from tests.console.memory_door import GalleryDoor
from tests.console.preview import gallery_app


@dataclass
class Desktop:
    page: Page
    door: GalleryDoor
    address: str
    complaints: list[str] = field(default_factory=list[str])

    async def go(self, path: str) -> None:
        await self.page.goto(self.address + path)


@asynccontextmanager
async def serve(door: GalleryDoor) -> AsyncIterator[str]:
    app = gallery_app(door, SystemClock(), look_again=timedelta(seconds=1))
    config = uvicorn.Config(app, port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    server.force_exit = True
    await serving


@pytest_asyncio.fixture(loop_scope="session")
async def desktop(browser: Browser) -> AsyncIterator[Desktop]:
    door = gallery(SystemClock().now())
    async with serve(door) as address:
        context = await browser.new_context(viewport={"width": 1280, "height": 900}, timezone_id="Asia/Tokyo")
        page = await context.new_page()
        one = Desktop(page, door, address)
        page.on("console", lambda said: one.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: one.complaints.append(str(error)))
        yield one
        await context.close()
    assert one.complaints == []


async def test_a_reader_finds_what_failed_and_has_it_tried_again(desktop: Desktop) -> None:
    page = desktop.page
    await desktop.go("/console/runs?status=error")
    await page.locator(f"#run-{run_id(4)} .row-link").click()
    await page.get_by_role("link", name="Show the step").click()
    await expect(page.locator("#pane h2")).to_contain_text("export_ledger")
    await expect(page.locator(".w-row.selected")).to_contain_text("export_ledger")
    await page.keyboard.press("Escape")
    await expect(page.locator("#values")).to_be_visible()
    await page.get_by_role("link", name="Retry").click()
    await page.get_by_role("button", name="Retry this run").click()
    await expect(page.locator("#facts")).to_contain_text("pending")
    assert desktop.door.moves == [("retry", run_id(4))]


async def test_a_run_is_forked_from_the_step_that_is_looked_at(desktop: Desktop) -> None:
    page = desktop.page
    await desktop.go(f"/console/runs/{run_id(4)}")
    await page.get_by_role("link", name="Show the step").click()
    await expect(page.locator("#pane h2")).to_contain_text("export_ledger")
    await page.get_by_role("link", name="Fork from here").click()
    await page.get_by_label("Input, as JSON").fill("{not json")
    await page.get_by_role("button", name="Fork the run").click()
    await expect(page.get_by_role("alert")).to_contain_text("no JSON")
    await expect(page.get_by_label("Input, as JSON")).to_have_value("{not json")
    await page.get_by_label("Input, as JSON").fill('{"month": 7}')
    desktop.complaints.clear()  # of the 422
    await page.get_by_role("button", name="Fork the run").click()
    await expect(page.locator("#pane .close")).to_have_count(0)
    assert [one.input for one in desktop.door.forkings] == [({"month": 7},)]
    [(move, forked)] = desktop.door.moves
    assert (move, forked) == ("fork main:call_2", run_id(4))


async def test_a_reader_says_what_he_thinks_of_a_run(desktop: Desktop) -> None:
    page = desktop.page
    await desktop.go(f"/console/runs/{run_id(1)}")
    await expect(page.locator("#scores")).to_contain_text("Nobody has said yet")
    await page.get_by_label("Comment").fill("Found the parcel <b>at once</b>")
    await page.get_by_role("button", name="Good").click()
    await expect(page.locator("#scores")).to_contain_text("Found the parcel <b>at once</b>")
    assert [(one.name, one.value) for one in desktop.door.scored] == [("rating", True)]


async def test_a_run_is_watched_while_it_works_and_then_stopped(desktop: Desktop) -> None:
    page, door = desktop.page, desktop.door
    await desktop.go(f"/console/runs/{run_id(2)}")
    await expect(page.locator("#live-mark")).to_have_attribute("data-state", "live")
    door.talk(run_id(2), "main:decide", "The carrier last scanned")
    await expect(page.locator("#streaming")).to_have_text("The carrier last scanned")
    await page.locator("summary").click()
    at = door.now + timedelta(seconds=1)
    event = Event(run_id(2), 99, "step", at, kind="tool", name="look_again", key="x", started_at=at, data={"result": 1})
    door.happen(replace(door.all[run_id(2)], cost_nano=77_700_000), event)
    await expect(page.locator("#waterfall")).to_contain_text("look_again")
    await expect(page.locator("#facts")).to_contain_text("$0.0777")
    await expect(page.locator("details")).to_have_attribute("open", "")
    await page.get_by_role("link", name="Cancel run").click()
    await expect(page.get_by_role("dialog")).to_contain_text("Refund for order 48213")
    assert door.moves == []
    await page.get_by_role("button", name="Cancel this run").click()
    await expect(page.locator("#facts")).to_contain_text("cancelled")
    assert door.moves == [("cancel", run_id(2))]


async def test_a_page_is_live_however_late_its_scripts_come(desktop: Desktop) -> None:
    async def late(route: Route) -> None:
        await asyncio.sleep(0.5)
        await route.continue_()

    await desktop.page.route("**/hx-sse-*", late)
    await desktop.go("/console/runs")
    await expect(desktop.page.locator("#live-mark")).to_have_attribute("data-state", "live")


async def test_a_person_approves_from_the_inbox(desktop: Desktop) -> None:
    page = desktop.page
    await desktop.go("/console/approvals")
    await page.get_by_role("link", name="Approve…").click()
    await page.get_by_label("Comment").fill("No scan for nine days.")
    await page.get_by_role("button", name="Approve", exact=True).click()
    await expect(page.locator("#facts")).to_contain_text("pending")
    assert desktop.door.moves == [("answer", "ap-3", "True", "No scan for nine days.")]


async def test_new_runs_are_counted_and_never_pushed_under_the_reader(desktop: Desktop) -> None:
    page, door = desktop.page, desktop.door
    await desktop.go("/console/runs")
    await expect(page.locator("#live-mark")).to_have_attribute("data-state", "live")
    await page.locator("#search").fill("half a wo")
    first = await page.locator("tbody tr").first.get_attribute("id")
    fresh = make_run(300, door.now, status=Status.PENDING)
    door.happen(fresh, Event(fresh.id, 1, "accepted", door.now))
    await expect(page.locator("#fresh")).to_have_text("1 new run · show")
    changed = replace(door.all[run_id(74)], status=Status.INTERRUPTED, reason=Reason.CANCELLED)
    door.happen(changed, Event(changed.id, 9, "interrupted", door.now))
    await expect(page.locator(f"#run-{run_id(74)}")).to_contain_text("cancelled")
    assert await page.locator("tbody tr").first.get_attribute("id") == first
    await expect(page.locator("#search")).to_have_value("half a wo")
    await expect(page.locator("#search")).to_be_focused()
    await page.locator("#fresh a").click()
    await expect(page.locator("tbody tr").first).to_have_attribute("id", f"run-{fresh.id}")


async def test_a_door_that_tells_nothing_is_looked_through_again(desktop: Desktop) -> None:
    page, door = desktop.page, desktop.door
    await desktop.go("/console/runs?status=pending")
    await expect(page.locator("#live-mark")).to_have_attribute("data-state", "live")
    waiting = next(run for run in door.all.values() if run.status is Status.PENDING)
    await expect(page.locator(f"#run-{waiting.id}")).to_be_visible()
    door.put(replace(waiting, status=Status.SUCCESS, reason=None, finished_at=door.now))
    door.put(make_run(300, door.now, status=Status.PENDING))
    await expect(page.locator(f"#run-{waiting.id}")).to_contain_text("success")
    await expect(page.locator("#fresh")).to_have_text("1 new run · show")


async def test_everything_can_be_done_by_keyboard(desktop: Desktop) -> None:
    page = desktop.page
    await desktop.go("/console/runs")
    await expect(page.locator("#live-mark")).to_have_attribute("data-state", "live")
    await page.keyboard.press("?")
    await expect(page.locator("#help")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#help")).to_be_hidden()
    await page.keyboard.press(".")
    await expect(page.locator("#live-mark")).to_have_text("Paused")
    await page.keyboard.press(".")
    await expect(page.locator("#live-mark")).to_have_attribute("data-state", "live")
    await page.keyboard.press("t")
    assert await page.locator("html").get_attribute("data-theme") == "dark"
    await page.keyboard.press("/")
    await page.keyboard.type("48213")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**q=48213*")
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/console/runs/0193*")
    assert await page.locator("html").get_attribute("data-theme") == "dark"
    await page.keyboard.press("j")
    await page.keyboard.press("o")
    await expect(page.locator("#pane .close")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#pane .close")).to_be_hidden()
    await page.keyboard.press("g")
    await page.keyboard.press("w")
    await page.wait_for_url("**/console/workers")


async def test_no_page_scrolls_sideways_at_any_width(desktop: Desktop) -> None:
    page = desktop.page
    addresses = ["/console/runs", "/console/approvals", "/console/workers", "/console/service-levels"]
    addresses += [f"/console/runs/{run_id(n)}" for n in (1, 3, 4)]
    addresses += [f"/console/runs/{run_id(6)}?tab={tab}" for tab in ("overview", "events", "model", "tools", "logs")]
    for address in addresses:
        await desktop.go(address)
        for width in (390, 768, 1280, 2560):
            await page.set_viewport_size({"width": width, "height": 900})
            over = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert over <= 0, (address, width, over)


async def test_the_chosen_tab_is_in_sight_on_a_narrow_screen(desktop: Desktop) -> None:
    await desktop.page.set_viewport_size({"width": 390, "height": 900})
    for tab in ("overview", "json"):
        await desktop.go(f"/console/runs/{run_id(6)}?tab={tab}")
        await expect(desktop.page.locator(".tabs [aria-current]")).to_be_in_viewport(ratio=0.9)
