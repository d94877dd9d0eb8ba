"""Somebody watches a canary in a real Chromium and halts it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from fairlead.clock import SystemClock
from fairlead.ship.strategy import Word
from tests.console.deploys import GOOD, NEW, Yard, stage
from tests.console.memory_door import GalleryDoor
from tests.console.test_journey import serve


@pytest_asyncio.fixture(loop_scope="session")
async def yard(tmp_path: Path) -> AsyncIterator[Yard]:
    opened = await stage(tmp_path / "deploys.db", SystemClock().now())
    yield opened
    await opened.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, yard: Yard) -> AsyncIterator[Page]:
    door = GalleryDoor(SystemClock().now())
    door.ledger = yard.ledger
    complaints: list[str] = []
    async with serve(door) as address:
        context = await browser.new_context(
            base_url=address, viewport={"width": 1280, "height": 900}, timezone_id="UTC"
        )
        opened = await context.new_page()
        opened.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        yield opened
        await context.close()
    assert complaints == []


async def test_a_canary_is_watched_while_it_goes_on_and_then_halted(page: Page, yard: Yard) -> None:
    await page.goto("/console/runs")
    await page.keyboard.press("g")
    await page.keyboard.press("p")
    await page.get_by_role("link", name=NEW).click()
    await expect(page.locator("#live-mark")).to_have_attribute("data-state", "live")
    await expect(page.locator("#deploy-course [aria-current=step]")).to_contain_text(f"Watch {NEW}")
    watch = page.locator("#deploy-watched section").first
    await expect(watch.locator("svg[role=img]")).to_have_count(3)
    for build in (NEW, GOOD):
        assert f"{build}: highest" in (await watch.locator("svg[role=img]").first.get_attribute("aria-label") or "")

    await watch.get_by_text("As a table").click()
    rows = watch.locator(".looks-table tbody tr")
    before, deploy = await rows.count(), (await yard.ledger.history())[0]
    known = len(await yard.ledger.seen(deploy))
    while len(await yard.ledger.seen(deploy)) < known + 1:
        await yard.go_on(until=iter((False,) * 5 + (True,)).__next__)
    await expect(rows).to_have_count(before + len(await yard.ledger.seen(deploy)) - known)
    await expect(watch.locator("details")).to_have_attribute("open", "")

    await page.get_by_role("link", name="Halt…").click()
    await expect(page.get_by_role("dialog")).to_contain_text(f"Halt the deploy of {NEW}?")
    assert (await yard.ledger.get(deploy.id)).word is None
    await page.get_by_role("button", name="Halt", exact=True).click()
    await expect(page.locator("#deploy-notice")).to_contain_text("local has halted the deploy")
    await expect(page.locator("#deploy-words a")).to_have_count(0)
    assert (await yard.ledger.get(deploy.id)).word is Word.HALT
    await yard.go_on(until=yard.tasks[-1].done)
    await expect(page.locator("#deploy-notice")).to_contain_text("Frozen")
    await expect(page.locator("#live-mark")).to_have_text("Ended")


async def test_no_page_of_deploys_scrolls_sideways(page: Page, yard: Yard) -> None:
    for path in ("", *(f"/{one.id}" for one in await yard.ledger.history())):
        await page.goto(f"/console/deploys{path}")
        for width in (390, 768, 1280, 2560):
            await page.set_viewport_size({"width": width, "height": 900})
            over = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert over <= 0, (path, width, over)
