"""Keys in the console: made, shown once, rotated with an overlap, revoked; by administrators of the tenant alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.async_api import Browser, expect

from fairlead.access import Allowance, Limits, Role, Scope
from fairlead.access.key import NewKey
from fairlead.errors import InvalidInput
from fairlead.web.console.format import Format
from fairlead.web.console.pages import keys as page
from tests.api.serving import Serving, serving
from tests.console.desktop import desktop, house
from tests.console.test_budgets import audited
from tests.console.test_costs import DOLLAR, HOSTILE, NOW, echo

ROOT = "root-key-of-a-test"
FORM = {"name": "batch", "role": "operator", "scope-*": "on"}


def parsed(**form: str) -> NewKey:
    return page.parse_new(FORM | form, tenant="default", now=NOW)


def test_a_form_says_all_that_a_key_may_be() -> None:
    given = {
        "owner": " ann ", "scope-*": "", "scope-models": "on", "models": "openai/*, local/x openai/*", "day": "5",
        "month": "$90", "requests": "60", "tokens": "90000", "days": "30", "labels": "team=blue\n\n cost centre.1 = 7",
    }  # fmt: skip
    with pytest.raises(InvalidInput):
        parsed(**given)  # a label's name has no space
    made = parsed(**given | {"labels": "team=blue\ncentre = 7"})
    assert made == NewKey(
        "batch", owner="ann", role=Role.OPERATOR, scopes=frozenset((Scope.MODELS,)), models=("openai/*", "local/x"),
        allowance=Allowance(5 * DOLLAR, 90 * DOLLAR, None), limits=Limits(60, 90000),
        metadata={"team": "blue", "centre": "7"}, expires_at=NOW + timedelta(days=30),
    )  # fmt: skip
    assert parsed() == NewKey("batch")


@pytest.mark.parametrize(
    "form",
    [{"name": ""}, {"name": "a b"}, {"role": "king"}, {"scope-*": ""}, {"day": "0"}, {"day": "x"}, {"requests": "-1"},
     {"requests": "1.5"}, {"tokens": "9" * 30}, {"days": "0"}, {"days": "99999"}, {"labels": "blue"},
     {"models": "<script>"}],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(form: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        parsed(**form)


async def test_a_secret_is_shown_by_the_answer_that_makes_it_and_by_no_other(database_url: str | None) -> None:
    async with house({"desk": echo}, database_url=database_url) as one:
        book = one.engine.books.keys
        refused = await one.visitor.submit("/console/keys/new", FORM)
        assert (refused.status, "the first must be an administrator's" in refused.page.said) == (409, True)
        made = await one.visitor.submit("/console/keys/new", FORM | {"role": "admin", "day": "5"})
        assert (made.status, made.headers["cache-control"]) == (201, "no-store")
        [secret] = [word for word in made.page.said.split() if word.startswith("fl_")]
        assert "From now on nobody gets in without a key" in made.page.said
        again = await one.visitor.submit("/console/keys/new", FORM | {"role": "admin"})
        assert again.status == 409
        rotated = await one.visitor.submit("/console/keys/rotate", {"name": "batch", "overlap": "3600"})
        [second] = [word for word in rotated.page.said.split() if word.startswith("fl_")]
        assert second != secret
        for path in ("", "/key?name=batch", "/rotate?name=batch", "/revoke?name=batch"):
            told = await one.visitor.get(f"/console/keys{path}")
            assert (told.status, secret in told.text, second in told.text) == (200, False, False)
        assert "$5.00 a day" in (await one.visitor.get("/console/keys")).page.said
        assert (await book.get("batch", tenant="default")).revoked_at is None
        await one.visitor.submit("/console/keys/revoke", {"name": "batch"})
        assert "batch" not in (await one.visitor.get("/console/keys")).page.said.split()
        assert "revoked batch" in (await one.visitor.get("/console/keys?revoked=1")).page.said
        shown = (await one.visitor.get("/console/keys/key?name=batch")).page.said
        assert "by local" in shown
        assert "Revoke…" not in shown
        assert [(action, by, subject) for action, by, subject, _ in await audited(one)] == [
            ("key.create", "local", "batch"), ("key.rotate", "local", "batch"), ("key.revoke", "local", "batch"),
        ]  # fmt: skip
        assert (await audited(one))[1][3] == {"overlap_s": 3600.0}


async def test_what_was_typed_stays_when_the_answer_is_an_error() -> None:
    async with house({"desk": echo}) as one:
        typed = FORM | {
            "name": HOSTILE, "role": "admin", "scope-*": "", "scope-models": "on", "owner": "ann", "models": "local/x",
            "day": "5", "month": "7", "total": "9", "requests": "60", "tokens": "900", "days": "30",
            "labels": "team=<i>\nx=y",
        }  # fmt: skip
        answer = await one.visitor.submit("/console/keys/new", typed)
        assert answer.status == 422 and "<i>" not in answer.text and "team=<i> x=y" in answer.page.said
        boxes = {str(one["name"]): one["value"] for one in answer.page.all("input") if one.get("type") is None}
        assert boxes == {name: typed.get(name, "") for name in boxes} and boxes["name"] == HOSTILE
        checked = {(one["name"], one.get("value")) for one in answer.page.all("input") if "checked" in one}
        assert checked == {("role", "admin"), ("scope-models", "on")}
        await one.engine.books.keys.create(NewKey("k", role=Role.ADMIN), by="test")
        taken = await one.visitor.submit("/console/keys/new", typed | {"name": "k", "labels": "", "scope-*": "on"})
        assert (taken.status, "k already" in taken.page.said, 'value="local/x"' in taken.text) == (409, True, True)
        rotated = await one.visitor.submit("/console/keys/rotate", {"name": "k", "overlap": "604800", "days": "soon"})
        assert (rotated.status, 'value="soon"' in rotated.text) == (422, True)
        assert [one["value"] for one in rotated.page.all("option") if "selected" in one][:1] == ["604800"]


async def test_many_keys_are_paged_by_key() -> None:
    async with house({"desk": echo}) as one:
        for number in range(page.PAGE + 2):
            await one.engine.books.keys.create(NewKey(f"k{number:03}", role=Role.ADMIN), by="test")
        first = await one.visitor.get("/console/keys")
        assert "k051" in first.page.said
        assert "k001" not in first.page.said
        [older] = [link["href"] or "" for link in first.page.all("a") if link.get("rel") == "next"]
        second = await one.visitor.get(older)
        assert "k001" in second.page.said
        assert [link.get("rel") for link in second.page.all("a") if link.get("rel")] == ["prev"]


async def _submit(api: Serving, secret: str, path: str, form: dict[str, str]) -> int:
    headers = {"x-api-key": secret, "cookie": "fairlead_csrf=t"}
    return (await api.client.post(path, headers=headers, data={"csrf": "t"} | form)).status_code


async def test_another_tenants_keys_are_for_whoever_runs_the_installation() -> None:
    async with serving({"desk": echo}, keys=(ROOT,), table=True, console=True) as api:
        book = api.running.engine.books.keys
        await book.create(NewKey("theirs", tenant="other", role=Role.ADMIN), by="test")
        mine = (await book.create(NewKey("mine", role=Role.ADMIN), by="test")).secret
        for path in ("/console/keys?tenant=other", "/console/keys/key?name=theirs&tenant=other",
                     "/console/keys/new?tenant=other", "/console/keys/revoke?name=theirs&tenant=other"):  # fmt: skip
            assert (await api.client.get(path, headers={"x-api-key": mine})).status_code == 403, path
            assert (await api.client.get(path, headers={"x-api-key": ROOT})).status_code == 200, path
        assert "theirs" not in (await api.client.get("/console/keys", headers={"x-api-key": mine})).text
        assert await _submit(api, mine, "/console/keys/new", FORM | {"name": "spy", "tenant": "other"}) == 403
        assert await _submit(api, mine, "/console/keys/revoke", {"name": "theirs", "tenant": "other"}) == 403
        assert await _submit(api, mine, "/console/keys/revoke", {"name": "theirs"}) == 404
        assert (await book.get("theirs", tenant="other")).revoked_at is None
        assert await _submit(api, ROOT, "/console/keys/revoke", {"name": "theirs", "tenant": "other"}) == 303


async def test_nobody_gives_what_they_have_not() -> None:
    async with serving({"desk": echo}, keys=(ROOT,), table=True, console=True) as api:
        book = api.running.engine.books.keys
        scopes = frozenset((Scope.ADMIN, Scope.RUNS_READ, Scope.RUNS_WRITE))
        narrow = (await book.create(NewKey("narrow", role=Role.ADMIN, scopes=scopes), by="test")).secret
        await book.create(NewKey("wide", role=Role.ADMIN), by="test")
        assert await _submit(api, narrow, "/console/keys/new", FORM) == 403
        assert await _submit(api, narrow, "/console/keys/rotate", {"name": "wide"}) == 403
        assert await _submit(api, narrow, "/console/keys/new", FORM | {"scope-*": "", "scope-runs:read": "on"}) == 201
        form = (await api.client.get("/console/keys/new", headers={"x-api-key": narrow})).text
        assert 'name="scope-models"' not in form


async def test_names_stay_text() -> None:
    async with house({"desk": echo}) as one:
        key = NewKey("k", role=Role.ADMIN, owner=HOSTILE, metadata={"team": HOSTILE})
        await one.engine.books.keys.create(key, by=HOSTILE)
        for path in ("", "/key?name=k", f"?owner={HOSTILE}", "/rotate?name=k", "/revoke?name=k"):
            assert (await one.visitor.get(f"/console/keys{path}")).page.all("img") == []
        assert (await one.visitor.get(f"/console/keys/key?name={HOSTILE}")).status == 404
        assert page.limits_of(await one.engine.books.keys.get("k", tenant="default"), Format(NOW)) == "—"


async def test_a_key_is_made_and_its_secret_copied(browser: Browser) -> None:
    async with (
        house({"desk": echo}) as one,
        desktop(browser, one.app, permissions=["clipboard-read", "clipboard-write"]) as desk,
    ):
        await desk.go("/console/runs")
        await desk.page.keyboard.press("g")
        await desk.page.keyboard.press("i")
        await desk.page.get_by_role("link", name="Make the first").click()
        await desk.page.get_by_label("Name", exact=True).fill("ci")
        await desk.page.get_by_label("admin: keys").check()
        await desk.page.get_by_role("button", name="Make the key").click()
        secret = await desk.page.locator("#secret").text_content()
        await desk.page.get_by_role("button", name="Copy").click()
        await expect(desk.page.get_by_role("button", name="Copied")).to_be_visible()
        assert await desk.page.evaluate("navigator.clipboard.readText()") == secret
        await desk.page.get_by_role("link", name="I have copied it").click()
        await desk.page.get_by_role("link", name="Revoke…").click()
        await expect(desk.page.get_by_role("dialog")).to_contain_text("Revoke the key ci?")
        await desk.page.get_by_role("button", name="Revoke the key").click()
        await expect(desk.page.locator("dl.facts")).to_contain_text("revoked")
        for path in ("", "/new", "/key?name=ci"):
            await desk.go(f"/console/keys{path}")
            for width in (390, 768, 1280, 2560):
                await desk.page.set_viewport_size({"width": width, "height": 900})
                over = await desk.page.evaluate("document.documentElement.scrollWidth - innerWidth")
                assert over <= 0, (path, width, over)
