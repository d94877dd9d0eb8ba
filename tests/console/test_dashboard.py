"""The dashboard: what it is asked for, how it is drawn, and its page on a real engine."""

from __future__ import annotations

import asyncio
import csv
import gzip
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from fairlead.access import NewKey, Role
from fairlead.agents import Context
from fairlead.errors import DatabaseUnavailable, InvalidInput
from fairlead.gateway.allowance import Period as BudgetPeriod
from fairlead.gateway.budgets import BudgetState
from fairlead.gateway.circuit import State as Circuit
from fairlead.gateway.costs import Moment
from fairlead.gateway.costs import Sums as Costs
from fairlead.gateway.standing import Standing, Tally
from fairlead.operate.levels import Report, Window
from fairlead.operate.monitoring import ALERTS
from fairlead.runs.figure_book import AtWork, Still
from fairlead.runs.figures import DAY, FINE, HOUR, Course, Sums, ToolUse, bucket_of
from fairlead.runs.oversight import Unserved
from fairlead.runs.run import NewRun, Reason
from fairlead.web.console import attention, dashboard_view
from fairlead.web.console.attention import Item
from fairlead.web.console.dashboard_query import Query, parse
from fairlead.web.console.dashboard_tiles import ERROR_ALERT, LATENCY_ALERT
from fairlead.web.console.dashboard_view import Choices, DashboardView, Material, csv_of
from fairlead.web.console.format import Format
from fairlead.web.console.state import State, Tone
from tests.api.serving import serving
from tests.console.desktop import Desktop, House, desktop, house
from tests.console.gallery import HOSTILE

NOW = datetime(2026, 11, 27, 9, 24, tzinfo=UTC)
MINUTE = int(NOW.timestamp()) // 60
FMT = Format(NOW)
DAYS = timedelta(days=1)
NANO = 1_000_000_000


# What is asked for


def test_without_anything_it_is_the_last_day_to_the_five_minutes_drawn_by_the_hour() -> None:
    query = parse({}, NOW)
    span = query.span
    assert (query.period, span.grain, span.step) == ("24h", FINE, HOUR)
    assert span.until == MINUTE + 1, "09:25"
    assert span.until - span.since == DAY
    assert span.drawn == span.since - 25
    assert span.before == span.since - DAY


@pytest.mark.parametrize(
    ("period", "grain", "step"), [("1h", FINE, FINE), ("24h", FINE, HOUR), ("7d", HOUR, HOUR), ("30d", DAY, DAY)]
)
def test_the_longer_the_period_the_coarser_it_is(period: str, grain: int, step: int) -> None:
    span = parse({"period": period}, NOW).span
    assert (span.grain, span.step) == (grain, step)
    assert all(one % span.grain == 0 for one in (span.before, span.drawn, span.since, span.until))
    assert span.until > MINUTE >= span.until - span.grain


def test_a_beginning_and_an_end_are_whole_hours() -> None:
    query = parse({"from": "2026-11-26T10:20", "to": "2026-11-26T18:00Z", "period": "7d"}, NOW)
    assert query.period == ""
    assert (query.span.until - query.span.since, query.span.since % HOUR) == (8 * HOUR, 0)


def test_a_period_that_is_chosen_takes_the_place_of_what_was_given_before() -> None:
    given = {"from": "2026-11-26", "to": "2026-11-26"}
    assert parse({**given, "given": "1", "period": "7d"}, NOW) == parse({"period": "7d"}, NOW)
    assert parse({**given, "given": "1", "period": ""}, NOW) == parse(given, NOW)


def test_five_minutes_of_long_ago_are_not_asked_for() -> None:
    span = parse({"from": "2026-11-01T10:00", "to": "2026-11-01T12:00"}, NOW).span
    assert (span.grain, span.step) == (HOUR, HOUR)


