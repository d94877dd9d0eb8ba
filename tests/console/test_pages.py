from __future__ import annotations

import gzip
import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fairlead.clock import SystemClock
from fairlead.runs.run import Status
from fairlead.web.console.policy import CONTENT_SECURITY_POLICY
from fairlead.web.console.waterfall import MORE_ROWS, MOST_ROWS
from tests.console.gallery import HOSTILE, big, gallery, run_id
from tests.console.memory_door import GalleryDoor
from tests.console.preview import gallery_app
from tests.console.visitor import Visitor

AT = datetime(2026, 11, 22, 9, 2, 11, tzinfo=UTC)
TABS = ("overview", "events", "model", "tools", "logs", "approvals", "children", "json")
PAGES = [
    "/console/runs",
    "/console/runs?q=zzzz",
    "/console/runs?status=error&agent=analyst",
    "/console/approvals",
    "/console/workers",
    "/console/deploys",
    "/console/service-levels",
    "/console/service-levels?window=1h",
    f"/console/runs/{run_id(2)}/cancel",
    "/console/approvals/ap-3/deny",
    "/console/runs/nobody",
    *(f"/console/runs/{run_id(n)}?tab={tab}" for n in (1, 2, 3, 4, 6) for tab in TABS),
]


@pytest.fixture
def door() -> GalleryDoor:
    return gallery(datetime.now(UTC))


@pytest.fixture
def visitor(door: GalleryDoor) -> Visitor:
    return Visitor(gallery_app(door, SystemClock()))


async def test_every_page_obeys_its_own_strict_policy(visitor: Visitor) -> None:
    for path in PAGES:
        answer = await visitor.get(path)
        assert answer.status in (200, 404), path
        assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        for tag, given, _ in answer.page.elements:
            assert "style" not in given, (path, tag)
            assert not [name for name in given if name.startswith(("on", "hx-on", "hx-vals"))], (path, tag)
            if tag == "script":
                assert given.get("src") or given.get("type") == "application/json"
            assert tag != "style"


async def test_a_run_links_to_its_trace_where_it_is_said_where_traces_are(door: GalleryDoor, visitor: Visitor) -> None:
    path = f"/console/runs/{run_id(2)}"
    linked = Visitor(gallery_app(door, SystemClock(), trace_url="https://traces.example/{trace_id}?a=1&b='x'"))
    trace = door.all[run_id(2)].trace.trace_hex
    wanted = f"https://traces.example/{trace}?a=1&b='x'"
    assert wanted in [given.get("href") for tag, given, _ in (await linked.get(path)).page.elements if tag == "a"]
    assert trace not in (await visitor.get(path)).text


async def test_hostile_words_stay_words(visitor: Visitor) -> None:
    for tab in TABS:
        answer = await visitor.get(f"/console/runs/{run_id(6)}?tab={tab}")
        page = answer.page
        assert not page.all("img")
        assert "hx-partial" not in {tag for tag, _, _ in page.elements}
        assert "alert(1)" not in "".join(page_scripts(answer.text))
    assert HOSTILE in (await visitor.get(f"/console/runs/{run_id(6)}")).page.said


def page_scripts(html: str) -> list[str]:
    return re.findall(r"<script[^>]*>(.*?)</script>", html, re.DOTALL)


async def test_ids_are_unique_and_every_page_has_one_heading(visitor: Visitor) -> None:
    for path in PAGES:
        page = (await visitor.get(path)).page
        ids = [given["id"] for _, given, _ in page.elements if given.get("id")]
        assert len(ids) == len(set(ids)), path
        assert len(page.all("h1")) == 1, path


async def test_no_link_of_ours_is_dead(visitor: Visitor, door: GalleryDoor) -> None:
    seen: set[str] = set()
    for path in (
        "/console/runs",
        "/console/approvals",
        "/console/workers",
        *(f"/console/runs/{run_id(n)}" for n in (1, 2, 3, 4)),
    ):
        for link in (await visitor.get(path)).page.all("a"):
            seen.add(link["href"] or "")
    for address in sorted(seen - {"#main"})[:120]:
        assert (await visitor.get(address)).status == 200, address


