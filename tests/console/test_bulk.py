"""Many runs at once: marked or all that match; asked first, then told what became of each."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from fairlead.clock import SystemClock
from fairlead.errors import InvalidInput
from fairlead.runs.run import Event, Reason, Status
from fairlead.web.console.door import Standing, Standings
from fairlead.web.console.pages.bulk import parse as parse_bulk
from fairlead.web.console.pages.runs import parse
from tests.console.desktop import desktop, house
from tests.console.gallery import gallery, make_run, run_id
from tests.console.memory_door import GalleryDoor
from tests.console.preview import gallery_app
from tests.console.visitor import Visitor

NOW = datetime(2026, 11, 22, 9, 2, 11, tzinfo=UTC)


@pytest.fixture
def door() -> GalleryDoor:
    door = GalleryDoor(datetime.now(UTC))
    at = door.now - timedelta(minutes=3)
    door.put(make_run(1, at, status=Status.ERROR, agent="desk"))
    door.put(make_run(2, at, status=Status.RUNNING, agent="desk"))
    door.put(make_run(3, at, status=Status.SUCCESS, agent="desk", finished_at=at + timedelta(seconds=9)))
    door.put(make_run(4, at, status=Status.INTERRUPTED, reason=Reason.CANCELLED, agent="other"))
    return door


@pytest.fixture
def visitor(door: GalleryDoor) -> Visitor:
    return Visitor(gallery_app(door, SystemClock()))


def asked(**params: str) -> Any:
    return parse(params, now=NOW).wanted


def test_the_search_line_takes_what_the_address_takes() -> None:
    typed = asked(q="parcel user:ada min_cost:0.05 min_duration:2min from:24h is:stuck")
    assert typed == asked(
        q="parcel", user="ada", min_cost="$0.05", min_duration="120", **{"from": "24h", "is": "stuck"}
    )
    assert (typed.text, typed.user, typed.least_cost_nano) == ("parcel", "ada", 50_000_000)
    assert (typed.least_duration, typed.standing) == (timedelta(minutes=2), Standing.STUCK)
    assert (typed.since, typed.until) == (NOW.replace(minute=0, second=0) - timedelta(hours=24), None)
    assert (asked(q="model:openai/x tool:look").model, asked(tool="look").tool) == ("openai/x", "look")
    assert asked(status="nonsense", **{"is": "nonsense"}) == asked()


@pytest.mark.parametrize("given", [
    {"min_cost": "dear"}, {"min_duration": "long"}, {"min_duration": "9" * 30}, {"from": "yesteryear"},
    {"from": "2026-11-02", "to": "2026-11-01"},
])  # fmt: skip
def test_what_is_no_sum_no_length_and_no_time_is_told(given: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        asked(**given)


def test_a_bulk_move_needs_a_move_and_runs() -> None:
    with pytest.raises(InvalidInput, match="No move"):
        parse_bulk([("id", "a")])
    with pytest.raises(InvalidInput, match="No run is marked"):
        parse_bulk([("move", "cancel")])
    chosen = parse_bulk([("move", "cancel"), ("id", "a"), ("id", "b"), ("id", "a"), ("found_by", "agent=x")])
    assert (chosen.ids, chosen.found_by) == (("a", "b"), "")
    assert parse_bulk([("move", "cancel"), ("all", "1"), ("found_by", "agent=x")]).found_by == "agent=x"


async def test_the_question_names_those_that_can_and_counts_those_that_cannot(visitor: Visitor) -> None:
    ids = "&".join(f"id={run_id(n)}" for n in (1, 2, 3, 77))
    page = (await visitor.get(f"/console/runs/bulk?move=cancel&{ids}")).page
    assert "1 run " in page.said and "2 runs are left out" in page.said
    assert next(one["value"] for one in page.all("input") if one.get("name") == "ids") == run_id(2)
    nothing = await visitor.get(f"/console/runs/bulk?move=cancel&id={run_id(3)}")
    assert "Nothing to do" in nothing.page.said
    assert (await visitor.get("/console/runs/bulk?move=explode&id=1")).status == 422


async def test_all_that_match_are_meant_and_no_others(visitor: Visitor, door: GalleryDoor) -> None:
    page = (await visitor.get("/console/runs/bulk?move=retry&all=1&found_by=agent%3Ddesk")).page
    assert next(one["value"] for one in page.all("input") if one.get("name") == "ids") == run_id(1)
    answer = await visitor.submit("/console/runs/bulk", {"move": "retry", "ids": run_id(1), "back": "https://evil"})
    assert answer.status == 200 and door.moves == [("retry", run_id(1))]
    assert "evil" not in answer.text


async def test_what_cannot_be_done_is_told_with_why_and_takes_no_other_with_it(
    visitor: Visitor, door: GalleryDoor
) -> None:
    ids = f"{run_id(3)} {run_id(2)}"
    answer = await visitor.submit("/console/runs/bulk", {"move": "cancel", "ids": ids})
    assert "1 run: done" in answer.page.said and "1 run: not done" in answer.page.said
    assert "has succeeded" in answer.page.said
    assert door.moves == [("cancel", run_id(2))]
    for bad in ({"move": "cancel", "ids": ""}, {"move": "x", "ids": "a"}, {"move": "move", "ids": run_id(2)}):
        assert (await visitor.submit("/console/runs/bulk", bad)).status == 422
    assert (await visitor.post("/console/runs/bulk", {"move": "cancel", "ids": run_id(2)})).status == 403


async def test_runs_that_retry_silently_or_stand_still_are_shown_as_such(visitor: Visitor, door: GalleryDoor) -> None:
    door.put(make_run(5, door.now, status=Status.RUNNING))
    door.standing = Standings({run_id(2): 3}, {run_id(5): door.now})
    page = (await visitor.get("/console/runs")).page
    assert "retrying, 3 failed tries" in page.said and "stuck" in page.said
    only = (await visitor.get("/console/runs?is=stuck")).page
    assert [one["value"] for one in only.all("input") if one.get("name") == "id"] == [run_id(5)]
    door.broken.add("standings")
    assert (await visitor.get("/console/runs")).status == 200


async def test_marks_are_made_by_keyboard_and_survive_what_happens_to_the_rows(browser: Browser) -> None:
    door = gallery(SystemClock().now())
    app = gallery_app(door, SystemClock(), look_again=timedelta(seconds=1))
    async with desktop(browser, app) as one:
        page = one.page
        await one.go("/console/runs")
        await expect(page.locator("#live-mark")).to_have_attribute("data-state", "live")
        await page.keyboard.press("j")
        await page.keyboard.press("x")
        await page.keyboard.press("j")
        await page.keyboard.press("j")
        await page.keyboard.press("Shift+X")
        await expect(page.locator("#marked-count")).to_have_text("3 marked")
        marked = await page.locator("tbody .c-mark input:checked").first.get_attribute("value")
        assert marked is not None
        run = door.all[marked]
        door.happen(replace(run, cost_nano=77_700_000), Event(marked, 99, "log", door.now))
        await expect(page.locator(f"#run-{marked}")).to_contain_text("$0.0777")
        await expect(page.locator("tbody .c-mark input:checked")).to_have_count(3)
        await page.get_by_role("button", name="Cancel").click()
        await expect(page.locator("h1")).to_have_text("Cancel runs")


async def echo(input: Any) -> Any:
    return input


async def test_on_a_real_engine_all_that_match_are_cancelled(browser: Browser) -> None:
    async with house({"echo": echo}, rate_limit=0) as standing:
        for n in range(3):
            await standing.running.submit("echo", n, start_at=standing.engine.clock.now() + timedelta(hours=1))
        async with desktop(browser, standing.app) as one:
            await one.go("/console/runs?agent=echo")
            await one.page.locator("#mark-all").check()
            await one.page.get_by_label("or all that match").check()
            await one.page.get_by_role("button", name="Cancel").click()
            await expect(one.page.locator("main h2")).to_have_text("3 runs")
            await one.page.get_by_role("button", name="Cancel runs").click()
            await expect(one.page.locator("main h2")).to_contain_text("3 runs: done")
        runs = await standing.engine.control.list()
        assert {run.reason for run in runs} == {Reason.CANCELLED}