@pytest.mark.parametrize(
    "params", [{"period": "2h"}, {"from": "soon"}, {"from": "2026-11-27", "to": "2026-11-01"}, {"from": "2027-01-01"}]
)
def test_what_is_no_period_is_refused(params: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        parse(params, NOW)


def test_the_address_holds_everything_and_leads_to_the_runs_behind() -> None:
    query = parse({"period": "7d", "agent": "a&b", "release": ""}, NOW)
    assert query.address() == "/console?period=7d&agent=a%26b"
    assert parse({one: two[0] for one, two in parse_qs(urlsplit(query.address()).query).items()}, NOW) == query
    assert query.runs(status="error") == "/console/runs?agent=a%26b&from=7d&status=error"
    between = parse({"from": "2026-11-26", "to": "2026-11-26"}, NOW)
    assert between.runs() == "/console/runs?from=2026-11-26&to=2026-11-26"


def test_the_runs_of_other_tenants_are_not_in_the_readers_list() -> None:
    assert parse({"tenant": "other"}, NOW).runs() == ""


# How it is drawn


def course(query: Query, spans: dict[int, Sums] | None = None, **more: Any) -> Course:
    span = query.span
    return Course(span.before, span.until, spans or {}, **more)


def shaped(query: Query | None = None, **read: Any) -> DashboardView:
    query = query or parse({}, NOW)
    usual: dict[str, Any] = {
        "course": course(query), "at_work": AtWork(0, 0, None), "costs": [], "today": [], "budget": None,
        "attention": (), "levels": Report(Window(NOW - 30 * DAYS, NOW), []), "choices": Choices(),
    }  # fmt: skip
    return dashboard_view.shape(query, Material(**{**usual, **read}), FMT)


def tile(view: DashboardView, label: str) -> Any:
    return next(one for one in view.tiles if one.label == label)


def test_figures_are_of_the_period_and_changes_on_the_one_before() -> None:
    query = parse({}, NOW)
    now, before = query.span.until - HOUR, query.span.since - HOUR
    spans = {
        now: Sums(success=97, interrupted=1, failed=2, took_us=990_000_000),
        before: Sums(success=45, failed=5, took_us=250_000_000),
    }
    view = shaped(query, course=course(query, spans, buckets={bucket_of(8_000_000): 99}))
    success, errors, runs, mean = (
        tile(view, label) for label in ("Success rate", "Error rate", "Runs ended", "Mean latency")
    )
    assert (success.value, success.change.said, success.change.tone) == ("97%", "7.0 on the day before", "ok")
    assert (errors.value, errors.change.up, errors.change.tone, errors.more) == ("2%", False, "ok", "2 runs")
    assert (runs.value, runs.change.by) == ("100", "100%")
    assert (mean.value, mean.change.by, mean.more) == ("10.0 s", "5.00 s", "P95 7.3 s")


def test_of_nothing_no_rate_is_known_and_there_are_0_runs() -> None:
    view = shaped()
    assert [tile(view, one).value for one in ("Success rate", "Error rate", "Mean latency")] == ["—", "—", "—"]
    assert tile(view, "Runs ended").value == "0"
    assert tile(view, "Success rate").change is None
    assert view.charts["errors"].empty
    assert view.ended == 0


def test_an_hour_without_runs_is_a_gap_in_rates_and_0_in_counts() -> None:
    query = parse({}, NOW)
    hour = query.span.starts[3]
    view = shaped(query, course=course(query, {hour: Sums(success=3, failed=1)}))
    assert view.charts["errors"].data["series"][0]["values"][2:5] == [None, 0.25, None]
    assert view.charts["runs"].data["series"][0]["values"][2:5] == [0, 3, 0]


def test_what_is_not_counted_yet_is_a_gap_and_is_said() -> None:
    query = parse({}, NOW)
    begun = query.span.starts[2]
    view = shaped(query, course=course(query, {}, counted_from=begun))
    assert view.charts["runs"].data["series"][0]["values"][:3] == [None, None, 0]
    assert view.counted_from != ""
    assert tile(view, "Runs ended").change is None
    assert shaped(query, course=course(query, {}, counted_from=query.span.before)).counted_from == ""


def test_the_last_step_is_partial_until_it_is_over() -> None:
    assert shaped().charts["runs"].data["partial"] is True
    over = parse({"from": "2026-11-25", "to": "2026-11-25"}, NOW)
    assert shaped(over, course=course(over)).charts["runs"].data["partial"] is False


def test_cost_goes_by_the_day_as_its_budget_does() -> None:
    midnight = NOW.replace(hour=0, minute=0)
    today = [Moment(midnight + timedelta(hours=hour), Costs(cost_nano=NANO)) for hour in range(-24, 10)]
    budget = BudgetState("default", "all", BudgetPeriod.DAY, 100 * NANO, 0, 0, "")
    one = tile(
        shaped(today=[*today[:-1], Moment(today[-1].at, Costs(cost_nano=3 * NANO))], budget=budget), "Cost today"
    )
    assert (one.value, one.aside, one.href) == ("$12.00", "of $100", "/console/costs")
    assert (one.change.said, one.change.up) == ("$2.00 on yesterday", True)


def test_filtered_costs_are_those_of_the_runs_that_ended() -> None:
    query = parse({"agent": "a"}, NOW)
    spans = {query.span.starts[5]: Sums(success=1, cost_nano=2 * NANO)}
    view = shaped(query, course=course(query, spans), costs=None)
    assert view.charts["cost"].data["series"][0]["values"][5] == 2
    assert view.heads["cost"] == "$2.00, of the runs that ended"


def test_what_goes_on_is_told_with_its_queue() -> None:
    one = tile(shaped(at_work=AtWork(23, 7, NOW - timedelta(seconds=4))), "Running now")
    assert (one.value, one.aside, one.more) == ("23", "queue 7", "oldest waits 4 s")
    assert one.href == "/console/runs?status=running"
    assert tile(shaped(at_work=AtWork(10_000, 0, None)), "Running now").value == "10,000+"


def test_times_are_columns_by_octaves_that_lead_to_the_runs() -> None:
    query = parse({}, NOW)
    buckets = {bucket_of(900_000): 3, bucket_of(50_000_000): 2, bucket_of(100_000_000): 1}
    view = shaped(query, course=course(query, {query.span.starts[5]: Sums(success=6)}, buckets=buckets))
    assert view.latency is not None
    bins = [one.bin for one in view.latency.drawn.columns]
    assert [(one.label, one.count) for one in bins] == [
        ("≤ 1 s", 3), ("2", 0), ("4", 0), ("8", 0), ("16", 0), ("32", 0), ("64", 2), ("128", 1),
    ]  # fmt: skip
    assert bins[-1].href == "/console/runs?from=24h&min_duration=64s"
    (line,) = view.latency.drawn.lines
    assert 6 * 12.5 < line.x < 7 * 12.5, "60 s are between 32 and 64"
    assert line.limit


def test_short_times_are_told_in_milliseconds() -> None:
    query = parse({}, NOW)
    buckets = {bucket_of(100_000): 3, bucket_of(1_500_000): 1}
    view = shaped(query, course=course(query, {query.span.starts[5]: Sums(success=4)}, buckets=buckets))
    assert view.latency is not None
    assert [one.bin.label for one in view.latency.drawn.columns] == ["≤ 125 ms", "250", "500", "1 s", "2"]


def test_tools_that_fail_often_stand_out() -> None:
    query = parse({}, NOW)
    tools = [ToolUse("search", 1000, 1), ToolUse("carrier", 500, 34)]
    drawn = shaped(query, course=course(query, {}, tools=tools)).tools
    assert [(one.row.said, one.row.more, one.row.tone, one.width) for one in drawn] == [
        ("1,000", "0.1%", "light", 100), ("500", "6.8%", "err", 50),
    ]  # fmt: skip
    assert drawn[0].row.href == "/console/runs?from=24h&tool=search"


def test_what_could_not_be_read_fails_alone() -> None:
    away = DatabaseUnavailable("The database did not answer.")
    item = Item(State("error", Tone.ERR, "out"), "Something", "/console/runs")
    view = shaped(course=away, attention=([item], away))
    assert set(view.failed) == {"runs", "latency", "errors", "tools"}
    assert "cost" in view.charts
    assert (view.attention, view.unknown) == ((item,), 1)
    assert tile(view, "Success rate").value == "—"
    every = shaped(course=away, costs=None, levels=away, at_work=away, today=away, budget=away, choices=away)
    assert set(every.failed) == {"runs", "latency", "errors", "tools", "cost", "levels"}


def test_a_chart_is_a_file_too() -> None:
    query = parse({}, NOW)
    spans = {query.span.starts[0]: Sums(success=3, failed=1)}
    lines = list(csv.reader(csv_of(shaped(query, course=course(query, spans)), "runs").splitlines()))
    assert lines[0] == ["start", "success", "interrupted", "failed"]
    assert lines[1] == ["2026-11-26T09:00:00+00:00", "3", "0", "1"]
    assert csv_of(shaped(query, course=course(query, spans)), "errors").splitlines()[1:3] == [
        "2026-11-26T09:00:00+00:00,0.25", "2026-11-26T10:00:00+00:00,",
    ]  # fmt: skip


def test_limits_are_those_of_the_alerts() -> None:
    expressions = {one.name: one.expr for one in ALERTS}
    assert expressions["AgentHighErrorRate"].endswith(f"> {ERROR_ALERT:.2f}")
    assert expressions["AgentHighLatency"].endswith(f"> {LATENCY_ALERT:g}")


# What needs a person


def test_runs_that_stand_still_lead_to_where_somebody_can_help() -> None:
    still = [Still(Reason.APPROVAL, 3, NOW - timedelta(minutes=41)), Still(Reason.OUTCOME_UNKNOWN, 1, NOW)]
    items = attention.of_still(still, "/console/runs?status=interrupted", FMT)
    assert [(one.said, one.when, one.href) for one in items] == [
        ("3 runs wait for an approval", "oldest: 41 min ago", "/console/approvals"),
        ("1 run: outcome unknown", "oldest: 0 s ago", "/console/runs?status=interrupted&reason=outcome_unknown"),
    ]
    assert {one.href for one in attention.of_still(still, "", FMT)} == {""}


def test_a_provider_that_is_away_is_told_and_one_without_a_key_is_not() -> None:
    standings = [
        Standing("openai", Circuit.OPEN, ready=True, heard=True), Standing("mistral", Circuit.CLOSED, True, True),
        Standing("cohere", Circuit.OPEN, ready=False, heard=False), Standing("anthropic", Circuit.CLOSED, True, True),
    ]  # fmt: skip
    tallies = [Tally("mistral", 5, 0, 0, 5), Tally("anthropic", 5, 4, 0, 1)]
    items = attention.of_providers(standings, tallies, FMT)
    assert [one.said for one in items] == [
        "Provider openai is left alone after errors", "Provider mistral answered no call of late",
    ]  # fmt: skip


def test_runs_that_nobody_serves_are_told_by_agent_and_release() -> None:
    (item,) = attention.of_unserved([Unserved("v2", "triage", 5, NOW)], FMT)
    assert item.said == "5 runs wait: no worker serves triage on v2"
    assert item.href == "/console/workers"


# The page


async def echo(input: Any) -> Any:
    return input


async def fails(input: Any) -> Any:
    raise ValueError("no")


async def asks(input: Any, ctx: Context) -> Any:
    return (await ctx.approve("May I?")).approved


AGENTS = {"echo": echo, "fails": fails, "asks": asks}


@pytest.fixture
async def at_home(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    async with house(AGENTS, database_url=database_url, root=tmp_path) as opened:
        yield opened


_TILE = r'<div class="tile"><h2>(?:<a [^>]+>)?([^<]+)(?:</a>)?</h2><p class="figure"><b>([^<]+)</b>'


def figures(text: str) -> dict[str, str]:
    return dict(re.findall(_TILE, text))


def data(text: str, name: str) -> dict[str, Any]:
    found = re.search(rf"id=\"chart-{name}\" data-chart='([^']+)'", text)
    assert found is not None
    return json.loads(found.group(1))


async def test_the_page_tells_how_runs_went_and_leads_to_them(at_home: House) -> None:
    for number in range(3):
        await at_home.running.run("echo", number)
    await at_home.running.run("fails", 1)
    await at_home.running.run("asks", 1)
    answer = await at_home.visitor.get("/console")
    assert answer.status == 200
    told = figures(answer.text)
    assert (told["Success rate"], told["Error rate"], told["Runs ended"]) == ("75%", "25%", "4")
    assert "1 run waits for an approval" in answer.page.said
    links = [one.get("href") or "" for one in answer.page.all("a")]
    assert "/console/runs?from=24h&status=error" in links
    assert "/console/approvals" in links
    assert sum(value or 0 for value in data(answer.text, "runs")["series"][0]["values"]) == 3


async def test_a_filter_narrows_every_figure_and_stays_chosen(at_home: House) -> None:
    await at_home.running.run("echo", 1)
    await at_home.running.run("fails", 1)
    answer = await at_home.visitor.get("/console?period=7d&agent=fails")
    assert figures(answer.text)["Error rate"] == "100%"
    chosen = [one for one in answer.page.all("option") if "selected" in one]
    assert "7d" in [one.get("value") for one in chosen]
    assert "<option selected>fails</option>" in answer.text
    assert "/console/runs?agent=fails&amp;from=7d&amp;status=error" in answer.text
    none = await at_home.visitor.get("/console?release=none")
    assert figures(none.text)["Runs ended"] == "0"
    assert "No run ended in this time." in none.text


async def test_the_front_page_leads_to_it(at_home: House) -> None:
    answer = await at_home.visitor.get("/")
    assert (answer.status, answer.headers["location"]) == (307, "/console")
    places = [one for one in (await at_home.visitor.get("/console")).page.all("a") if one.get("aria-current") == "page"]
    assert [one["href"] for one in places] == ["/console"]


@pytest.mark.parametrize("query", ["period=2h", "from=soon", "from=2026-11-27&to=2026-11-01"])
async def test_nonsense_is_refused_with_what_would_be_right(at_home: House, query: str) -> None:
    answer = await at_home.visitor.get(f"/console?{query}")
    assert answer.status == 422
    assert "Traceback" not in answer.text


async def test_a_chart_can_be_had_as_a_file(at_home: House) -> None:
    await at_home.running.run("echo", 1)
    answer = await at_home.visitor.get("/console?period=1h&format=csv&chart=runs")
    assert answer.headers["content-type"].startswith("text/csv")
    lines = list(csv.reader(answer.text.splitlines()))
    assert sum(int(line[1]) for line in lines[1:]) == 1
    assert (await at_home.visitor.get("/console?format=csv&chart=none")).status == 404


async def test_hostile_names_stay_text(at_home: House) -> None:
    engine = at_home.engine
    async with asyncio.timeout(8):
        while not (folds := await engine.database.read(engine.queries["folds"])) or folds[0]["behind_at"]:
            await asyncio.sleep(0.01)
    marks = {"ahead": folds[0]["ahead_at"], "behind": 0, "new_ahead": folds[0]["ahead_at"], "new_behind": 0}
    minute = engine.clock.micros() // 60_000_000
    rows = [
        (kind, grain, "default", minute // grain * grain, HOSTILE, HOSTILE, name, 3, 1, 9, 9)
        for kind, name in (("status", "success"), ("tool", HOSTILE)) for grain in (FINE, HOUR, DAY)
    ]  # fmt: skip
    await engine.database.write(engine.queries["put_figures"], rows, **marks)
    answer = await at_home.visitor.get("/console?release=%3Cscript%3Ealert(1)%3C/script%3E'%22")
    for text in (answer.text, (await at_home.visitor.get("/console")).text):
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "<hx-partial" not in text
    assert "{{ 7*7 }}" in answer.text


async def test_nobody_sees_another_tenants_figures_but_who_runs_the_house() -> None:
    async with house(AGENTS) as opened:
        engine = opened.engine
        await engine.control.submit(NewRun("echo", 1, tenant="other"), watch=True)
        await opened.running.run("echo", 2)
        async with asyncio.timeout(8):
            while not [one for one in await engine.control.list(tenant="other") if one.status.finished]:
                await asyncio.sleep(0.01)
        ours, theirs = await opened.visitor.get("/console"), await opened.visitor.get("/console?tenant=other")
        both = await opened.visitor.get("/console?tenant=*")
        assert [figures(one.text)["Runs ended"] for one in (ours, theirs)] == ["1", "1"]
        assert "/console/runs?from" not in theirs.text, "the list is of one's own runs"
        assert both.status == 200


async def test_who_is_of_one_tenant_is_not_offered_others_and_gets_none() -> None:
    async with serving(AGENTS, keys=("root",), table=True, console=True) as api:
        issued = await api.running.engine.books.keys.create(NewKey("viewer", role=Role.VIEWER), by="test")
        headers = {"x-api-key": issued.secret}
        await api.running.engine.control.submit(NewRun("echo", 1, tenant="other"), watch=True)
        page = await api.client.get("/console", headers=headers)
        assert page.status_code == 200
        assert 'name="tenant"' not in page.text
        for wanted in ("other", "*"):
            for path in (f"/console?tenant={wanted}", f"/console/dashboard/live?tenant={wanted}"):
                assert (await api.client.get(path, headers=headers)).status_code == 403
        assert (await api.client.get("/console?tenant=default", headers=headers)).status_code == 200
        assert (await api.client.get("/console?tenant=other", headers={"x-api-key": "root"})).status_code == 200


# In a browser


@pytest_asyncio.fixture(loop_scope="session")
async def shown(browser: Browser) -> AsyncIterator[tuple[Desktop, House]]:
    async with house(AGENTS) as opened:
        for number in range(4):
            await opened.running.run("echo", number)
        await opened.running.run("fails", 1)
        async with desktop(browser, opened.app) as desk:
            await desk.go("/console")
            await desk.page.wait_for_selector("#chart-runs canvas")
            yield desk, opened


async def test_charts_are_drawn_and_follow_what_happens_without_flicker(shown: tuple[Desktop, House]) -> None:
    desk, opened = shown
    await desk.page.evaluate("document.querySelector('#chart-runs canvas').dataset.mine = 1")
    await desk.page.click("#table-runs summary")
    await desk.page.focus("select[name=agent]")
    await opened.running.run("echo", 5)
    await desk.page.wait_for_selector("#dash-strip >> text=83.3%")
    table = await desk.page.inner_text("#table-runs tbody tr:first-child")
    assert table.split()[-3:] == ["5", "0", "1"], "the table is what the chart is"
    assert await desk.page.locator("#chart-runs canvas[data-mine]").count() == 1, "the canvas stayed the same"
    assert await desk.page.locator("#table-runs[open]").count() == 1
    assert await desk.page.evaluate("document.activeElement.name") == "agent"


async def test_dragging_over_a_chart_asks_for_that_time(shown: tuple[Desktop, House]) -> None:
    desk, _ = shown
    box = await desk.page.locator("#chart-runs .u-over").bounding_box()
    assert box is not None
    await desk.page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 50)
    await desk.page.mouse.down()
    await desk.page.mouse.move(box["x"] + 0.95 * box["width"], box["y"] + 60, steps=5)
    await desk.page.mouse.up()
    await desk.page.wait_for_url("**/console?*from=*")
    query = parse_qs(urlsplit(desk.page.url).query)
    assert set(query) == {"from", "to"}
    assert "–" in await desk.page.inner_text("#between summary")


async def test_the_theme_turns_the_colours_of_charts_too(shown: tuple[Desktop, House]) -> None:
    desk, _ = shown
    before = await desk.page.evaluate(_PIXEL)
    await desk.page.keyboard.press("t")
    async with asyncio.timeout(5):
        while await desk.page.evaluate(_PIXEL) == before:
            await asyncio.sleep(0.05)


async def test_by_keyboard_one_comes_here_and_goes_on_to_the_runs_behind_a_figure(shown: tuple[Desktop, House]) -> None:
    desk, _ = shown
    await desk.page.keyboard.press("g")
    await desk.page.keyboard.press("r")
    await desk.page.wait_for_url("**/console/runs")
    await desk.page.keyboard.press("g")
    await desk.page.keyboard.press("d")
    await desk.page.wait_for_url("**/console")
    await desk.page.focus("text=Error rate")
    await desk.page.keyboard.press("Enter")
    await desk.page.wait_for_url("**/console/runs?from=24h&status=error")


@pytest.mark.parametrize("width", [390, 1280])
async def test_the_page_never_scrolls_sideways_and_is_light(browser: Browser, width: int) -> None:
    async with house(AGENTS) as opened:
        await opened.running.run("echo", 1)
        answer = await opened.visitor.get("/console")
        addresses = {
            one.get("src") or one.get("href") or "" for tag in ("script", "link") for one in answer.page.all(tag)
        }
        files = [(await opened.visitor.get(one)).body for one in sorted(addresses) if "/static/" in one]
        assert len(files) > 8
        assert sum(len(gzip.compress(one)) for one in [answer.body, *files]) <= 200_000
        async with desktop(browser, opened.app, width=width) as desk:
            await desk.go("/console")
            await desk.page.wait_for_selector("#chart-runs canvas")
            assert await desk.page.evaluate("document.documentElement.scrollWidth") <= width


_PIXEL = """() => {
    const one = document.querySelector('#chart-runs canvas');
    const values = [...one.getContext('2d').getImageData(0, 0, one.width, one.height).data];
    return values.reduce((sum, value, place) => (sum * 31 + value * (place % 4 + 1)) % 1000003, 7);
}"""