async def test_the_list_shows_state_title_duration_and_cost(visitor: Visitor) -> None:
    said = (await visitor.get("/console/runs")).page.said
    for word in (
        "needs approval",
        "outcome unknown",
        "小包が届きません。注文番号 48388",
        "budget spent",
        "refund-desk",
    ):
        assert word in said


async def test_the_form_of_filters_shows_those_in_force_and_carries_the_others(visitor: Visitor) -> None:
    page = (await visitor.get("/console/runs?q=tool:look+parcel&status=error&model=openai/x&from=24h")).page
    boxes = {str(one.get("name")): one.get("value") for one in page.all("input") if one.get("maxlength") == "200"}
    assert set(boxes) == {"agent", "release", "user", "model", "tool", "from", "to", "min_cost", "min_duration"}
    assert {name: value for name, value in boxes.items() if value} == {
        "model": "openai/x", "tool": "look", "from": "24h",
    }  # fmt: skip
    hidden = [(one["name"], one["value"]) for tag, one, around in page.elements
              if tag == "input" and one.get("type") == "hidden" and "filters" in around]  # fmt: skip
    assert hidden == [("q", "parcel"), ("status", "error")]


async def test_words_with_a_colon_in_the_search_line_are_filters(visitor: Visitor) -> None:
    page = (await visitor.get("/console/runs?q=agent:analyst+Parcel")).page
    assert {"type": "hidden", "name": "agent", "value": "analyst"} in page.all("input")
    assert "order-desk" not in page.said


async def test_pages_follow_each_other_by_key(visitor: Visitor, door: GalleryDoor) -> None:
    first = (await visitor.get("/console/runs")).text
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older is not None
    second = (await visitor.get(older[1].replace("&amp;", "&"))).text
    shown = [set(re.findall(r'id="run-([^"]+)"', page)) for page in (first, second)]
    assert shown[0] | shown[1] == set(door.all)
    assert not shown[0] & shown[1]


async def test_nothing_found_says_what_to_do_next(visitor: Visitor) -> None:
    assert "No runs match. Clear the filters" in (await visitor.get("/console/runs?q=zzzz")).page.said


async def test_the_first_visit_says_how_to_begin() -> None:
    visitor = Visitor(gallery_app(GalleryDoor(AT), SystemClock()))
    assert "fairlead run AGENT" in (await visitor.get("/console/runs")).page.said
    assert "fairlead ship deploy" in (await visitor.get("/console/deploys")).page.said
    assert "fairlead work" in (await visitor.get("/console/workers")).page.said


async def test_service_levels_are_met_missed_or_without_data(visitor: Visitor) -> None:
    page = (await visitor.get("/console/service-levels?window=7d")).page
    for word in ("0.12%, 61 of 50,000 failed", "88%", "3.0×", "P95 0.31 s, 90 of 1,000 late", "-80%", "100.000%",
                 "Processes that died: 1."):  # fmt: skip
        assert word in page.said, word
    assert page.said.count("no data") == 3
    assert (await visitor.get("/console/service-levels?window=soon")).status == 422


async def test_one_panel_that_fails_leaves_the_others(visitor: Visitor, door: GalleryDoor) -> None:
    door.broken = {"counts", "children", "approvals"}
    answer = await visitor.get("/console/runs")
    assert answer.status == 200
    assert "Counts could not be read" in answer.page.said
    assert (await visitor.get(f"/console/runs/{run_id(1)}")).status == 200
    assert "could not be read" in (await visitor.get(f"/console/runs/{run_id(1)}?tab=approvals")).page.said


async def test_an_error_says_what_failed_and_what_to_do(visitor: Visitor, door: GalleryDoor) -> None:
    door.broken = {"runs"}
    answer = await visitor.get("/console/runs")
    assert answer.status == 503
    assert "The database does not answer. It is asked again when you reload." in answer.page.said
    assert (await visitor.get("/console/runs/nobody")).status == 404


