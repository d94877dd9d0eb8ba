from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Browser, expect

from fairlead.access.audit import Wanted as AuditWanted
from fairlead.agents.spec import spec_of
from fairlead.runs.schedule import Missed, Overlap, Rhythm, Schedule, Work
from fairlead.runs.schedules import ScheduleWanted
from fairlead.web.console.cron_words import words
from fairlead.web.console.format import Format
from fairlead.web.console.pages.schedule import fresh, layout_of, read_form
from fairlead.web.console.pages.schedule_list import PATH, Query, parse
from tests.api.serving import serving
from tests.console import office
from tests.console.desktop import House, desktop, house

AT = datetime(2026, 11, 22, 9, 2, 11, tzinfo=UTC)
FMT = Format(AT, ZoneInfo("Asia/Tokyo"), "Asia/Tokyo")
EVIL = "100% %(x)s <script>alert(1)</script>\"'"
LAYOUT = layout_of(spec_of("trip", office.plan_trip))
TYPED = {"assistant": "trip", "cron": "*/15 * * * *", "timezone": "Europe/Vienna", "missed": "skip", "overlap": "queue",
         "in.city": "Linz", "in.by": "train"}  # fmt: skip


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("* * * * *", "every minute"), ("*/15 * * * *", "every 15 minutes"), ("5 * * * *", "every hour, at minute 5"),
        ("0 */6 * * *", "every 6 hours, at minute 0"), ("30 9 * * *", "every day at 09:30"),
        ("0 9 * * 1-5", "Monday to Friday at 09:00"), ("0 9 * * 0", "every Sunday at 09:00"),
        ("0 9 * * 7", "every Sunday at 09:00"), ("0 9 * * tue", "every Tuesday at 09:00"),
        ("0 7 1 * *", "on day 1 of each month at 07:00"),
        # What is not simple speaks for itself: every 7 minutes would be wrong at the hour.
        ("*/7 * * * *", ""), ("0 9 1 * 1", ""), ("0 9 * 5 *", ""), ("0,30 9 * * *", ""), ("0 9-17 * * *", ""),
        ("0 9", ""), ("0 0 L * *", ""), ("@daily", ""),
    ],
)  # fmt: skip
def test_a_simple_schedule_is_told_in_words(cron: str, said: str) -> None:
    assert words(cron, FMT) == said


def test_filters_come_from_the_address() -> None:
    assert parse({"enabled": "no", "after": "x"}) == Query(False, "x")
    assert parse({"enabled": "maybe"}) == Query()
    assert Query().address(enabled=True) == f"{PATH}?enabled=yes"


def _texts(problems: Any) -> dict[str, str]:
    return {name: one.text % one.places for name, one in problems.items()}


def test_times_are_the_readers_own() -> None:
    found = read_form(LAYOUT, {**fresh(LAYOUT), **TYPED, "start": "2026-12-01T09:00", "jitter": "90"}, FMT)
    assert found.problems == {}
    assert found.rhythm["start_at"] == datetime(2026, 12, 1, 0, 0, tzinfo=UTC)
    assert (found.rhythm["jitter"], found.rhythm["missed"]) == (timedelta(seconds=90), Missed.SKIP)
    assert found.work["input"] == {"city": "Linz", "nights": 2, "by": "train", "insured": True}


def test_what_is_wrong_is_told_where_it_is() -> None:
    typed = {"cron": "99 * * * *", "timezone": "Atlantis", "missed": "x", "overlap": "x", "jitter": "-1",
             "start": "soon", "budget": "free", "metadata": "[", "in.by": "train"}  # fmt: skip
    said = _texts(read_form(LAYOUT, typed, FMT).problems)
    assert set(said) == {
        "cron", "timezone", "missed", "overlap", "jitter", "start", "budget", "metadata", "in.city"
    }  # fmt: skip
    assert "can't be read" in said["cron"]
    assert "There is no time zone 'Atlantis'." in said["timezone"]
    late = _texts(read_form(LAYOUT, {**TYPED, "start": "2026-12-02T09:00", "end": "2026-12-01T09:00"}, FMT).problems)
    assert late == {"end": "The schedule ends before it starts."}
    assert "five fields" in _texts(read_form(LAYOUT, {**TYPED, "cron": "daily"}, FMT).problems)["cron"]


async def _add(it: House, agent: str = "echo", **more: Any) -> Schedule:
    rhythm = Rhythm("0 9 * * 1-5", "Asia/Tokyo", overlap=Overlap.SKIP)
    return await it.engine.schedules.add(agent, rhythm, Work(input="Hi"), tenant="default", by="ada", **more)


async def _all(it: House) -> list[Schedule]:
    return (await it.engine.schedules.search(ScheduleWanted(), tenant="default", limit=100))[0]


