"""Pages of deploys that were really carried out, on a rehearsed target."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fairlead.clock import SystemClock
from fairlead.ship.ledger import LEASE
from fairlead.ship.rehearsal import Behaviour
from fairlead.ship.release import Release
from fairlead.ship.strategy import Outcome, Word
from fairlead.ship.terms import Strategy, Terms
from fairlead.ship.verdict import Finding, Verdict
from fairlead.web.console import course, state
from fairlead.web.console.assets import FOLDER
from fairlead.web.console.door import Shipped
from fairlead.web.console.format import Format
from fairlead.web.console.pages import deploy as page
from fairlead.web.console.policy import CONTENT_SECURITY_POLICY
from tests.console.deploys import BAD, GOOD, NEW, Yard, open_yard
from tests.console.memory_door import GalleryDoor
from tests.console.preview import gallery_app
from tests.console.visitor import Page, Visitor

ICONS = set(re.findall(r'<symbol id="([^"]+)"', (FOLDER / "icons.svg").read_text()))
AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
async def yard(tmp_path: Path) -> AsyncIterator[Yard]:
    opened = await open_yard(tmp_path / "deploys.db", at=AT)
    await opened.ship(GOOD, Terms(strategy=Strategy.ROLLING, bake=1.0))
    yield opened
    await opened.close()


@pytest.fixture
def visitor(yard: Yard) -> Visitor:
    door = GalleryDoor(AT)
    door.ledger = yard.ledger
    return Visitor(gallery_app(door, SystemClock()))


async def shipped(yard: Yard, deploy_id: str) -> Shipped:
    deploy = await yard.ledger.get(deploy_id)
    return Shipped(deploy, tuple(await yard.ledger.steps(deploy)), tuple(await yard.ledger.seen(deploy)))


def fmt(yard: Yard) -> Format:
    return Format(yard.clock.now())


async def test_the_list_has_the_one_under_way_on_top_with_its_step(yard: Yard, visitor: Visitor) -> None:
    yard.target.behaviour[BAD] = Behaviour(error_rate=0.5)
    await yard.ship(BAD)
    await yard.watching(NEW, looks=1)
    said = (await visitor.get("/console/deploys")).page.said
    places = [said.index(word) for word in (f"under way {NEW} Watch {NEW}", f"rolled back {BAD}", f"succeeded {GOOD}")]
    assert places == sorted(places)
    assert "Canary" in said and "Rolling" in said and "mika" in said


async def test_a_deploy_shows_every_step_and_both_releases_look_by_look(yard: Yard, visitor: Visitor) -> None:
    deploy = await yard.watching(NEW, looks=4)
    answer = await visitor.get(f"/console/deploys/{deploy.id}")
    found = answer.page
    for words in (f"Start {NEW}", "Smoke test", f"Route 10% to {NEW}", "Watch at 10%", f"Route 100% to {NEW}", "Bake",
                  f"Retire {GOOD}", "4 looks", "200 in 14 ms", "step 5 of 10"):  # fmt: skip
        assert words in found.said, words
    charts = [given["aria-label"] or "" for given in found.all("svg") if given.get("role") == "img"]
    assert [chart.split(".")[0] for chart in charts] == ["Error rate", "P95 latency", "Requests a look"]
    assert all(f"{NEW}: highest" in chart and f"{GOOD}: highest" in chart for chart in charts)
    table = answer.text.partition("looks-table")[2].partition("</table>")[0]
    assert table.count('<th scope="row">') == 4
    assert [given["href"] for given in found.all("a") if "danger" in (given.get("class") or "")] == [
        f"/console/deploys/{deploy.id}/back", f"/console/deploys/{deploy.id}/halt",
    ]  # fmt: skip


async def test_the_way_back_is_set_apart_and_nothing_is_left_to_say(yard: Yard, visitor: Visitor) -> None:
    yard.target.behaviour[BAD] = Behaviour(error_rate=0.5)
    deploy = await yard.ship(BAD)
    found = (await visitor.get(f"/console/deploys/{deploy.id}")).page
    assert found.said.index("Rollback") < found.said.index(f"Start {GOOD}")
    assert f"{GOOD} has all requests." in found.said
    assert "Errors beside stable" in found.said
    assert not [given for given in found.all("a") if "dialog" in (given.get("hx-target") or "")]
    assert "stream" not in {given.get("id") for given in found.all("span")}
    assert "fairlead ship rollback" not in found.said


async def test_who_wants_to_go_back_later_is_told_the_command(yard: Yard, visitor: Visitor) -> None:
    deploy = await yard.ship(NEW)
    assert deploy.outcome is Outcome.SUCCEEDED
    assert "fairlead ship rollback" in (await visitor.get(f"/console/deploys/{deploy.id}")).page.said


async def test_a_word_is_asked_for_said_once_and_heard(yard: Yard, visitor: Visitor) -> None:
    deploy = await yard.watching(NEW, looks=2)
    path = f"/console/deploys/{deploy.id}"
    question = (await visitor.get(f"{path}/halt")).page
    assert f"Halt the deploy of {NEW}?" in question.said and f"{GOOD} → {NEW} · Watch {NEW}" in question.said
    assert (await yard.ledger.get(deploy.id)).word is None
    answer = await visitor.submit(f"{path}/halt", {})
    assert (answer.status, answer.headers["location"]) == (303, path)
    said = await yard.ledger.get(deploy.id)
    assert (said.word, said.word_by) == (Word.HALT, "local")
    assert "local has halted the deploy." in (await visitor.get(path)).page.said
    assert (await visitor.submit(f"{path}/promote", {})).status == 409, "a halt is not taken back by a late click"
    assert (await visitor.get(f"{path}/promote")).status == 409
    await yard.go_on(until=yard.tasks[-1].done)
    found = (await visitor.get(path)).page
    assert "Frozen" in found.said and "halted by local" in found.said
    assert (await visitor.get(f"{path}/halt")).status == 409


async def test_no_word_is_taken_from_another_site(yard: Yard, visitor: Visitor) -> None:
    deploy = await yard.watching(NEW, looks=1)
    await visitor.get("/console/deploys")
    path, own = f"/console/deploys/{deploy.id}/back", {"csrf": visitor.cookies["fairlead_csrf"]}
    assert (await visitor.post(path, own, **{"sec-fetch-site": "cross-site"})).status == 403
    assert (await visitor.post(path, {})).status == 403
    assert (await yard.ledger.get(deploy.id)).word is None
    assert (await visitor.submit(f"/console/deploys/{deploy.id}/burn", {})).status == 404
    assert (await visitor.get("/console/deploys/dpl_nobody")).status == 404


async def test_hostile_names_stay_words_and_pages_obey_their_policy(yard: Yard, visitor: Visitor) -> None:
    async def badly(release: Release) -> Sequence[Finding]:
        return [Finding(HOSTILE, Verdict.PASS, HOSTILE)]

    yard.trial = badly
    deploy = await yard.watching(NEW, looks=2, by=HOSTILE)
    for path in ("/console/deploys", f"/console/deploys/{deploy.id}"):
        answer = await visitor.get(path)
        found: Page = answer.page
        assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert not found.all("img") and HOSTILE in found.said, path
        ids = [given["id"] for _, given, _ in found.elements if given.get("id")]
        assert len(ids) == len(set(ids)) and len(found.all("h1")) == 1, path
        assert not [tag for tag, given, _ in found.elements if "style" in given or "onerror" in given], path


async def test_what_may_be_said_follows_from_how_far_it_is(yard: Yard) -> None:
    deploy = await yard.watching(NEW, looks=1)
    now = await shipped(yard, deploy.id)
    assert page.words(now) == [Word.PROMOTE, Word.BACK, Word.HALT]
    back, halted = replace(deploy, word=Word.BACK), replace(deploy, word=Word.HALT)
    assert page.words(replace(now, deploy=back)) == [Word.HALT]
    assert page.words(replace(now, deploy=halted)) == []
    assert page.words(replace(now, deploy=replace(deploy, outcome=Outcome.SUCCEEDED))) == []
    over = [*now.steps[:-1], replace(now.steps[-1], verdict=Verdict.FAIL)]
    assert page.words(replace(now, steps=tuple(over))) == [Word.HALT], "it is on its way back by itself"
    plain = replace(deploy, plan=replace(deploy.plan, terms=Terms(strategy=Strategy.BLUE_GREEN)))
    assert page.words(Shipped(plain)) == [Word.BACK, Word.HALT], "nothing is watched in it"
    view = page.shape(now, fmt(yard), may=False)
    assert (view.moves, view.may) == ((), False)


@pytest.mark.parametrize(
    ("value", "said"), [(0.01, "< 1"), (1.0, "1.0"), (6.42, "6.4"), (1957.4, "1,957"), (1e12, "1,000,000+")]
)
def test_evidence_is_said_as_far_as_anybody_cares(value: float, said: str) -> None:
    assert course.evidence(Finding("errors", Verdict.FAIL, "", value)) == said


async def test_findings_unfold_with_verdict_and_evidence(yard: Yard) -> None:
    yard.target.behaviour[BAD] = Behaviour(error_rate=0.5)
    deploy = await yard.ship(BAD)
    rows = course.rows(await shipped(yard, deploy.id), fmt(yard))
    smoke, watch = (next(row for row in rows if row.title.startswith(word)) for word in ("Smoke", "Watch"))
    assert [(one.label, one.evidence, one.state.word) for one in smoke.findings] == [
        ("GET /health", "", "pass"), ("refund-desk", "", "pass"),
    ]  # fmt: skip
    failed = next(one for one in watch.findings if one.label == "Errors beside stable")
    assert failed.state.word == "fail" and float(failed.evidence.rstrip("+").replace(",", "")) >= 250
    assert "Errors beside stable: " in watch.said and watch.state.word == "fail"
    assert [row.back for row in rows] == [False] * 5 + [True] * 4


async def test_shares_are_those_of_the_steps_that_were_done_and_are_to_come(yard: Yard) -> None:
    deploy = await yard.watching(NEW, looks=1)
    shares = course.shares(await shipped(yard, deploy.id))
    assert [(one.new, one.old, one.at is None) for one in shares] == [
        (10, 90, False), (50, 50, True), (100, 0, True),
    ]  # fmt: skip
    assert course.share_now(shares, deploy.plan).new == 10
    assert course.share_now([], deploy.plan).old == 100


async def test_a_watch_that_is_held_says_until_when_and_what_then(yard: Yard, visitor: Visitor) -> None:
    yard.target.behaviour[NEW] = Behaviour(silent=True)
    deploy = await yard.watching(NEW, looks=12)
    view = page.shape(await shipped(yard, deploy.id), fmt(yard), may=True)
    assert view.notice is not None and view.notice.tone is state.Tone.ASK
    assert "it goes back" in view.notice.text and "could not ask" in view.notice.title.lower()


async def test_a_deploy_that_nobody_carries_out_says_so(yard: Yard) -> None:
    deploy = await yard.watching(NEW, looks=1)
    kept = page.shape(await shipped(yard, deploy.id), fmt(yard), may=True)
    assert kept.notice is None or kept.notice.command != "fairlead ship resume"
    await yard.close()
    yard.clock.move(LEASE)
    view = page.shape(await shipped(yard, deploy.id), fmt(yard), may=True)
    assert view.notice is not None and view.notice.command == "fairlead ship resume", view.notice


@pytest.mark.parametrize("outcome", [None, *Outcome])
@pytest.mark.parametrize("word", [None, *Word])
async def test_every_state_has_a_shape_and_a_word(yard: Yard, outcome: Outcome | None, word: Word | None) -> None:
    [deploy] = await yard.ledger.history()
    told = state.of_deploy(replace(deploy, outcome=outcome, word=word))
    assert told.icon in ICONS and told.word
    view = page.shape(Shipped(replace(deploy, outcome=outcome, word=word)), fmt(yard), may=True)
    assert view.notice is None or view.notice.icon in ICONS