async def test_the_step_in_the_address_is_in_the_pane(visitor: Visitor) -> None:
    path = f"/console/runs/{run_id(1)}?step=order:call_2"
    said = (await visitor.get(path)).page.said
    assert "504 from carrier gateway" in said
    assert "next attempt after 1.05 s" in said
    fragment = await visitor.get(path, **{"hx-request": "true"})
    assert fragment.text.lstrip().startswith('<aside id="pane"')
    assert "HX-Request" in fragment.headers["vary"]


async def test_waterfall_rows_can_be_read_without_the_picture(visitor: Visitor) -> None:
    said = (await visitor.get(f"/console/runs/{run_id(1)}")).page.said
    assert "started at 4.05 s, took 5.85 s, 2 attempts" in said
    assert "Worker w-3 stopped answering; w-1 took over after 0.40 s. 6 recorded steps were reused." in said


async def test_a_run_of_five_thousand_steps_is_a_small_page(visitor: Visitor, door: GalleryDoor) -> None:
    door.put(*big(5, AT))
    answer = await visitor.get(f"/console/runs/{run_id(5)}?open=fetch.1&open=fetch.2")
    assert len(answer.body) < 600_000
    assert "show 150 more" in answer.page.said


async def test_of_many_events_the_latest_are_shown_and_more_when_asked_for(visitor: Visitor, door: GalleryDoor) -> None:
    door.put(*big(5, AT, steps=400))
    path = f"/console/runs/{run_id(5)}?tab=events"
    first = (await visitor.get(path)).page
    assert f"The latest {MOST_ROWS} of 403 events." in first.said
    more = next(one["href"] or "" for one in first.all("a") if "rows=" in (one.get("href") or ""))
    assert f"The latest {MOST_ROWS + MORE_ROWS} of 403 events." in (await visitor.get(more)).page.said


async def test_a_value_that_is_cut_can_be_had_whole(visitor: Visitor) -> None:
    answer = await visitor.get(f"/console/runs/{run_id(1)}/value?step=order:call_2&name=result")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert '"n": 5' in answer.text


async def test_cancelling_asks_first_and_happens_after_the_answer(visitor: Visitor, door: GalleryDoor) -> None:
    path = f"/console/runs/{run_id(2)}/cancel"
    assert "Cancel this run?" in (await visitor.get(path)).page.said
    assert door.all[run_id(2)].status is Status.RUNNING
    answer = await visitor.submit(path, {})
    assert (answer.status, answer.headers["location"]) == (303, f"/console/runs/{run_id(2)}")
    assert door.all[run_id(2)].status is Status.INTERRUPTED


async def test_an_approval_is_answered_with_name_and_comment(visitor: Visitor, door: GalleryDoor) -> None:
    await visitor.submit("/console/approvals/ap-3/answer", {"approved": "yes", "comment": "Fine."})
    decided = door.asked["ap-3"]
    assert (decided.approved, decided.decided_by, decided.comment) == (True, "local", "Fine.")
    assert (await visitor.get("/console/approvals/ap-3/approve")).status == 409


async def test_an_unknown_outcome_is_asked_of_the_person_who_resumes(visitor: Visitor, door: GalleryDoor) -> None:
    unknown = next(run for run in door.all.values() if run.reason == "outcome_unknown")
    page = (await visitor.get(f"/console/runs/{unknown.id}/resume")).page
    choices = [given["value"] for given in page.all("input") if given.get("type") == "radio"]
    assert choices == ["done", "failed", "repeat"]
    assert (await visitor.submit(f"/console/runs/{unknown.id}/resume", {"outcome": "maybe"})).status == 422
    await visitor.submit(f"/console/runs/{unknown.id}/resume", {"outcome": "repeat"})
    assert door.moves[-1] == ("resume", unknown.id, "repeat")


@pytest.mark.parametrize(
    "path", [f"/console/runs/{run_id(2)}/cancel", "/console/approvals/ap-3/answer", "/console/preferences"]
)
async def test_no_write_is_taken_from_another_site(visitor: Visitor, door: GalleryDoor, path: str) -> None:
    await visitor.get("/console/runs")
    own = {"csrf": visitor.cookies["fairlead_csrf"], "approved": "yes"}
    assert (await visitor.post(path, own, **{"sec-fetch-site": "cross-site"})).status == 403
    assert (await visitor.post(path, {"approved": "yes"})).status == 403
    assert door.moves == []


