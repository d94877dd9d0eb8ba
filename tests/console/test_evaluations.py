"""Evaluations in the console: the list, one of them, two side by side."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from fairlead.access import Role
from fairlead.access.key import NewKey
from fairlead.errors import InvalidInput
from fairlead.ship.evaluation.book import Evaluation, figures_of
from fairlead.ship.evaluation.gate import Bounds, judge
from fairlead.ship.evaluation.kept import NewCase
from fairlead.ship.evaluation.outcome import Outcome
from fairlead.ship.verdict import Verdict, verdict_of
from fairlead.web.console.format import Format
from fairlead.web.console.pages import comparison, evaluation, evaluations
from fairlead.web.console.trend import trend
from tests.api.serving import Serving, listening, serving
from tests.console.desktop import House, desktop, house
from tests.console.evaluating import Desk, evaluated, project
from tests.console.test_case import AT
from tests.ship.evaluation.made import FAILED, LOST, PASSED, outcome

FMT = Format(AT + timedelta(hours=1))
HOSTILE = "<script>alert('\"1\"')</script>"


def made(
    number: int, told: list[Outcome], *, suite: str = "smoke", release: str = "", bounds: Bounds | None = None
) -> Evaluation:
    bounds = bounds or Bounds()
    findings = tuple(judge(told, bounds, planned=len(told)))
    began = AT + timedelta(minutes=number)
    return Evaluation(
        f"evl_{number}", suite, "d", "desk", release or f"v{number}", "ada", began, began + timedelta(seconds=9),
        bounds, verdict_of(findings), findings, figures_of(told, planned=len(told)), tuple(told),
    )  # fmt: skip


def trials(case: str, passed: int, failed: int = 0, lost: int = 0, **more: Any) -> list[Outcome]:
    results = [PASSED] * passed + [FAILED] * failed + [LOST] * lost
    return [outcome(one, case, place + 1, **more) for place, one in enumerate(results)]


def test_what_failed_comes_first_and_says_why() -> None:
    told = [
        *trials("good", 4), *trials("lost", 1, lost=3), *trials("bad", 0, 4, why="x is not y"),
        *trials("flaky", 3, 1, why="slow"),
    ]  # fmt: skip
    view = evaluation.shape(made(1, told), [], FMT)
    assert [(row.name, row.state.word, row.passed) for row in view.rows] == [
        ("bad", "failed", "0 of 4"), ("flaky", "failed sometimes", "3 of 4"), ("lost", "could not ask", "1 of 4"),
        ("good", "passed", "4 of 4"),
    ]  # fmt: skip
    assert view.rows[0].why == "x is not y"
    few = evaluation.shape(made(1, [one for n in range(120) for one in trials(f"c{n}", 1)]), [], FMT)
    assert (len(few.rows), few.hidden) == (100, 20)


def test_the_findings_stand_beside_their_limits_and_say_what_is_needed() -> None:
    view = evaluation.shape(made(1, trials("a", 10)), [], FMT)
    accuracy, cost, latency = view.checks
    assert accuracy.state.word == "unclear" and "20 trials of each case would show it" in accuracy.needed.replace(
        "19", "20"
    )
    assert accuracy.said == "100.0% of 10 answers, so between 74.1% and 100.0%; at least 85.0% is wanted"
    assert accuracy.scale is not None and (accuracy.scale.limit, accuracy.scale.at) == (85.0, 100.0)
    assert (cost.state.word, latency.state.word) == ("pass", "pass")
    assert cost.scale is not None and cost.scale.limit == 80.0
    assert latency.said == "P95 1.00 s, at most 30.0 s"
    near = evaluation.shape(made(1, trials("a", 86, 14)), [], FMT)
    assert "Too near" in near.checks[0].needed
    nothing = evaluation.shape(made(1, trials("a", 0, lost=3)), [], FMT)
    assert nothing.checks[0].said == "none of 3 answers could be had" and nothing.checks[0].scale is None
    assert nothing.checks[2].scale is None and nothing.latency == "—"
    some = evaluation.shape(made(1, trials("a", 5, lost=3)), [], FMT)
    assert some.checks[0].said.endswith("and 3 could not be had")


def test_two_are_compared_case_by_case_and_by_chance() -> None:
    before = made(1, [*trials("a", 10), *trials("b", 0, 10), *trials("gone", 1)])
    after = made(2, [*trials("a", 4, 6, run_id="run_9", kept="run_1"), *trials("b", 0, 10), *trials("new", 1)])
    view = comparison.shape(before, after, FMT)
    assert [(row.case, row.state.word, row.before, row.after) for row in view.rows] == [
        ("a", "worse", "10 of 10", "4 of 10"), ("b", "same", "0 of 10", "0 of 10")
    ]  # fmt: skip
    assert (view.rows[0].kept, view.rows[0].runs[1]) == ("run_1", "run_9")
    assert view.state.word == "it may be chance" and "in 100% of comparisons" in view.said
    assert set(view.others) == {"gone", "new"}
    assert view.arms[1].said == "20.0% of 20 answers, so between 7.1% and 40.1%"
    told = [one for n in range(8) for one in trials(f"c{n}", 0, 1)]
    sure = comparison.shape(made(1, told), made(2, [one for n in range(8) for one in trials(f"c{n}", 1)]), FMT)
    assert sure.state.word == "better" and "Hardly chance" in sure.said
    assert comparison.shape(before, made(2, trials("z", 1)), FMT).state.word == "not comparable"
    assert comparison.shape(before, replace(before, id="evl_9"), FMT).said == "Every case fared as before."
    for other in (before, made(3, trials("a", 1), suite="deep")):
        with pytest.raises(InvalidInput):
            comparison.shape(before, other, FMT)


def test_the_trend_is_in_the_order_of_time_with_a_gap_where_nothing_was_asked() -> None:
    many = [made(n, trials("a", 10 - n, n)) for n in range(4)] + [made(4, trials("a", 0, lost=2))]
    drawn = trend(many[::-1], FMT)
    assert drawn is not None
    assert [point.evaluation.id for point in drawn.points] == ["evl_0", "evl_1", "evl_2", "evl_3", "evl_4"]
    assert drawn.points[-1].y is None and drawn.points[-1].low is None
    heights = [point.y for point in drawn.points if point.y is not None]
    assert heights == sorted(heights) and heights[0] == 4.0
    assert all(point.high is not None and point.low is not None and point.high <= (point.y or 0) <= point.low
               for point in drawn.points[:-1])  # fmt: skip
    assert drawn.sentence == "5 evaluations: highest 100.0% right, lowest 70.0%, last 70.0%"
    assert trend(many[:1], FMT) is None


def test_the_address_says_what_is_shown() -> None:
    query = evaluations.parse({"suite": " smoke ", "release": "v1", "before": "1764201600000000-evl_a-b"})
    assert (query.suite, query.release) == ("smoke", "v1")
    assert query.before is not None and query.before[1] == "evl_a-b"
    assert query.address(suite="") == "/console/evaluations?release=v1"
    for nonsense in ("x", "1-", "-a", "9" * 30 + "-a"):
        with pytest.raises(InvalidInput):
            evaluations.parse({"before": nonsense})


@pytest.fixture
async def at(database_url: str | None) -> AsyncIterator[House]:
    async with house({"desk": Desk()}, database_url=database_url) as opened:
        yield opened


async def test_the_list_is_filtered_and_paged_by_key(at: House) -> None:
    book = at.engine.evaluations
    assert "fairlead evaluate --suite smoke" in (await at.visitor.get("/console/evaluations")).page.said
    for number in range(60):
        await book.keep(made(number, trials("a", 5), suite="deep" if number % 20 == 0 else "smoke"))
    first = await at.visitor.get("/console/evaluations")
    links = [one["href"] for one in first.page.all("a") if "row-link" in (one.get("class") or "")]
    assert links == [f"/console/evaluations/evl_{n}" for n in range(59, 9, -1)]
    older = next(one["href"] for one in first.page.all("a") if one.get("rel") == "next")
    rest = await at.visitor.get(str(older))
    links = [one["href"] for one in rest.page.all("a") if "row-link" in (one.get("class") or "")]
    assert links == [f"/console/evaluations/evl_{n}" for n in range(9, -1, -1)]
    deep = await at.visitor.get("/console/evaluations?suite=deep")
    assert [one["href"] for one in deep.page.all("a") if "row-link" in (one.get("class") or "")] == [
        "/console/evaluations/evl_40", "/console/evaluations/evl_20", "/console/evaluations/evl_0"
    ]  # fmt: skip
    assert "Share of answers that were right" in deep.page.said and "Share of" not in first.page.said
    assert "No evaluations match." in (await at.visitor.get("/console/evaluations?release=v1&suite=deep")).page.said
    assert (await at.visitor.get("/console/evaluations?before=x")).status == 422


async def test_one_shows_its_cases_and_one_case_its_answers(at: House) -> None:
    book = at.engine.evaluations
    bad = trials("late <b>", 0, 2, why=HOSTILE, output={"text": HOSTILE}, kept="run_7", run_id="run_8",
                 scores={"Exact": False, "grade": 0.5}, expected="sorry")  # fmt: skip
    await book.keep(made(1, [*trials("good", 2), *bad]))
    await book.keep(made(2, [*trials("good", 2), *trials("late <b>", 2)]))
    page = await at.visitor.get("/console/evaluations/evl_1")
    assert page.status == 200 and "<script>alert" not in page.text and HOSTILE in page.page.said
    assert "1 kept" in page.page.said and "Choose a case" in page.page.said
    case = await at.visitor.get("/console/evaluations/evl_1?case=late+%3Cb%3E", **{"hx-request": "true"})
    assert "<script>alert" not in case.text and not case.text.lstrip().startswith("<!doctype")
    assert {"/console/runs/run_7", "/console/runs/run_8"} <= {one.get("href") for one in case.page.all("a")}
    for said in ("0 of 2", "Trial 2", "sorry", "grade", "0.5", HOSTILE):
        assert said in case.page.said.replace('\\"', '"'), said
    assert "No such case" in (await at.visitor.get("/console/evaluations/evl_1?case=x")).page.said
    compared = await at.visitor.get("/console/evaluations/evl_1?with=evl_2")
    assert "v1 and after it v2" in compared.page.said and "it may be chance" in compared.page.said
    for path in ("evl_9", "evl_1?with=evl_9"):
        assert (await at.visitor.get(f"/console/evaluations/{path}")).status == 404
    assert (await at.visitor.get("/console/evaluations/evl_1?with=evl_1")).status == 422


async def test_a_run_shows_whose_answer_it_is_and_what_was_kept_from_it(at: House) -> None:
    book, run = at.engine.evaluations, await at.running.run("desk", {"amount": 5})
    page = f"/console/runs/{run.id}"
    assert 'id="evaluated"' not in (await at.visitor.get(page)).text
    told = trials("late <b>", 0, 1, why=HOSTILE, run_id=run.id)
    await book.keep(replace(made(1, told), started_at=run.created_at, finished_at=at.engine.clock.now()))
    case = NewCase("smoke", "mine", "desk", {"amount": 5}, run.id, "v1", "y")
    kept = await book.cases.keep(case, tenant="default", by="ada")
    shown = await at.visitor.get(page)
    assert "<script>alert" not in shown.text and HOSTILE in shown.page.said
    assert "late <b> Trial 1 · <script>" in shown.page.said and "not asked yet" in shown.page.said
    links = {one.get("href") for one in shown.page.all("a")}
    assert {"/console/evaluations/evl_1?case=late+%3Cb%3E", "/console/evaluations/cases?suite=smoke"} <= links
    again = trials("mine", 1, 1, kept=run.id)
    after = kept.kept_at + timedelta(seconds=1)
    await book.keep(replace(made(2, again), started_at=after, finished_at=after))
    shown = await at.visitor.get(page)
    assert "failed sometimes" in shown.page.said and "1 of 2" in shown.page.said
    assert "/console/evaluations/evl_2?case=mine" in {one.get("href") for one in shown.page.all("a")}


async def test_a_run_of_another_tenant_shows_no_evaluations() -> None:
    async with serving({"desk": Desk()}, keys=("root-key",), table=True, console=True) as api:
        engine = api.running.engine

        async def key(name: str, **more: Any) -> dict[str, str]:
            issued = await engine.books.keys.create(NewKey(name, role=Role.VIEWER, **more), by="test")
            return {"x-api-key": issued.secret}

        theirs, ours = await key("acme", tenant="acme"), await key("looks")
        for tenant, headers, there in (("acme", theirs, False), ("default", ours, True)):
            run = await api.running.submit("desk", {"amount": 5}, tenant=tenant)
            await engine.feed.ended(run.id, tenant=tenant)
            told = made(1, trials("a", 1, run_id=run.id))
            now = engine.clock.now()
            await engine.evaluations.keep(replace(told, id=f"evl_{tenant}", started_at=now, finished_at=now))
            page = await api.client.get(f"/console/runs/{run.id}", headers=headers)
            assert (page.status_code, f"evl_{tenant}" in page.text) == (200, there), tenant


@pytest_asyncio.fixture(loop_scope="session")
async def api() -> AsyncIterator[Serving]:
    async with serving({"desk": Desk()}, console=True) as opened:
        yield opened


async def test_a_failed_run_becomes_a_case_and_is_seen_in_the_next_evaluation(
    browser: Browser, api: Serving, tmp_path: Path
) -> None:
    engine, folder = api.running.engine, project(tmp_path)
    failed = await api.running.run("desk", {"text": "late parcel"})
    async with listening(api.app) as address:
        assert (await evaluated(engine, address, folder, release="v1", trials=10)).verdict is Verdict.PASS
        async with desktop(browser, api.app) as seen:
            page = seen.page
            await seen.go(f"/console/runs/{failed.id}")
            await page.get_by_role("link", name="Make it a case…").click()
            await expect(page.get_by_role("combobox", name="Suite")).to_have_value("smoke")
            await page.get_by_label("Name of the case").fill("late-parcel")
            await expect(page.get_by_label("Rubric")).to_be_hidden()
            await page.get_by_role("button", name="Keep the case").click()
            await expect(page.get_by_role("alert")).to_contain_text("Nothing is expected")
            await expect(page.get_by_label("Name of the case")).to_have_value("late-parcel")
            assert ["422" in one for one in seen.complaints] == [True], "the browser tells of it too"
            seen.complaints.clear()
            await page.get_by_label("Expected output").fill("sorry about the late parcel")
            await page.get_by_role("button", name="Keep the case").click()
            await expect(page.get_by_role("link", name="late-parcel", exact=True)).to_be_visible()

            second = await evaluated(engine, address, folder, release="v2", trials=10)
            assert second.verdict is Verdict.FAIL
            await page.keyboard.press("g")
            await page.keyboard.press("e")
            await page.wait_for_url("**/console/evaluations")
            await page.keyboard.press("e")  # the next failure
            await page.keyboard.press("Enter")
            await page.wait_for_url(f"**/console/evaluations/{second.id}")
            first = page.locator(".cases tbody tr").first
            await expect(first).to_contain_text("late-parcel")
            await expect(first).to_contain_text("kept")
            await page.keyboard.press("j")
            await page.keyboard.press("Enter")
            pane = page.locator("#pane")
            await expect(pane).to_contain_text("sorry about the late parcel")
            await expect(pane).to_contain_text("KeyError")
            await expect(pane.get_by_role("link", name=failed.id)).to_be_visible()
            await page.keyboard.press("Escape")
            await expect(pane).to_contain_text("Choose a case")
            await page.get_by_role("button", name="Compare").click()
            await expect(page.get_by_role("heading", level=1)).to_have_text("v1 and after it v2")
            await expect(page.get_by_text("Not compared")).to_contain_text("late-parcel")
