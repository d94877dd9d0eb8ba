"""Deploys in the console of a real engine: who may look, who may say a word, and that it is written down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from fairlead.access import Role
from fairlead.access.key import NewKey
from fairlead.ship.ledger import Deploy
from fairlead.ship.release import Release
from fairlead.ship.strategy import Outcome, Plan, Word
from fairlead.ship.terms import Strategy, Terms
from fairlead.ship.verdict import Figures, Look, Verdict
from tests.api.serving import Serving, serving

ROOT = "root-key-of-the-settings"
FORM = {"csrf": "t"}


async def echo(input: Any) -> Any:
    return input


@pytest.fixture
async def api(database_url: str | None) -> AsyncIterator[Serving]:
    async with serving({"echo": echo}, keys=(ROOT,), table=True, database_url=database_url, rate_limit=0,
                       console=True) as opened:  # fmt: skip
        yield opened


async def watched(api: Serving) -> Deploy:
    """A canary beside the release that is served, with one look taken."""
    ledger = api.running.engine.ledger
    for build in ("v1", "v2"):
        await ledger.keep(Release(build, "."))
    first = await ledger.take((await ledger.open(Plan("v1", None, Terms()), by="ann")).id)
    await ledger.finish(first, Outcome.SUCCEEDED)
    plan = Plan("v2", "v1", Terms(strategy=Strategy.CANARY))
    deploy = await ledger.take((await ledger.open(plan, by="ann")).id)
    for seq, step in enumerate(plan.forward[:5], 1):
        await ledger.begin(deploy, seq, step, back=False)
        if seq < 5:
            await ledger.end(deploy, seq, Verdict.PASS, "")
    look = Look(Figures(90, 1, {2.5: 90}), Figures(10, 0, {2.5: 10}))
    await ledger.look(deploy, 5, 1, look, Verdict.UNCLEAR)
    return deploy


async def headers_of(api: Serving, name: str, **more: Any) -> dict[str, str]:
    issued = await api.running.engine.books.keys.create(NewKey(name, **more), by="test")
    return {"x-api-key": issued.secret, "cookie": "fairlead_csrf=t"}


async def get(api: Serving, path: str, headers: dict[str, str]) -> httpx.Response:
    return await api.client.get(f"/console/deploys{path}", headers=headers)


async def test_a_viewer_sees_it_all_and_has_nothing_to_press(api: Serving) -> None:
    deploy = await watched(api)
    viewer = await headers_of(api, "viewer", role=Role.VIEWER)
    listed = await get(api, "", viewer)
    assert (listed.status_code, deploy.id in listed.text, "Watch v2" in listed.text) == (200, True, True)
    page = await get(api, f"/{deploy.id}", viewer)
    assert page.status_code == 200 and "v2: highest 0%" in page.text and "v1: highest 1.1%" in page.text
    assert f"{deploy.id}/halt" not in page.text
    assert (await get(api, f"/{deploy.id}/halt", viewer)).status_code == 403


@pytest.mark.parametrize("more", [
    {"role": Role.VIEWER}, {"role": Role.OPERATOR}, {"role": Role.ADMIN, "tenant": "other"},
])  # fmt: skip
async def test_who_does_not_decide_for_every_tenant_says_nothing(api: Serving, more: dict[str, Any]) -> None:
    deploy = await watched(api)
    headers = await headers_of(api, "someone", **more)
    for word in Word:
        answer = await api.client.post(f"/console/deploys/{deploy.id}/{word}", headers=headers, data=FORM)
        assert answer.status_code == 403, word
    assert (await api.running.engine.ledger.get(deploy.id)).word is None
    page = await get(api, f"/{deploy.id}", headers)
    assert page.status_code == 200 and f"{deploy.id}/halt" not in page.text


@pytest.mark.parametrize("word", Word)
async def test_an_admins_word_is_heard_and_stands_in_the_audit_log(api: Serving, word: Word) -> None:
    deploy = await watched(api)
    admin = await headers_of(api, "ada", role=Role.ADMIN)
    assert f"{deploy.id}/{word}" in (await get(api, f"/{deploy.id}", admin)).text
    asked = await get(api, f"/{deploy.id}/{word}", admin)
    assert asked.status_code == 200 and f'action="/console/deploys/{deploy.id}/{word}"' in asked.text
    answer = await api.client.post(f"/console/deploys/{deploy.id}/{word}", headers=admin, data=FORM)
    assert answer.status_code == 303
    said = await api.running.engine.ledger.get(deploy.id)
    assert (said.word, said.word_by) == (word, "key:ada")
    entries = await api.json("GET", "/audit", headers={"x-api-key": ROOT})
    written = [(one["by"], one["action"], one["subject"], one["detail"]) for one in entries if "deploy" in str(one)]
    assert written == [("key:ada", f"deploy.{word}", deploy.id, {"release": "v2"})]


async def test_a_key_of_the_settings_says_it_too_and_a_form_must_be_our_own(api: Serving) -> None:
    deploy = await watched(api)
    root = {"x-api-key": ROOT, "cookie": "fairlead_csrf=t"}
    refused = await api.client.post(f"/console/deploys/{deploy.id}/back", headers=root, data={"csrf": "other"})
    assert refused.status_code == 403
    answer = await api.client.post(f"/console/deploys/{deploy.id}/back", headers=root, data=FORM)
    assert answer.status_code == 303
    assert (await api.running.engine.ledger.get(deploy.id)).word is Word.BACK