async def test_a_form_leads_back_into_the_console_only(visitor: Visitor) -> None:
    answer = await visitor.submit("/console/preferences", {"theme": "dark", "back": "//evil.test/console/"})
    assert answer.headers["location"] == "/console/runs"
    assert 'data-theme="dark"' in (await visitor.get("/console/runs")).text


async def test_the_reader_is_answered_in_his_zone(visitor: Visitor) -> None:
    visitor.cookies["fairlead_zone"] = "Asia%2FTokyo"
    assert "Asia/Tokyo · UTC+9" in (await visitor.get("/console/runs")).page.said


async def test_assets_may_be_kept_for_a_year_and_pages_not_at_all(visitor: Visitor) -> None:
    page = await visitor.get("/console/runs")
    assert page.headers["cache-control"] == "no-store"
    for given in (*page.page.all("script"), *page.page.all("link")):
        address = given.get("src") or given.get("href")
        if address:
            asset = await visitor.get(address)
            assert (asset.status, "immutable" in asset.headers["cache-control"]) == (200, True)
            packed = await visitor.get(address, **{"accept-encoding": "gzip, br"})
            if packed.headers.get("content-encoding") == "gzip":
                assert gzip.decompress(packed.body) == asset.body and len(packed.body) < len(asset.body)
            else:
                assert len(asset.body) <= 1000
            assert packed.headers["vary"] == asset.headers["vary"] == "Accept-Encoding"
    assert (await visitor.get("/console/static/0000/console.css")).status == 404
    assert (await visitor.get("/console/static/0000/../router.py")).status == 404


def test_vendored_files_are_what_their_list_says() -> None:
    folder = Path(__file__).parents[2] / "fairlead/web/console/static/vendor"
    listed = dict(line.split()[::-1] for line in (folder / "SHA256SUMS").read_text().splitlines())
    found = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.glob("*.js")}
    assert found == {name: digest for name, digest in listed.items() if name.endswith(".js")}
    assert (folder / "htmx-LICENSE.txt").exists()


async def test_a_page_is_packed_for_a_browser_that_asked_for_it_itself() -> None:
    visitor = Visitor(gallery_app(gallery(AT), SystemClock()))
    plain = await visitor.get("/console/runs")
    packed = await visitor.get("/console/runs", **{"accept-encoding": "gzip", "sec-fetch-site": "none"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["vary"]
    assert len(packed.body) < len(plain.body) / 3
    assert b'<main id="main"' in gzip.decompress(packed.body)


async def test_the_token_of_forms_is_not_in_the_page_as_the_cookie_has_it_and_is_another_word_each_time() -> None:
    visitor = Visitor(gallery_app(gallery(AT), SystemClock()))
    pages = [(await visitor.get("/console/runs")).page for _ in range(2)]
    told = [{one["value"] for one in page.all("input") if one.get("name") == "csrf"} for page in pages]
    assert len(told[0]) == len(told[1]) == 1
    assert told[0] != told[1]
    assert visitor.cookies["fairlead_csrf"] not in told[0]
    for given in (told[0] | told[1]) - {None}:
        form = {"csrf": given or "", "theme": "dark"}
        assert (await visitor.post("/console/preferences", form)).status == 303


async def test_the_tab_of_many_calls_shows_the_first_of_them_and_leads_to_more() -> None:
    visitor = Visitor(gallery_app(gallery(AT), SystemClock()))
    path = f"/console/runs/{run_id(5)}?tab=tools"
    first = await visitor.get(path)
    shown = first.text.count('class="row-link mono"')
    assert shown == 100
    more = next(one["href"] or "" for one in first.page.all("a") if "rows=250" in (one.get("href") or ""))
    assert "tab=tools" in more
    assert (await visitor.get(more)).text.count('class="row-link mono"') > shown