async def test_a_schedule_shows_its_own_runs_and_no_others(database_url: str) -> None:
    async with house(office.AGENTS, database_url=database_url) as it:
        one, other = await _add(it), await _add(it)
        runs = [await it.engine.schedules.run_now(one.id, tenant="default") for _ in range(3)]
        await it.running.ended(runs[-1].id)
        elsewhere = await it.engine.schedules.run_now(other.id, tenant="default")
        await it.running.ended(elsewhere.id)
        assert await it.engine.schedules.started(one.id, tenant="default") == [run.id for run in reversed(runs)]
        assert await it.engine.schedules.started(one.id, tenant="default", limit=2) == [runs[2].id, runs[1].id]
        assert await it.engine.schedules.started(one.id, tenant="other") == []
        page = await it.visitor.get(f"{PATH}/{one.id}")
        links = [one.get("href") for one in page.page.all("a")]
        assert f"/console/runs/{runs[0].id}" in links
        assert f"/console/runs/{elsewhere.id}" not in links


async def test_runs_at_the_times_of_a_schedule_are_its_own_too(database_url: str) -> None:
    async with house(office.AGENTS, database_url=database_url) as it:
        rhythm = Rhythm("* * * * *", start_at=datetime(2026, 1, 1, tzinfo=UTC))
        one = await it.engine.schedules.add("echo", rhythm, Work(input="Hi"), tenant="default", by="ada")
        key = f"schedule {one.id} 2026-01-01T00:01:00+00:00"
        run = await it.running.run("echo", "Hi", idempotency_key=key)
        asked = await it.engine.schedules.run_now(one.id, tenant="default")
        assert await it.engine.schedules.started(one.id, tenant="default") == [asked.id, run.id]


async def test_the_list_says_when_and_what_becomes_of_what_is_missed() -> None:
    async with house(office.AGENTS) as it:
        one = await _add(it)
        await _add(it, "fail", enabled=False)
        said = (await it.visitor.get(PATH)).page.said
        assert "on echo Monday to Friday at 09:00 0 9 * * 1-5 Asia/Tokyo skip it run once" in said
        assert "paused fail" in said
        assert said.index(" echo Monday") < said.index("paused fail")
        for query, agents in (("enabled=yes", ["echo"]), ("enabled=no", ["fail"]), (f"after={one.id}", ["fail"])):
            page = (await it.visitor.get(f"{PATH}?{query}")).page
            rows = [each for each in page.all("a") if each.get("class") == "row-link"]
            assert len(rows) == len(agents), query
            assert f" {agents[0]} Monday" in page.said, query
    async with house(office.AGENTS) as it:
        assert "Nothing starts by itself yet." in (await it.visitor.get(PATH)).page.said


async def test_a_schedule_is_made_and_changed_with_what_was_typed() -> None:
    async with house(office.AGENTS) as it:
        assert "Linz" not in (await it.visitor.get(f"{PATH}/new?assistant=trip")).text
        made = await it.visitor.submit(PATH, {**TYPED, "metadata": '{"team": "post"}', "budget": "0.5"})
        assert made.status == 303
        (one,) = await _all(it)
        assert made.headers["location"] == f"{PATH}/{one.id}"
        assert (one.rhythm.cron, one.rhythm.timezone, one.rhythm.overlap) == (
            "*/15 * * * *",
            "Europe/Vienna",
            Overlap.QUEUE,
        )
        assert (one.work.budget_nano, one.metadata, one.created_by) == (500_000_000, {"team": "post"}, "local")
        edit = await it.visitor.get(f"{PATH}/{one.id}/edit")
        values = {str(each.get("name")): each.get("value") for each in edit.page.all("input")}
        assert (values["cron"], values["timezone"], values["in.city"]) == ("*/15 * * * *", "Europe/Vienna", "Linz")
        wrong = await it.visitor.submit(f"{PATH}/{one.id}", {**TYPED, "cron": "every day", "in.city": EVIL})
        assert (wrong.status, "five fields" in wrong.text, "<script>alert" in wrong.text) == (422, True, False)
        assert 'value="every day"' in wrong.text
        changed = await it.visitor.submit(f"{PATH}/{one.id}", {**TYPED, "cron": "0 7 1 * *", "in.city": "Graz"})
        assert changed.status == 303
        (one,) = await _all(it)
        assert (one.rhythm.cron, one.work.input["city"], one.enabled) == ("0 7 1 * *", "Graz", True)
        lost = await it.visitor.submit(PATH, {**TYPED, "thread": "nowhere"})
        assert (lost.status, "There is no thread nowhere" in lost.text) == (404, True)
        assert (await it.visitor.post(PATH, TYPED)).status == 403
        actions = [entry.action for entry in await it.engine.books.audit.list("default", AuditWanted(subject=one.id))]
        assert actions == ["schedule.change", "schedule.create"]


