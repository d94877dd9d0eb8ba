"""What people come to the console for, from the first page to the last, each by keyboard alone, in a real Chromium."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, expect

from fairlead import Context, tool
from fairlead.clock import SystemClock
from fairlead.runs.run import Status
from fairlead.ship.rehearsal import Behaviour
from fairlead.ship.strategy import Outcome
from fairlead.ship.terms import Strategy, Terms
from fairlead.ship.verdict import Verdict
from tests.api.serving import listening, make_console, serving
from tests.console import office
from tests.console.deploys import BAD, GOOD, open_yard
from tests.console.desktop import desktop, house
from tests.console.evaluating import Desk, evaluated, project
from tests.console.keyboard import Keyboard
from tests.console.test_costs import echo, spend, week


@dataclass(slots=True)
class Seat:
    page: Page
    keys: Keyboard

    def link(self, name: str) -> Any:
        return self.page.get_by_role("link", name=name, exact=True)

    def button(self, name: str) -> Any:
        return self.page.get_by_role("button", name=name, exact=True)


@asynccontextmanager
async def seated(browser: Browser, app: Any, *, width: int = 1280) -> AsyncIterator[Seat]:
    async with desktop(browser, app, width=width) as desk:
        await desk.go("/console")
        yield Seat(desk.page, Keyboard(desk.page))


async def test_why_a_run_failed_is_found_and_it_goes_on(browser: Browser) -> None:
    broken = True

    async def export(month: str) -> str:
        if broken:
            raise PermissionError(f"/var/ledger/{month}.csv")
        return "exported"

    async def claims(input: Any, ctx: Context) -> Any:
        await ctx.step("read_claims", lambda: 120)
        return await ctx.step("export_ledger", export, input["month"])

    async with house({"claims": claims, "echo": echo}) as at, seated(browser, at.app) as seat:
        failed = await at.running.run("claims", {"month": "2026-11"})
        await at.running.run("echo", 1)
        page, keys = seat.page, seat.keys
        await keys.press("g", "r")
        await page.wait_for_url("**/console/runs")
        await keys.press("/")
        await page.keyboard.type("status:error agent:claims")
        await keys.press("Enter")
        await page.wait_for_url("**q=status*")
        await keys.press("j", "Enter")
        await expect(page.get_by_role("alert").or_(page.locator(".notice.err"))).to_contain_text("/var/ledger/2026-11")
        await keys.push(seat.link("Show the step"))
        await expect(page.locator("#pane h2")).to_contain_text("export_ledger")
        await keys.press("Escape")
        await expect(page.locator("#pane .close")).to_be_hidden()
        broken = False
        await keys.push(seat.link("Retry"))
        await keys.push(seat.button("Retry this run"))
        await expect(page.locator("#facts")).to_contain_text("success")
        assert (await at.engine.control.get(failed.id)).status is Status.SUCCESS


async def test_a_runaway_agent_is_stopped(browser: Browser) -> None:
    async def runaway(input: Any, ctx: Context) -> Any:
        for _ in range(10_000):
            await ctx.model([{"role": "user", "content": "again"}], model="simulated/x")

    async with house({"runaway": runaway}) as at, seated(browser, at.app) as seat:
        run = await at.running.submit("runaway")
        await at.running.until(run.id, "step", kind="model", times=3)
        page, keys = seat.page, seat.keys
        await keys.press("g", "b")
        await keys.push(seat.link("Stop calls…"))
        await keys.write(page.get_by_label("Name"), "runaway")
        await keys.push(seat.button("Go on…"))
        await keys.write(page.get_by_label("Comment"), "asks for ever")
        await keys.push(seat.button("Stop the calls"))
        await expect(page.locator("#stops")).to_contain_text("Model calls of runaway are stopped")
        assert (await at.running.ended(run.id)).status is Status.ERROR


async def test_a_person_approves_and_the_run_goes_on(browser: Browser) -> None:
    async def payout(input: Any, ctx: Context) -> Any:
        decided = await ctx.approve("Refund $64.90 for order 48213?")
        return f"{decided.approved}: {decided.comment}"

    async with house({"payout": payout}) as at, seated(browser, at.app) as seat:
        run = await at.running.submit("payout")
        await at.running.until(run.id, "parked")
        page, keys = seat.page, seat.keys
        await keys.press("g", "a")
        await keys.push(seat.link("Approve…"))
        await keys.write(page.get_by_label("Comment"), "No scan for nine days.")
        await keys.push(seat.button("Approve"))
        await expect(page.locator("#facts")).to_contain_text("success")
        assert (await at.engine.control.get(run.id)).output == "True: No scan for nine days."


async def test_two_prompts_are_compared(browser: Browser) -> None:
    async with house(office.AGENTS, providers=office.PROVIDERS) as at, seated(browser, at.app) as seat:
        page, keys = seat.page, seat.keys
        await keys.press("g", "y")
        await keys.reach(page.get_by_label("Who answers"))
        await page.keyboard.type("writer")
        await keys.push(seat.button("Show"))
        await keys.push(seat.link("Compare two"))
        await keys.write(page.get_by_label("Message"), "Where is my parcel?")
        await keys.write(page.get_by_label("Instructions").nth(1), office.SHORT)
        await keys.push(seat.button("Run both"))
        await expect(page.locator(".result").nth(0)).to_contain_text("once it is there.")
        await expect(page.locator(".result").nth(1)).to_contain_text("Your parcel arrives tomorrow.")
        await expect(page.locator(".compared ins, .compared del").first).to_be_visible()


async def test_a_canary_is_watched_until_it_is_rolled_back(browser: Browser, tmp_path: Path) -> None:
    async with house({"echo": echo}) as at:
        yard = await open_yard(tmp_path / "deploys.db", at=SystemClock().now())
        await yard.ship(GOOD, Terms(strategy=Strategy.ROLLING, instances=2, bake=60.0))
        deploy = await yard.watching(BAD, looks=1)
        async with seated(browser, make_console(replace(at.engine, ledger=yard.ledger))) as seat:
            page, keys = seat.page, seat.keys
            await keys.press("g", "p")
            await page.wait_for_url("**/console/deploys")
            await keys.press("j", "Enter")
            await page.wait_for_url(f"**/console/deploys/{deploy.id}")
            await expect(page.locator("#live-mark")).to_have_attribute("data-state", "live")
            await expect(page.locator("#deploy-course [aria-current=step]")).to_contain_text(f"Watch {BAD}")
            yard.target.behaviour[BAD] = Behaviour(error_rate=0.3)
            await yard.go_on(until=yard.tasks[-1].done)
            assert (await yard.ledger.get(deploy.id)).outcome is Outcome.ROLLED_BACK
            await expect(page.locator("#deploy-notice")).to_contain_text("olled back")
            await expect(page.locator("#live-mark")).to_have_text("Ended")
            errors = page.locator(".checks tr[data-failed]").first
            await expect(errors).to_contain_text(re.compile(r"\d% of \d+.*fail", re.DOTALL))
            await keys.reach(page.locator("#deploy-watched summary").first)
            await keys.press("Enter")
            await expect(page.locator(".looks-table").first).to_be_visible()
        await yard.close()


async def test_the_dearest_user_of_the_week_is_found(browser: Browser) -> None:
    async with house({"desk": echo}) as at, seated(browser, at.app) as seat:
        await spend(at.engine, *week(at))
        page, keys = seat.page, seat.keys
        await keys.press("g", "c")
        await keys.push(seat.link("7 days"))
        await keys.push(seat.link("User"))
        await expect(page.locator(".costs tbody tr").first).to_contain_text("bob")
        await keys.press("j", "o")
        await expect(page.locator("h1")).to_have_text("bob")


async def test_a_failed_run_becomes_a_case_of_the_next_evaluation(browser: Browser, tmp_path: Path) -> None:
    folder = project(tmp_path)
    async with serving({"desk": Desk()}, console=True) as api, listening(api.app) as address:
        await api.running.run("desk", {"text": "late parcel"})
        await evaluated(api.running.engine, address, folder, release="v1", trials=10)
        async with seated(browser, api.app) as seat:
            page, keys = seat.page, seat.keys
            await keys.press("g", "r")
            await page.wait_for_url("**/console/runs")
            await keys.press("e", "Enter")
            await keys.push(seat.link("Make it a case…"))
            await keys.write(page.get_by_label("Name of the case"), "late-parcel")
            await keys.write(page.get_by_label("Expected output"), "sorry about the late parcel")
            await keys.push(seat.button("Keep the case"))
            await expect(seat.link("late-parcel")).to_be_visible()
            second = await evaluated(api.running.engine, address, folder, release="v2", trials=10)
            assert second.verdict is Verdict.FAIL
            await keys.press("g", "e")
            await page.wait_for_url("**/console/evaluations")
            await keys.press("e", "Enter")
            await page.wait_for_url(f"**/console/evaluations/{second.id}")
            await expect(page.locator(".cases tbody tr").first).to_contain_text("late-parcel")


async def test_somebody_says_what_became_of_an_effect_that_a_dead_worker_left(browser: Browser) -> None:
    begun, paid = asyncio.Event(), list[int]()

    @tool
    async def pay(amount: int) -> str:
        """Pay."""
        paid.append(amount)
        begun.set()
        if len(paid) == 1:
            await asyncio.Event().wait()
        return "paid"

    async def payout(input: Any, ctx: Context) -> Any:
        return await ctx.use_tool(pay, {"amount": 5})

    async with house({"payout": payout}) as at, seated(browser, at.app) as seat:
        run = await at.running.submit("payout")
        await begun.wait()
        await at.running.crash(at.running.workers[0])
        await at.running.start_worker()
        page, keys = seat.page, seat.keys
        await keys.press("g", "r")
        await page.wait_for_url("**/console/runs")
        await expect(page.locator(f"#run-{run.id}")).to_contain_text("outcome unknown")
        await keys.press("j", "Enter")
        await expect(page.get_by_role("heading", name="Outcome unknown")).to_be_visible()
        await keys.push(seat.link("Resume"))
        await expect(page.get_by_role("dialog")).to_contain_text("What happened?")
        await keys.reach(page.get_by_role("radio").first)
        await keys.press("ArrowDown", "ArrowUp", "ArrowUp")
        await expect(page.get_by_role("radio").last).to_be_checked()
        await keys.push(seat.button("Resume this run"))
        await expect(page.locator("#facts")).to_contain_text("success")
        assert (paid, (await at.engine.control.get(run.id)).output) == ([5, 5], "paid")
