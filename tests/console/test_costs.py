"""The cost explorer, on the figures of a real engine."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Browser, expect

from fairlead.access import Role
from fairlead.access.key import NewKey
from fairlead.clock import SystemClock
from fairlead.errors import InvalidInput
from fairlead.gateway.costs import Dimension, Moment, Report, Share, Sums
from fairlead.gateway.period import DAY, HOUR, parse_period
from fairlead.web.console.format import Format
from fairlead.web.console.pages import costs as page
from fairlead.web.console.policy import CONTENT_SECURITY_POLICY
from tests.api.serving import serving
from tests.console.desktop import House, desktop, house
from tests.console.visitor import Page
from tests.usage import usage_row

NOW = datetime(2026, 11, 26, 10, 30, tzinfo=UTC)
HOSTILE = '"><img src=x onerror=alert(1)>'
DOLLAR = 1_000_000_000


async def echo(input: Any) -> Any:
    return input


async def spend(engine: Any, *rows: dict[str, Any]) -> None:
    """Rows as model calls leave them."""
    for given in rows:
        usual = {"at": SystemClock().now(), "tokens_in": 100, "tokens_out": 10, "cost_nano": DOLLAR}
        engine.models.usage.add(usage_row(**{**usual, **given}))
    await engine.models.usage.close()


def query(**params: str) -> page.Query:
    return page.parse(params, NOW)


def test_a_period_is_one_of_those_named_or_any_other() -> None:
    assert query().period == parse_period("24h", None, now=NOW)
    assert query(period="7d").period == parse_period("7d", None, now=NOW)
    assert query(period="month").period.since == datetime(2026, 11, 1, tzinfo=UTC)
    own = query(**{"from": "2026-11-01", "to": "2026-11-02"})
    assert (own.period.since, own.period.until) == (
        datetime(2026, 11, 1, tzinfo=UTC),
        datetime(2026, 11, 3, tzinfo=UTC),
    )
    assert own.preset == ""


@pytest.mark.parametrize(
    "params",
    [{"period": "fortnight"}, {"from": "soon"}, {"from": "2026-11-02", "to": "2026-11-01"}, {"by": "mood"},
     {"by": "user,agent"}, {"by": "outcome"}, {"top": "0"}, {"top": "1001"}, {"top": "-5"}],
)  # fmt: skip
def test_what_is_no_period_dimension_or_number_is_refused(params: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        query(**params)


def test_an_address_says_what_it_shows_and_no_more() -> None:
    asked = query(period="7d", by="user", top="25", agent="a b")
    assert page.parse({k: v[0] for k, v in parse_qs(urlsplit(asked.address()).query).items()}, NOW) == asked
    assert query().address() == "/console/costs"
    nameless = query(user="")
    assert nameless.of == (Dimension.USER, "")
    assert nameless.address() == "/console/costs?user="


def report(*costs: tuple[str | None, int], by: Dimension = Dimension.USER) -> Report:
    period = parse_period("24h", None, now=NOW)
    shares = [Share(name, Sums(calls=1, cost_nano=cost)) for name, cost in costs]
    totals = sum((share.sums for share in shares), Sums())
    over_time = [Moment(period.since + n * HOUR, totals if n == 3 else Sums()) for n in range(25)]
    return Report(period, totals, HOUR, over_time, {by: shares}, ())


def test_a_name_leads_to_its_runs_and_to_its_costs_alone() -> None:
    view = page.shape(query(by="user"), report(("ann & bob", 3), (None, 1)), {}, Format(NOW))
    ann, nobody = view.rows
    assert (ann.share, ann.width, nobody.share, nobody.width) == ("75.0%", 100.0, "25.0%", 33.33)
    assert page.parse({"user": "ann & bob"}, NOW).of == (Dimension.USER, "ann & bob")
    assert parse_qs(urlsplit(ann.address).query) == {"user": ["ann & bob"]}
    within = {"from": ["2026-11-25T10:00Z"], "to": ["2026-11-26T11:00Z"]}
    assert parse_qs(urlsplit(ann.runs).query) == {"user": ["ann & bob"], **within}
    assert not nobody.named
    assert (nobody.address, nobody.runs) == ("/console/costs?user=", "")


def test_keys_are_called_by_their_names() -> None:
    told = report(("key_1", 2), ("key_2", 1), by=Dimension.KEY)
    view = page.shape(query(by="key"), told, {"key_1": "batch"}, Format(NOW))
    assert [row.name for row in view.rows] == ["batch", "key_2"]
    assert view.rows[0].address == "/console/costs?key=key_1"
    assert view.rows[0].runs == ""


def test_nothing_spent_is_no_share_of_nothing() -> None:
    [row] = page.shape(query(by="user"), report(("ann", 0)), {}, Format(NOW)).rows
    assert (row.share, row.width) == ("—", 0.0)


def test_the_chart_is_of_the_report_and_says_that_its_last_hour_is_not_over() -> None:
    drawn = page.shape(query(by="user"), report(("ann", 3_000_000_000)), {}, Format(NOW)).chart
    assert (drawn.data["shape"], drawn.data["unit"], drawn.data["step"], drawn.partial) == ("bars", "money", 3600, True)
    assert [place for place, value in enumerate(drawn.data["series"][0]["values"]) if value] == [3]
    assert drawn.sentence == "Cost: highest $3.00, lowest $0.0000, last $0.0000"
    assert drawn.csv == "/console/costs.csv?by=hour"


def week(house: House) -> tuple[dict[str, Any], ...]:
    now = house.engine.clock.now()
    return (
        {"user": "ann", "agent": "triage", "run_id": "run-ann", "cost_nano": 5 * DOLLAR, "at": now - 3 * DAY},
        {"user": "bob", "agent": "triage", "run_id": "run-bob", "cost_nano": 9 * DOLLAR, "at": now - 4 * DAY},
        {"user": "bob", "agent": "desk", "run_id": "run-bob-2", "cost_nano": 2 * DOLLAR},
        {"user": None, "agent": None, "cost_nano": DOLLAR, "outcome": "model_timeout"},
    )


async def test_costs_are_told_in_all_by_name_and_by_run(database_url: str | None) -> None:
    async with house({"desk": echo}, database_url=database_url) as one:
        await spend(one.engine, *week(one))
        page = (await one.visitor.get("/console/costs?period=7d&by=user")).page
        assert "$17.00" in page.said
        assert page.said.index("bob") < page.said.index("ann") < page.said.index("without a name")
        assert dearest(page) == ["run-bob", "run-ann", "run-bob-2"]
        day = (await one.visitor.get("/console/costs")).page
        assert "$3.00" in day.said
        assert dearest(day) == ["run-bob-2"]


def dearest(page: Page) -> list[str]:
    """The runs that are told, by where they lead."""
    path = "/console/runs/"
    return [href.removeprefix(path) for one in page.all("a") if (href := one.get("href") or "").startswith(path)]


async def test_a_run_is_told_by_what_a_person_knows_of_it() -> None:
    async with house({"desk": echo}) as one:
        run_id = "0191e6a0-7c1e-7000-8000-00005a17bd0e"
        await spend(one.engine, {"user": "ann", "agent": "triage", "run_id": run_id, "cost_nano": 5 * DOLLAR})
        page = (await one.visitor.get("/console/costs?period=24h&by=model")).page
        assert dearest(page) == [run_id]
        assert run_id not in page.said
        row = page.said[page.said.index("Last call") :]
        told = re.search(r"triage 5a17bd0e ann .* 5a17bd0e 1 \d\d:\d\d:\d\d \$5\.00", row)
        assert told is not None, row


async def test_one_name_is_told_alone(database_url: str | None) -> None:
    async with house({"desk": echo}, database_url=database_url) as one:
        await spend(one.engine, *week(one))
        bob = await one.visitor.get("/console/costs?period=7d&user=bob")
        assert "$11.00" in bob.page.said
        assert dearest(bob.page) == ["run-bob", "run-bob-2"]
        [runs] = [one["href"] for one in bob.page.all("a") if (one.get("href") or "").startswith("/console/runs?user")]
        assert "user=bob" in (runs or "")
        nobody = (await one.visitor.get("/console/costs?period=7d&user=")).page.said
        assert "$1.00" in nobody
        assert "None is among the 1,000 dearest runs" in nobody
        model = (await one.visitor.get("/console/costs?period=7d&model=openai/gpt-5")).page.said
        assert "$17.00" in model
        assert "What a run costs is kept by agent, user and release." in model


async def test_what_is_shown_can_be_taken_away() -> None:
    async with house({"desk": echo}) as one:
        await spend(one.engine, *week(one), {"user": "=cmd()", "cost_nano": 30 * DOLLAR})
        answer = await one.visitor.get("/console/costs.csv?period=7d&by=user&top=2")
        assert answer.headers["content-disposition"] == 'attachment; filename="costs.csv"'
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert [(row["group"], row["name"], row["cost_usd"]) for row in rows if row["group"] in ("total", "user")] == [
            ("total", "", "47"), ("user", "'=cmd()", "30"), ("user", "bob", "11"),
        ]  # fmt: skip
        told = json.loads((await one.visitor.get("/console/costs.json?period=7d&user=bob")).body)
        assert (told["totals"]["cost_usd"], [run["run_id"] for run in told["runs"]]) == (11, ["run-bob", "run-bob-2"])


async def test_names_stay_text_and_an_empty_period_says_so() -> None:
    async with house({"desk": echo}) as one:
        empty = await one.visitor.get("/console/costs?period=1h")
        assert "No model call was made in this period." in empty.page.said
        await spend(one.engine, {"user": HOSTILE, "agent": HOSTILE, "run_id": HOSTILE, "model": HOSTILE})
        for path in ("?by=user", f"?by=model&from={HOSTILE}", "?agent=%22%3E%3Cimg+src%3Dx+onerror%3Dalert%281%29%3E"):
            answer = await one.visitor.get(f"/console/costs{path}")
            assert answer.page.all("img") == []
            assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert (await one.visitor.get("/console/costs?by=mood")).status == 422


async def test_each_tenant_sees_its_own_costs() -> None:
    async with serving({"desk": echo}, keys=("root-key-of-a-test",), table=True, console=True) as api:
        engine = api.running.engine
        issued = await engine.books.keys.create(NewKey("stranger", tenant="other", role=Role.ADMIN), by="test")
        await spend(engine, {"user": "ann", "run_id": "run-ann"})
        for path in ("/console/costs?by=user", "/console/costs.csv?by=user", "/console/costs?user=ann"):
            headers = {"x-api-key": issued.secret}
            told = await api.client.get(path, headers=headers)
            assert told.status_code == 200
            assert "run-ann" not in told.text
            assert "$1.00" not in told.text
            own = await api.client.get(path, headers={"x-api-key": "root-key-of-a-test"})
            assert "run-ann" in own.text


async def test_the_dearest_user_of_the_week_is_two_clicks_away(browser: Browser) -> None:
    async with house({"desk": echo}) as one, desktop(browser, one.app) as desk:
        await spend(one.engine, *week(one))
        await desk.go("/console/costs")
        await desk.page.get_by_role("link", name="7 days").click()
        await desk.page.get_by_role("link", name="User", exact=True).click()
        await expect(desk.page.locator(".costs tbody tr").first).to_contain_text("bob")
        await desk.page.keyboard.press("j")
        await desk.page.keyboard.press("o")
        await expect(desk.page.locator("h1")).to_have_text("bob")
        await expect(desk.page.locator("dl.facts")).to_contain_text("$11.00")
        for width in (390, 768, 1280, 2560):
            await desk.page.set_viewport_size({"width": width, "height": 900})
            over = await desk.page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert over <= 0, (width, over)
