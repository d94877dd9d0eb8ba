"""Checklists in the console: how they stand, what was answered, and the answers of persons."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from playwright.async_api import Browser, expect

from fairlead.access import Role
from fairlead.access.audit import Wanted
from fairlead.access.key import NewKey
from fairlead.config import Environment
from fairlead.errors import InvalidInput
from fairlead.ship.checklist.answer import Answer, By, Found, Void
from fairlead.ship.checklist.items import ListName, item_of
from fairlead.ship.verdict import Verdict
from fairlead.web.console.format import Format
from fairlead.web.console.pages import checklists
from tests.api.serving import serving
from tests.console.desktop import House, desktop, house
from tests.console.test_case import AT

FMT = Format(AT)
HOSTILE = "<script>alert('\"1\"')</script>"
PRODUCTION = Environment.PRODUCTION


async def echo(input: object) -> object:
    return input


def said(
    item: str, result: Verdict | Void = Verdict.PASS, text: str = "Seen.", *, about: str = "v2", by: By = By.PERSON,
    ago: timedelta = timedelta(minutes=5),
) -> Answer:  # fmt: skip
    return Answer(item, Found(result, text), by, "host" if by is By.MACHINE else "user:mina", AT - ago, about)


def test_what_fails_comes_first_and_the_whole_is_as_bad_as_its_worst() -> None:
    answers = [
        said("review"), said("tls", Verdict.FAIL, by=By.MACHINE),
        said("alert-rules", Verdict.COULD_NOT_ASK, by=By.MACHINE), said("network", Verdict.UNCLEAR, by=By.MACHINE),
    ]  # fmt: skip
    view = checklists.shape(ListName.DEPLOY, answers, "v2", FMT, environment=PRODUCTION, may=True)
    assert [row.line.item.id for row in view.rows[:3]] == ["tls", "network", "alert-rules"]
    assert (view.state.word, view.rows[-1].line.item.id) == ("something fails", "review")
    assert view.command == "fairlead checklist run deploy --release v2"
    assert view.rows[-1].until == AT - timedelta(minutes=5) + timedelta(days=30)
    other = checklists.shape(ListName.DEPLOY, answers, "v3", FMT, environment=PRODUCTION, may=True)
    review = next(row for row in other.rows if row.line.item.id == "review")
    assert (review.state.word, review.said) == ("unanswered", "user:mina answered for v2, and this is v3.")


def test_what_is_not_asked_here_stands_aside() -> None:
    view = checklists.shape(ListName.DEPLOY, [], "v2", FMT, environment=Environment.DEVELOPMENT, may=False)
    assert view.state.word == "not begun"
    assert "review" in {row.line.item.id for row in view.aside} and "image" in {row.line.item.id for row in view.rows}
    assert not {row.line.result for row in view.rows} & {Void.NOT_APPLICABLE}


def test_an_incident_is_the_newest_one_and_others_the_release_of_here() -> None:
    answers = [said("x", about="old", ago=timedelta(days=1)), said("x", about="new")]
    assert checklists.chosen(ListName.INCIDENT, "", answers, "v9") == "new"
    assert checklists.chosen(ListName.INCIDENT, "", [], "v9") == ""
    assert checklists.chosen(ListName.DEPLOY, "", answers, "v9") == "v9"
    assert checklists.chosen(ListName.DEPLOY, "v1", answers, "v9") == "v1"
    assert checklists.abouts(answers) == ("new", "old")


@pytest.mark.parametrize(
    ("item", "form", "why"),
    [
        ("tls", {"word": "yes"}, "looked at by a machine"), ("review", {}, "neither yes nor no"),
        ("review", {"word": "maybe"}, "neither yes nor no"), ("review", {"word": "no", "evidence": "x" * 2001}, "2000"),
        ("incident-scope", {"word": "yes"}, "Which incident"),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_told(item: str, form: dict[str, str], why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        checklists.given_answer(item_of(item), form, by="x", now=AT)


def test_an_answer_says_how_one_knows() -> None:
    plain = checklists.given_answer(item_of("review"), {"word": "no", "about": "v2"}, by="user:ada", now=AT)
    assert plain.found == Found(Verdict.FAIL, "Has somebody else than its author read the code? No.", "")
    assert (plain.by, plain.name, plain.about) == (By.PERSON, "user:ada", "v2")
    told = checklists.given_answer(item_of("review"), {"word": "yes", "evidence": "see https://x.y/1 "}, by="x", now=AT)
    assert told.found == Found(Verdict.PASS, "see https://x.y/1", "https://x.y/1")


@asynccontextmanager
async def staging() -> AsyncIterator[House]:
    async with house({"echo": echo}, environment="staging", release="v2") as opened:
        yield opened


@pytest.fixture
async def at() -> AsyncIterator[House]:
    async with staging() as opened:
        yield opened


async def test_all_lists_are_there_and_an_answer_is_kept_and_written_down(at: House) -> None:
    listed = await at.visitor.get("/console/checklists")
    assert listed.status == 200
    for title in checklists.TITLES.values():
        assert title in listed.page.said
    page = await at.visitor.get("/console/checklists/deploy?item=review")
    assert "Has somebody else than its author read the code?" in page.page.said
    assert "Nobody has answered yet." in page.page.said
    path = "/console/checklists/deploy/review"
    kept = await at.visitor.submit(path, {"word": "yes", "about": "v2", "evidence": HOSTILE})
    assert (kept.status, kept.headers["location"]) == (303, "/console/checklists/deploy?about=v2&item=review")
    after = await at.visitor.get(kept.headers["location"])
    assert "<script>alert" not in after.text and HOSTILE in after.page.said and "local" in after.page.said
    assert (await at.engine.answers.newest(ListName.DEPLOY))[0].name == "local"
    audit = await at.engine.books.audit.list("default", Wanted())
    assert [(one.action, one.subject, one.detail) for one in audit if one.action == "checklist.answer"] == [
        ("checklist.answer", "review", {"result": "pass", "about": "v2"})
    ]
    other = await at.visitor.get("/console/checklists/deploy?about=v3&item=review")
    assert "answered for v2, and this is v3" in other.page.said


async def test_what_is_not_there_and_what_is_not_ours_is_refused(at: House) -> None:
    assert (await at.visitor.get("/console/checklists/nothing")).status == 404
    assert "No such item" in (await at.visitor.get("/console/checklists/deploy?item=nothing")).page.said
    good = {"word": "yes", "about": "v2"}
    assert (await at.visitor.submit("/console/checklists/deploy/nothing", good)).status == 404
    assert (await at.visitor.submit("/console/checklists/daily/review", good)).status == 404
    assert (await at.visitor.submit("/console/checklists/deploy/tls", good)).status == 422
    assert (await at.visitor.post("/console/checklists/deploy/review", good)).status == 403
    assert await at.engine.answers.newest(ListName.DEPLOY) == []


async def test_others_are_not_asked() -> None:
    async with serving({"echo": echo}, keys=("root-key",), table=True, console=True, environment="staging") as api:

        async def key(name: str, **more: object) -> dict[str, str]:
            issued = await api.running.engine.books.keys.create(NewKey(name, **more), by="test")  # type: ignore[arg-type]
            return {"x-api-key": issued.secret}

        looks, acme = await key("looks", role=Role.VIEWER), await key("acme", tenant="acme", role=Role.ADMIN)
        page = await api.client.get("/console/checklists/deploy?item=review", headers=looks)
        assert page.status_code == 200 and 'name="word"' not in page.text and "An admin of who runs" in page.text
        for path in ("/console/checklists", "/console/checklists/deploy"):
            assert (await api.client.get(path, headers=acme)).status_code == 403
        operator = await key("op", role=Role.OPERATOR)
        for headers in (operator, acme):
            await api.client.get("/console/runs", headers=headers)
            form = {"csrf": api.client.cookies["fairlead_csrf"], "word": "yes", "about": "v2"}
            answer = await api.client.post("/console/checklists/deploy/review", data=form, headers=headers)
            assert (answer.status_code, "every tenant" in answer.text) == (403, True)
        assert await api.running.engine.answers.newest(ListName.DEPLOY) == []


async def test_somebody_answers_an_item_by_keyboard(browser: Browser) -> None:
    async with staging() as at, desktop(browser, at.app) as seen:
        page = seen.page
        await seen.go("/console/runs")
        await page.keyboard.press("g")
        await page.keyboard.press("k")
        await page.get_by_role("link", name="Before a deploy").click()
        await page.get_by_role("link", name="The code was reviewed.").focus()
        await page.keyboard.press("o")
        pane = page.locator("#pane")
        await expect(pane).to_contain_text("Has somebody else than its author read the code?")
        await pane.get_by_label("Yes").check()
        await pane.get_by_label("How do you know?").fill("Mina read it")
        await pane.get_by_role("button", name="Keep the answer").click()
        await expect(page.locator("tr.selected")).to_contain_text("holds")
        await expect(page.locator("tr.selected")).to_contain_text("Mina read it")
        await expect(pane).to_contain_text("local")
