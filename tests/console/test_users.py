"""Users in the console: added, given a role, disabled, enabled again, deleted with their keys."""

from __future__ import annotations

import pytest

from fairlead.access import NewUser, Role, Status
from fairlead.access.key import NewKey
from fairlead.errors import NotFound
from fairlead.web.console.pages import users as page
from tests.api.serving import serving
from tests.console.desktop import house
from tests.console.test_budgets import audited
from tests.console.test_costs import HOSTILE, echo

ROOT = "root-key-of-a-test"


async def test_a_user_is_added_changed_disabled_enabled_and_deleted(database_url: str | None) -> None:
    async with house({"desk": echo}, database_url=database_url, api_key_whitelist=ROOT) as one:
        users, keys, visitor = one.engine.books.users, one.engine.books.keys, one.visitor
        form = {"name": "ann/b", "role": "viewer", "email": "ann@example.com"}
        added = await visitor.submit("/console/users/new", form)
        assert added.headers["location"] == "/console/users/user?name=ann%2Fb"
        assert "ann@example.com" in (await visitor.get(added.headers["location"])).page.said
        assert (await visitor.submit("/console/users/new", form)).status == 409
        of = {"name": "ann/b"}
        await visitor.submit("/console/users/role", of | {"role": "operator"})
        assert (await users.get("ann/b", tenant="default")).role is Role.OPERATOR
        assert "Disable the user ann/b?" in (await visitor.get("/console/users/disable?name=ann/b")).page.said
        assert (await users.get("ann/b", tenant="default")).status is Status.ACTIVE
        await visitor.submit("/console/users/disable", of)
        assert "disabled ann/b operator" in (await visitor.get("/console/users")).page.said
        await visitor.submit("/console/users/enable", of)
        assert (await users.get("ann/b", tenant="default")).status is Status.ACTIVE
        await keys.create(NewKey("hers", owner="ann/b"), by="test")
        asked = await visitor.get("/console/users/delete?name=ann/b")
        assert "1 key of theirs is revoked." in asked.page.said
        await visitor.submit("/console/users/delete", of)
        assert "ann/b" not in (await visitor.get("/console/users")).page.said
        assert (await keys.get("hers", tenant="default")).revoked_at is not None
        with pytest.raises(NotFound):
            await users.get("ann/b", tenant="default")
        noted = [action for action, by, *_ in await audited(one) if by == "local"]
        assert noted == ["user.create", "user.role", "user.disable", "user.enable", "key.revoke", "user.delete"]


async def test_nonsense_is_refused_and_names_stay_text() -> None:
    async with house({"desk": echo}) as one:
        usual = {"name": "x", "role": "viewer"}
        for wrong in ({"name": ""}, {"role": "king"}, {"email": "nobody"}, {"name": "x\ny"}):
            assert (await one.visitor.submit("/console/users/new", usual | wrong)).status == 422, wrong
        assert (await one.visitor.submit("/console/users/delete", {"name": "nobody"})).status == 404
        await one.engine.books.users.create(NewUser(HOSTILE), by=HOSTILE)
        for path in ("", f"/user?name={HOSTILE}", f"/delete?name={HOSTILE}", f"/disable?name={HOSTILE}"):
            answer = await one.visitor.get(f"/console/users{path}")
            assert (answer.status, answer.page.all("img")) == (200, [])


async def test_what_was_typed_stays_when_the_answer_is_an_error() -> None:
    async with house({"desk": echo}) as one:
        typed = {"name": HOSTILE, "email": "nobody", "role": "admin"}
        answer = await one.visitor.submit("/console/users/new", typed)
        assert answer.status == 422 and answer.page.all("img") == []
        told = [one.get("value") for one in answer.page.all("input") if one.get("name") in ("name", "email")]
        assert told == [HOSTILE, "nobody"]
        assert [one.get("value") for one in answer.page.all("input") if "checked" in one] == ["admin"]


async def test_many_users_are_paged() -> None:
    async with house({"desk": echo}) as one:
        for number in range(page.PAGE + 1):
            await one.engine.books.users.create(NewUser(f"u{number:03}"), by="test")
        first = await one.visitor.get("/console/users")
        assert "u000" not in first.page.said
        [older] = [link["href"] or "" for link in first.page.all("a") if link.get("rel") == "next"]
        assert "u000" in (await one.visitor.get(older)).page.said


async def test_another_tenants_users_are_for_whoever_runs_the_installation() -> None:
    async with serving({"desk": echo}, keys=(ROOT,), table=True, console=True) as api:
        books = api.running.engine.books
        await books.users.create(NewUser("zoe", tenant="other"), by="test")
        mine = {"x-api-key": (await books.keys.create(NewKey("mine", role=Role.ADMIN), by="test")).secret}
        for path in ("?tenant=other", "/user?name=zoe&tenant=other", "/new?tenant=other"):
            assert (await api.client.get(f"/console/users{path}", headers=mine)).status_code == 403
            assert (await api.client.get(f"/console/users{path}", headers={"x-api-key": ROOT})).status_code == 200
        assert "zoe" not in (await api.client.get("/console/users", headers=mine)).text
        assert (await api.client.get("/console/users/user?name=zoe", headers=mine)).status_code == 404
        own = mine | {"cookie": "fairlead_csrf=t"}
        for path in ("role", "disable", "enable", "delete", "new"):
            form = {"csrf": "t", "name": "zoe", "tenant": "other", "role": "admin"}
            assert (await api.client.post(f"/console/users/{path}", headers=own, data=form)).status_code == 403, path
        assert (await books.users.get("zoe", tenant="other")).role is Role.VIEWER