async def test_it_is_paused_resumed_run_and_removed_with_the_entries_of_the_api() -> None:
    async with house(office.AGENTS) as it:
        one = await _add(it)
        path = f"{PATH}/{one.id}"
        for word, on in (("pause", False), ("resume", True)):
            assert (await it.visitor.submit(f"{path}/{word}", {})).status == 303
            assert (await _all(it))[0].enabled is on
        started = await it.visitor.submit(f"{path}/run", {})
        run_id = started.headers["location"].rpartition("/")[2]
        assert (await it.running.ended(run_id)).output == "Hi"
        asked = await it.visitor.get(f"{path}/delete")
        assert "Delete this schedule?" in asked.page.said
        assert len(await _all(it)) == 1
        assert (await it.visitor.post(f"{path}/delete", {})).status == 403
        assert (await it.visitor.submit(f"{path}/explode", {})).status == 404
        assert (await it.visitor.submit(f"{path}/delete", {})).headers["location"] == PATH
        assert await _all(it) == []
        assert (await it.visitor.get(path)).status == 404
        actions = [entry.action for entry in await it.engine.books.audit.list("default", AuditWanted(subject=one.id))]
        assert actions == ["schedule.remove", "schedule.run", "schedule.change", "schedule.change"]


async def test_hostile_words_stay_words() -> None:
    async with house(office.AGENTS) as it:
        rhythm = Rhythm("0 9 * * *")
        one = await it.engine.schedules.add(
            "echo", rhythm, Work(input=EVIL), metadata={EVIL: EVIL}, tenant="default", by=EVIL
        )
        for path in (PATH, f"{PATH}/{one.id}", f"{PATH}/{one.id}/edit", f"{PATH}/{one.id}/delete"):
            answer = await it.visitor.get(path)
            assert (answer.status, "<script>alert" in answer.text) == (200, False), path


async def test_another_tenant_sees_none_and_a_viewer_changes_none() -> None:
    async with serving(office.AGENTS, keys=("root",), table=True, console=True) as api:
        one = await api.running.engine.schedules.add(
            "echo", Rhythm("0 9 * * *"), Work(input="secret words"), tenant="default", by="ada"
        )
        keys: dict[str, str] = {}
        for name, role, tenant in (("v", "viewer", "default"), ("o", "operator", "other")):
            body = {"name": name, "role": role, "tenant": tenant}
            keys[name] = (await api.json("POST", "/keys", body, status=201, headers={"x-api-key": "root"}))["key"]
        seen = await api.client.get(f"{PATH}/{one.id}", auth=("", keys["v"]))
        assert ("secret words" in seen.text, "Delete…" in seen.text) == (True, False)
        assert "New schedule" not in (await api.client.get(PATH, auth=("", keys["v"]))).text
        assert "every day" not in (await api.client.get(PATH, auth=("", keys["o"]))).text
        for path in ("", "/edit", "/delete"):
            assert (await api.client.get(f"{PATH}/{one.id}{path}", auth=("", keys["o"]))).status_code == 404


async def test_somebody_makes_a_schedule_and_runs_it_now(browser: Browser) -> None:
    async with house(office.AGENTS) as it, desktop(browser, it.app) as desk:
        page = desk.page
        await desk.go("/console/runs")
        await page.keyboard.press("g")
        await page.keyboard.press("s")
        await page.get_by_role("link", name="New schedule").click()
        await page.get_by_label("What runs").select_option("trip")
        await page.get_by_role("button", name="Show").click()
        await page.get_by_label("City").fill("Linz")
        await page.get_by_label("Schedule minute").fill("0 9 * * 8")
        await page.get_by_role("button", name="Make schedule").click()
        await expect(page.get_by_label("Schedule minute")).to_have_attribute("aria-invalid", "true")
        await expect(page.get_by_label("City")).to_have_value("Linz")
        desk.complaints.clear()  # the browser tells of an answer of 422
        await page.get_by_label("Schedule minute").fill("0 9 * * 1")
        await page.get_by_role("button", name="Make schedule").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("trip · every Monday at 09:00")
        schedule = page.url
        await page.get_by_role("button", name="Run now").click()
        await expect(page.get_by_text("nights in Linz by train").first).to_be_visible()
        await page.goto(schedule)
        await expect(page.locator("table.runs tbody tr")).to_have_count(1)
        for path in (schedule, f"{schedule}/edit", PATH, f"{PATH}/new"):
            await page.goto(path if path.startswith("http") else desk.address + path)
            for width in (390, 768, 1280, 2560):
                await page.set_viewport_size({"width": width, "height": 900})
                assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, (path, width)
        await page.goto(schedule)
        await page.get_by_role("link", name="Delete…").click()
        await page.get_by_role("button", name="Delete the schedule").click()
        await expect(page.get_by_text("Nothing starts by itself yet.")).to_be_visible()
