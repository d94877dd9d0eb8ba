"""The audit log in the console: filtered, paged, verified, exported."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from fairlead.access import Head, Role, Wanted
from fairlead.access.key import NewKey
from fairlead.errors import InvalidInput
from fairlead.web.console.pages import audit as page
from tests.api.serving import serving
from tests.console.desktop import House, desktop, house
from tests.console.test_costs import HOSTILE, NOW, echo

ROOT = "root-key-of-a-test"


async def note(one: House, count: int = 1, **given: Any) -> None:
    for number in range(count):
        usual: dict[str, Any] = {"action": "run.move", "by": "user:ann", "subject": f"run-{number}"}
        await one.engine.books.audit.record(**{**usual, **given}, tenant="default")


def test_filters_are_of_whole_hours_and_an_end_alone_has_no_beginning() -> None:
    asked = page.parse({"action": "key.create", "from": "2026-11-01", "to": "2026-11-02"}, NOW)
    assert (asked.wanted.action, asked.wanted.by) == ("key.create", None)
    assert asked.wanted.since is not None and asked.wanted.until is not None
    assert asked.wanted.until - asked.wanted.since == timedelta(days=2)
    assert page.parse({"to": "2026-11-02"}, NOW).wanted.since is None
    assert page.parse({"from": "7d"}, NOW).wanted.until is None
    assert page.parse({}, NOW).wanted == Wanted()
    for params in ({"from": "soon"}, {"before": "x"}, {"before": "-1"}, {"before": "9" * 30}):
        with pytest.raises(InvalidInput):
            page.parse(params, NOW)


def test_a_head_is_a_number_and_a_hash() -> None:
    assert page.parse_head(f" 17:{'a' * 64} ") == Head(17, "a" * 64)
    assert page.parse_head("") is None
    for text in ("17", "17:zz", f"x:{'a' * 64}", f"17:{'a' * 63}"):
        with pytest.raises(InvalidInput):
            page.parse_head(text)


def test_a_detail_is_told_in_a_line() -> None:
    assert (
        page.detail_of({"role": "admin", "owner": None, "scopes": ["*"], "usd": 0})
        == 'role: admin, scopes: ["*"], usd: 0'
    )
    assert len(page.detail_of({"reason": "x" * 500})) < 200


async def test_the_log_is_filtered_and_paged_newest_first(database_url: str | None) -> None:
    async with house({"desk": echo}, database_url=database_url) as one:
        await note(one, page.PAGE + 5)
        await note(one, action="key.create", by="local", subject="batch", detail={"role": "admin"})
        first = await one.visitor.get("/console/audit")
        assert first.page.said.index("batch") < first.page.said.index("run-54")
        assert "run-5 " not in first.page.said
        [older] = [link["href"] or "" for link in first.page.all("a") if link.get("rel") == "next"]
        second = await one.visitor.get(older)
        assert "run-5 " in second.page.said
        assert "batch" not in second.page.said
        for path in ("?action=key.create", "?by=local", "?subject=batch", "?from=1h&by=local"):
            told = (await one.visitor.get(f"/console/audit{path}")).page.said
            assert ("batch" in told, "run-1" in told) == (True, False), path
        assert "No entry matches." in (await one.visitor.get("/console/audit?to=2020-01-01")).page.said
        assert {"href": "/console/keys/key?name=batch", "class": "row-link"} in first.page.all("a")


async def test_what_is_exported_is_all_that_matches_in_order(database_url: str | None) -> None:
    async with house({"desk": echo}, database_url=database_url) as one:
        await note(one, 3)
        await note(one, action="key.create", by="local", subject="batch")
        whole = await one.visitor.get("/console/audit.jsonl")
        assert whole.headers["content-disposition"] == 'attachment; filename="audit.jsonl"'
        lines = [json.loads(line) for line in whole.text.splitlines()]
        assert [line["seq"] for line in lines] == [1, 2, 3, 4]
        assert {"tenant", "id", "at", "by", "action", "subject", "detail", "method", "hash"} < lines[0].keys()
        some = await one.visitor.get("/console/audit.jsonl?by=user:ann")
        assert [json.loads(line)["subject"] for line in some.text.splitlines()] == ["run-0", "run-1", "run-2"]


async def test_a_broken_log_says_what_is_wrong_with_it() -> None:
    async with house({"desk": echo}) as one:
        await note(one, 3)
        whole = await one.visitor.get("/console/audit/verify")
        assert "The log is whole 3 entries were looked at" in whole.page.said
        head = str((await one.engine.books.audit.verify("default")).head)
        assert "covers is still there" in (await one.visitor.get(f"/console/audit/verify?head={head}")).page.said
        wrong = await one.visitor.get(f"/console/audit/verify?head=2:{'a' * 64}")
        assert "The log is broken" in wrong.page.said
        assert "Entry 2 is another than the head that was kept." in wrong.page.said
        cut = await one.visitor.get(f"/console/audit/verify?head=9:{'a' * 64}")
        assert "The end is cut off: entry 9 was there, and the last is 3 now." in cut.page.said
        assert (await one.visitor.get("/console/audit/verify?head=nonsense")).status == 422


async def test_names_stay_text_and_each_tenant_has_a_log_of_its_own() -> None:
    async with serving({"desk": echo}, keys=(ROOT,), table=True, console=True) as api:
        books = api.running.engine.books
        await books.audit.record(HOSTILE, tenant="other", by=HOSTILE, subject=HOSTILE, detail={HOSTILE: HOSTILE})
        mine = {"x-api-key": (await books.keys.create(NewKey("mine", role=Role.ADMIN), by="test")).secret}
        root = {"x-api-key": ROOT}
        for path in ("/console/audit", "/console/audit.jsonl", "/console/audit/verify"):
            assert "onerror" not in (await api.client.get(path, headers=mine)).text
            assert (await api.client.get(f"{path}?tenant=other", headers=mine)).status_code == 403
            assert (await api.client.get(f"{path}?tenant=other", headers=root)).status_code == 200
        shown = (await api.client.get("/console/audit?tenant=other", headers=root)).text
        assert "onerror" in shown
        assert "<img" not in shown


async def test_the_log_is_verified_from_its_page(browser: Browser) -> None:
    async with house({"desk": echo}) as one, desktop(browser, one.app) as desk:
        await note(one, 2)
        await desk.go("/console/runs")
        await desk.page.keyboard.press("g")
        await desk.page.keyboard.press("h")
        await desk.page.get_by_role("link", name="Verify").click()
        await expect(desk.page.locator(".notice")).to_contain_text("The log is whole")
        head = await desk.page.locator("pre").text_content()
        await note(one)
        await desk.page.get_by_label("A head that was kept before").fill(head or "")
        await desk.page.get_by_role("button", name="Verify again").click()
        await expect(desk.page.locator(".notice")).to_contain_text("What the head that was kept covers is still there.")
        for path in ("/console/audit", "/console/audit/verify", "/console/settings", "/console/users"):
            await desk.go(path)
            for width in (390, 768, 1280, 2560):
                await desk.page.set_viewport_size({"width": width, "height": 900})
                over = await desk.page.evaluate("document.documentElement.scrollWidth - innerWidth")
                assert over <= 0, (path, width, over)
