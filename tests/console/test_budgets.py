"""Budgets and the kill switch, on a real engine: what is shown, what is set, what is stopped and who may."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser, expect

from fairlead.access import Allowance, Role, Wanted
from fairlead.access.key import NewKey
from fairlead.errors import InvalidInput
from fairlead.gateway import Caller
from fairlead.gateway.allowance import ANY, Period
from fairlead.gateway.budgets import BudgetState
from fairlead.gateway.switch import Stop
from fairlead.runs.run import Status
from fairlead.web.console.format import Format
from fairlead.web.console.money import parse_usd
from fairlead.web.console.pages import budgets as page
from fairlead.web.console.scopes import named
from tests.api.serving import serving
from tests.console.desktop import House, desktop, house
from tests.console.test_costs import DOLLAR, HOSTILE, NOW, echo

ROOT = "root-key-of-a-test"


def budget(
    scope: str = "agent:triage", limit: int | None = 10, spent: int = 0, held: int = 0, **more: Any
) -> BudgetState:
    nano = None if limit is None else limit * DOLLAR
    return BudgetState("default", scope, Period.DAY, nano, spent * DOLLAR, held * DOLLAR, "settings", **more)


def view(*states: BudgetState, stops: tuple[Stop, ...] = (), text: str = "", may: bool = True) -> page.BudgetsView:
    return page.shape(text, (states, stops, {"key_1": "batch"}), Format(NOW), may=may)


@pytest.mark.parametrize(
    ("limit", "spent", "word"),
    [(10, 4, "within"), (10, 5, "half spent"), (10, 8, "nearly spent"), (10, 10, "spent"), (10, 12, "spent"),
     (0, 0, "spent"), (None, 3, "no limit")],
)  # fmt: skip
def test_a_budget_says_how_full_it_is(limit: int | None, spent: int, word: str) -> None:
    [row] = view(budget(limit=limit, spent=spent)).rows
    assert row.state.word == word


def test_what_is_held_stands_behind_what_is_spent_and_within_the_meter() -> None:
    [row] = view(budget(spent=7, held=2)).rows
    assert (row.width, row.held, row.share, row.left, row.over) == (70.0, 20.0, "70%", "$1.00", False)
    [row] = view(budget(spent=9, held=4)).rows
    assert (row.width, row.held, row.left, row.over) == (90.0, 10.0, "$0.0000", True)


def test_the_stopped_and_the_fullest_come_first() -> None:
    stop = Stop("default", "user:bob", "", "local", NOW)
    states = (budget("all", spent=1), budget("agent:a", spent=9), budget("user:bob"))
    assert [row.budget.scope for row in view(*states, stops=(stop,)).rows] == ["user:bob", "agent:a", "all"]
    assert [row.state.word for row in view(*states, stops=(Stop(ANY, "all", "", "x", NOW),)).rows] == ["stopped"] * 3
    assert [row.budget.scope for row in view(*states, text="BOB").rows] == ["user:bob"]
    many = view(*(budget(f"user:{n}") for n in range(page.MOST + 3)))
    assert (len(many.rows), many.left_out) == (page.MOST, 3)


def test_a_scope_is_shown_in_words_and_leads_to_its_costs() -> None:
    [row] = view(budget("key:key_1")).rows
    assert (row.named.name, row.costs) == ("batch", "/console/costs?from=today&key=key_1")
    assert named("metadata:team=*", {}, Format(NOW)).name == "each team"
    assert named("all", {}, Format(NOW)).costs == {}
    assert view(budget("user:*")).rows[0].stop == ""


def test_an_amount_is_dollars_or_nothing_for_no_limit() -> None:
    assert [parse_usd(one) for one in ("25", " $0.5 ", "0", "", "0.000000001")] == [
        25 * DOLLAR, DOLLAR // 2, 0, None, 1,
    ]  # fmt: skip
    for text in ("much", "-1", "NaN", "Infinity", "1e30", "1,000"):
        with pytest.raises(InvalidInput):
            parse_usd(text)


async def audited(one: House) -> list[tuple[str, str, str, dict[str, Any]]]:
    found = await one.engine.books.audit.list("default", Wanted())
    return [(entry.action, entry.by, entry.subject, dict(entry.detail)) for entry in reversed(found)]


async def test_a_limit_is_set_spent_changed_and_removed(database_url: str | None) -> None:
    async with house({"desk": echo}, database_url=database_url) as one:
        visitor, budgets = one.visitor, one.engine.models.budgets
        await visitor.submit("/console/budgets/set", {"kind": "agent", "name": "desk", "period": "day", "usd": "2"})
        hold = await budgets.purse(Caller(agent="desk")).hold(DOLLAR)
        hold.settle(DOLLAR)
        await budgets.leasing.give_back_all()
        told = (await visitor.get("/console/budgets?q=desk")).page.said
        assert "desk agent, per day $1.00 50%" in told
        form = await visitor.get("/console/budgets/set?scope=agent:desk&period=day")
        assert {one.get("name"): one.get("value") for one in form.page.all("input")}["usd"] == "2"
        await visitor.submit("/console/budgets/set", {"scope": "agent:desk", "period": "day", "usd": ""})
        assert "no limit" in (await visitor.get("/console/budgets?q=desk")).page.said
        asked = await visitor.get("/console/budgets/remove?scope=agent:desk&period=day")
        assert "Remove the limit of desk?" in asked.page.said
        assert len(await audited(one)) == 2
        await visitor.submit("/console/budgets/remove", {"scope": "agent:desk", "period": "day"})
        assert await audited(one) == [
            ("budget.set", "local", "agent:desk", {"period": "day", "usd": 2.0}),
            ("budget.set", "local", "agent:desk", {"period": "day", "usd": None}),
            ("budget.remove", "local", "agent:desk", {"period": "day"}),
        ]
        again = await visitor.submit("/console/budgets/remove", {"scope": "agent:desk", "period": "day"})
        assert again.status == 404


async def test_only_a_limit_that_was_set_for_just_that_can_be_removed() -> None:
    async with house({"desk": echo}, budget_agent_day_usd="3") as one:
        await one.engine.books.keys.create(NewKey("batch", role=Role.ADMIN, allowance=Allowance(DOLLAR)), by="test")
        await one.engine.models.budgets.read_limits()
        await one.engine.models.budgets.set("user:*", Period.DAY, DOLLAR, by="ann", tenant="default")
        own = {state.scope: state.own for state in await one.engine.models.budgets.state("default")}
        assert {scope.partition(":")[0] + ":" + scope[-1:]: held for scope, held in own.items() if held} == {
            "user:*": True
        }
        each = await one.visitor.get("/console/budgets/set?scope=user:*&period=day")
        assert "Remove…" in each.page.said
        agents = await one.visitor.get("/console/budgets/set?scope=agent:*&period=day")
        assert "Remove…" not in agents.page.said


async def test_calls_are_stopped_with_a_reason_and_let_go_on(database_url: str | None) -> None:
    async with house({"desk": echo}, database_url=database_url) as one:
        asked = await one.visitor.get("/console/budgets/stop?kind=agent&name=desk")
        assert "Stop the model calls of desk?" in asked.page.said
        assert "0 runs are running." in asked.page.said
        assert one.engine.models.stops.all == ()
        await one.visitor.submit("/console/budgets/stop", {"scope": "agent:desk", "comment": "runs wild"})
        [stop] = one.engine.models.stops.all
        assert (stop.tenant, stop.scope, stop.reason, stop.stopped_by) == (
            "default",
            "agent:desk",
            "runs wild",
            "local",
        )
        told = (await one.visitor.get("/console/budgets")).page.said
        assert "Model calls of desk are stopped" in told
        assert "runs wild" in told
        asked = await one.visitor.get("/console/budgets/resume?scope=agent:desk")
        assert "local: runs wild" in asked.page.said
        await one.visitor.submit("/console/budgets/resume", {"scope": "agent:desk"})
        assert one.engine.models.stops.all == ()
        assert (await one.visitor.get("/console/budgets/resume?scope=agent:desk")).status == 404
        assert await audited(one) == [
            ("calls.stop", "local", "agent:desk", {"reason": "runs wild"}), ("calls.resume", "local", "agent:desk", {}),
        ]  # fmt: skip


async def test_what_is_stopped_in_every_tenant_is_not_let_go_on_here() -> None:
    async with house({"desk": echo}) as one:
        await one.engine.models.stops.stop("all", reason="audit", by="root")
        told = await one.visitor.get("/console/budgets")
        assert "All model calls are stopped" in told.page.said
        assert "Let them go on…" not in told.page.said
        assert (await one.visitor.submit("/console/budgets/resume", {"scope": "all"})).status == 404


@pytest.mark.parametrize(
    ("path", "form"),
    [("set", {"kind": "mood", "name": "x", "period": "day", "usd": "1"}),
     ("set", {"kind": "agent", "name": " ", "period": "day", "usd": "1"}),
     ("set", {"kind": "agent", "name": "x", "period": "week", "usd": "1"}),
     ("set", {"kind": "agent", "name": "x", "period": "day", "usd": "lots"}),
     ("set", {"scope": "nonsense", "period": "day", "usd": "1"}), ("remove", {"scope": "nonsense", "period": "day"}),
     ("stop", {"scope": "user:*"}), ("stop", {"scope": ""}), ("resume", {"scope": "nonsense"})],
)  # fmt: skip
async def test_nonsense_is_refused_and_changes_nothing(path: str, form: dict[str, str]) -> None:
    async with house({"desk": echo}) as one:
        assert (await one.visitor.submit(f"/console/budgets/{path}", form)).status == 422
        assert one.engine.models.stops.all == ()
        assert await audited(one) == []


async def test_names_stay_text() -> None:
    async with house({"desk": echo}) as one:
        await one.engine.models.budgets.set(f"agent:{HOSTILE}", Period.DAY, 0, by=HOSTILE, tenant="default")
        await one.engine.models.stops.stop(f"user:{HOSTILE}", reason=HOSTILE, by=HOSTILE, tenant="default")
        for path in (
            "",
            f"?q={HOSTILE}",
            f"/set?scope=agent:{HOSTILE}",
            f"/stop?scope=agent:{HOSTILE}",
            "/stop?scope=x:*",
        ):
            answer = await one.visitor.get(f"/console/budgets{path}")
            assert answer.status == 200
            assert answer.page.all("img") == [], path


async def test_each_tenant_has_its_own_and_a_viewer_only_looks() -> None:
    async with serving({"desk": echo}, keys=(ROOT,), table=True, console=True) as api:
        engine = api.running.engine
        await engine.models.budgets.set("agent:secret", Period.DAY, DOLLAR, by="ann", tenant="other")
        await engine.models.stops.stop("agent:covert", reason="", by="ann", tenant="other")
        mine = (await api.client.get("/console/budgets", headers={"x-api-key": ROOT})).text
        assert "secret" not in mine
        assert "covert" not in mine
        assert "Stop calls…" in mine
        for role, tenant in ((Role.OPERATOR, "other"), (Role.VIEWER, "default")):
            key = await engine.books.keys.create(NewKey(role.value, role=role, tenant=tenant), by="test")
            told = (await api.client.get("/console/budgets", headers={"x-api-key": key.secret})).text
            assert ("secret" in told, "covert" in told) == ((tenant == "other"),) * 2
            assert ("Stop calls…" in told, "Change" in told) == ((role is Role.OPERATOR),) * 2
        own = {"x-api-key": key.secret, "cookie": "fairlead_csrf=t"}
        form = {"csrf": "t", "scope": "all"}
        assert (await api.client.post("/console/budgets/stop", headers=own, data=form)).status_code == 403
        assert [stop.scope for stop in engine.models.stops.all] == ["agent:covert"]


async def test_a_runaway_agent_is_stopped_from_the_page_of_budgets(browser: Browser) -> None:
    async def runaway(input: Any, ctx: Any) -> Any:
        for _ in range(10_000):
            await ctx.model([{"role": "user", "content": "again"}], model="simulated/x")

    async with house({"runaway": runaway}) as one, desktop(browser, one.app) as desk:
        page = desk.page
        run = await one.running.submit("runaway")
        await one.running.until(run.id, "step", kind="model", times=3)
        await desk.go("/console/runs")
        await page.keyboard.press("g")
        await page.keyboard.press("b")
        await expect(page.locator("#live-mark")).to_have_attribute("data-state", "live")
        await page.get_by_role("link", name="Stop calls…").click()
        await page.get_by_label("Name").fill("runaway")
        await page.get_by_role("button", name="Go on…").click()
        await expect(page.locator("form.question")).to_contain_text("1 run is running.")
        assert one.engine.models.stops.all == ()
        await page.get_by_label("Comment").fill("asks for ever")
        await page.get_by_role("button", name="Stop the calls").click()
        await expect(page.locator("#stops")).to_contain_text("Model calls of runaway are stopped")
        ended = await one.running.ended(run.id)
        assert ended.status is Status.ERROR
        assert "asks for ever" in str(ended.error)

        await page.get_by_role("link", name="Let them go on…").click()
        await page.get_by_role("button", name="Let them go on").click()
        await expect(page.locator("#stops")).to_have_text("")
        again = await one.running.submit("runaway")
        await one.running.until(again.id, "step", kind="model")
        await one.engine.models.stops.stop("all", reason="seen live", by="ann", tenant="default")
        await expect(page.locator("#stops")).to_contain_text("seen live")
        for width in (390, 768, 1280, 2560):
            await page.set_viewport_size({"width": width, "height": 900})
            over = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert over <= 0, (width, over)
