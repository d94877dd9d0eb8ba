"""The routes of keys, and what a key opens and closes over HTTP."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.api.serving import Serving, serving

ROOT = "fl_test_root_0123456789"
AS_ROOT = {"X-API-Key": ROOT}
AGENTS: dict[str, Any] = {}


@asynccontextmanager
async def guarded(*, keys: tuple[str, ...] = (ROOT,), **engine: Any) -> AsyncIterator[Serving]:
    """A server that also takes the keys of its database."""
    async with serving(AGENTS, workers=0, keys=keys, table=True, **engine) as api:
        yield api


async def make(api: Serving, name: str = "bot", *, headers: dict[str, str] = AS_ROOT, **more: Any) -> dict[str, str]:
    """The headers of a new key's holder."""
    made = await api.json("POST", "/keys", {"name": name, **more}, status=201, headers=headers)
    return {"Authorization": f"Bearer {made['key']}"}


async def test_a_key_lives_from_its_making_to_its_end() -> None:
    async with guarded() as api:
        body = {
            "name": "bot", "owner": "ann", "role": "viewer", "scopes": ["models", "runs:read"], "models": ["openai/*"],
            "budget_usd": {"day": 5, "total": 0.000000001}, "requests_per_minute": 60, "tokens_per_minute": 1000,
            "expires_after_seconds": 3600, "metadata": {"team": "search"},
        }  # fmt: skip
        made = await api.json("POST", "/keys", body, status=201, headers=AS_ROOT)
        key = made.pop("key")
        assert made["budget_usd"] == {"day": 5.0, "month": None, "total": 0.000000001}
        assert {name: made[name] for name in body if name not in ("budget_usd", "expires_after_seconds")} == {
            name: value for name, value in body.items() if name not in ("budget_usd", "expires_after_seconds")
        }
        assert made["standing"] == "valid"
        assert await api.json("GET", "/keys/bot", headers=AS_ROOT) == made
        assert await api.json("GET", "/keys", headers=AS_ROOT) == [made]
        assert await api.json("GET", "/runs", headers={"X-API-Key": key}) == []

        turned = await api.json("POST", "/keys/bot/rotate", {"overlap_seconds": 3600}, headers=AS_ROOT)
        for living in (key, turned["key"]):
            await api.json("GET", "/runs", headers={"X-API-Key": living})

        revoked = await api.json("DELETE", "/keys/bot", headers=AS_ROOT)
        assert (revoked["standing"], "key" in revoked) == ("revoked", False)
        for dead in (key, turned["key"]):
            problem = await api.json("GET", "/runs", status=401, headers={"X-API-Key": dead})
            assert (problem["code"], dead in str(problem)) == ("unauthorised", False)
        assert await api.json("GET", "/keys", headers=AS_ROOT) == []
        assert len(await api.json("GET", "/keys?revoked=true", headers=AS_ROOT)) == 1
        assert key not in str(api.running.said)


async def test_the_first_key_shuts_an_open_door() -> None:
    async with guarded(keys=()) as api:
        assert await api.json("GET", "/runs") == []
        problem = await api.json("POST", "/keys", {"name": "bot"}, status=409)
        assert "administrator" in problem["detail"]
        root = await make(api, "root", headers={}, role="admin")
        for path in ("/runs", "/keys", "/metrics"):
            await api.json("GET", path, status=401)
        await make(api, "bot", headers=root)
        await api.json("DELETE", "/keys/root", headers=root)
        await api.json("GET", "/runs", status=401)


@pytest.mark.parametrize(
    ("given", "opens"),
    [
        ({"role": "viewer"}, {"GET /runs"}),
        ({"role": "operator"}, {"GET /runs", "POST /runs"}),
        ({"role": "admin"}, {"GET /runs", "POST /runs", "GET /keys"}),
        ({"role": "admin", "scopes": ["runs:write"]}, {"GET /runs", "POST /runs"}),
        ({"role": "admin", "scopes": ["runs:read"]}, {"GET /runs"}),
        ({"role": "admin", "scopes": ["admin"]}, {"GET /keys"}),
        ({"role": "admin", "scopes": ["models"]}, set()),
        ({"role": "viewer", "scopes": ["runs:write", "admin"]}, {"GET /runs"}),
    ],
)
async def test_a_key_opens_what_its_role_and_its_scopes_both_do(given: dict[str, Any], opens: set[str]) -> None:
    async with guarded() as api:
        holder = await make(api, **given)
        open_to_it: set[str] = set()
        for asked in ("GET /runs", "POST /runs", "GET /keys"):
            method, path = asked.split()
            answer = await api.client.request(method, path, headers=holder, json={} if method == "POST" else None)
            if answer.status_code == 403:
                assert answer.json()["code"] == "forbidden"
            else:
                open_to_it.add(asked)
        assert open_to_it == opens


async def test_the_console_opens_to_who_may_read_runs() -> None:
    async with guarded() as api:
        tries = {
            "reader": ({"role": "viewer"}, 404),  # let in: there is no console in this application
            "for_models": ({"scopes": ["models"]}, 403),
            "stranger": ({"tenant": "acme"}, 404),
        }
        for name, (given, status) in tries.items():
            key = (await make(api, name, **given))["Authorization"].removeprefix("Bearer ")
            basic = base64.b64encode(f"{name}:{key}".encode()).decode()
            answer = await api.client.get("/console", headers={"Authorization": f"Basic {basic}"})
            assert answer.status_code == status, name
            if name == "reader":
                changed = await api.client.post("/console/x", headers={"Authorization": f"Basic {basic}"})
                assert changed.status_code == 403


async def test_a_tenants_admin_manages_the_keys_of_that_tenant_and_no_other() -> None:
    async with guarded() as api:
        acme = await make(api, "root", tenant="acme", role="admin")
        await make(api, "bot", headers=acme)
        await make(api, "ours")
        assert [key["tenant"] for key in await api.json("GET", "/keys", headers=acme)] == ["acme", "acme"]
        await api.json("GET", "/keys/ours", status=404, headers=acme)
        await api.json("DELETE", "/keys/ours", status=404, headers=acme)
        await api.json("POST", "/keys/ours/rotate", status=404, headers=acme)
        for method, path, body in (
            ("POST", "/keys", {"name": "eve", "tenant": "default", "role": "admin"}),
            ("GET", "/keys?tenant=default", None), ("GET", "/keys/ours?tenant=default", None),
            ("DELETE", "/keys/ours?tenant=default", None), ("POST", "/keys/ours/rotate?tenant=default", {}),
        ):  # fmt: skip
            assert (await api.json(method, path, body, status=403, headers=acme))["code"] == "forbidden"
        assert (await api.json("GET", "/keys/bot?tenant=acme", headers=AS_ROOT))["created_by"] == "key:root"


async def test_nobody_gives_or_takes_a_scope_they_have_not() -> None:
    async with guarded() as api:
        await make(api, "all", role="admin")
        keeper = await make(api, "keeper", role="admin", scopes=["admin"])
        for scopes in (["*"], ["models"], ["admin", "runs:read"]):
            body = {"name": "eve", "role": "admin", "scopes": scopes}
            await api.json("POST", "/keys", body, status=403, headers=keeper)
        await api.json("POST", "/keys/all/rotate", status=403, headers=keeper)
        await make(api, "second", headers=keeper, role="admin", scopes=["admin"])
        await api.json("DELETE", "/keys/all", headers=keeper)  # to end a key is always allowed


BAD = (
    {}, {"name": 1}, {"name": ""}, {"name": "a b"}, {"name": "a\n"}, {"name": "a", "role": "god"},
    {"name": "a", "scopes": []}, {"name": "a", "scopes": ["x"]}, {"name": "a", "scopes": "*"},
    {"name": "a", "budget_usd": 5}, {"name": "a", "budget_usd": {"day": 0}}, {"name": "a", "budget_usd": {"day": -1}},
    {"name": "a", "budget_usd": {"day": 1e300}}, {"name": "a", "budget_usd": {"week": 1}},
    {"name": "a", "budget_usd": {"day": True}}, {"name": "a", "budget_usd": {"day": "5"}},
    {"name": "a", "requests_per_minute": 0}, {"name": "a", "requests_per_minute": 1.5},
    {"name": "a", "tokens_per_minute": 2**70}, {"name": "a", "expires_after_seconds": 0},
    {"name": "a", "expires_after_seconds": 1e18}, {"name": "a", "owner": ""}, {"name": "a", "owner": "x" * 201},
    {"name": "a", "owner": "nul\0"}, {"name": "a", "owner": "two\nlines"}, {"name": "a", "models": ["[!a]"]},
    {"name": "a", "models": ["a"] * 101}, {"name": "a", "metadata": {"x": 1}}, {"name": "a", "metadata": {"": "x"}},
    {"name": "a", "metadata": {"x": {"y": "z"}}}, {"name": "a", "key": "mine"}, {"name": "a", "id": "mine"},
)  # fmt: skip


async def test_no_key_that_makes_no_sense_is_made(postgres_url: str) -> None:
    async with guarded(database_url=postgres_url) as api:
        for body in BAD:
            problem = await api.json("POST", "/keys", body, status=422, headers=AS_ROOT)
            assert problem["code"] == "invalid_input", body
        for path in ("/keys/%00", "/keys?limit=0", "/keys?before=%00", "/keys?revoked=maybe", "/keys?tenant=..%2f"):
            assert (await api.client.get(path, headers=AS_ROOT)).status_code == 422, path
        await make(api)
        for body in ({"overlap_seconds": -1}, {"overlap_seconds": 1e9}, {"overlap": 1}, {"overlap_seconds": "1h"}):
            await api.json("POST", "/keys/bot/rotate", body, status=422, headers=AS_ROOT)
        await api.json("GET", "/keys/%F0%9F%92%A9", status=404, headers=AS_ROOT)
        await api.json("POST", "/keys", {"name": "bot"}, status=409, headers=AS_ROOT)
        assert [key["name"] for key in await api.json("GET", "/keys", headers=AS_ROOT)] == ["bot"]
        assert api.said("error") == []


async def test_what_a_key_does_is_told_by_its_name() -> None:
    async with guarded() as api:
        holder = await make(api)
        await api.json("GET", "/runs", headers=holder)
        assert api.said("http_request")[-1]["caller"] == "key:bot"


async def test_keys_of_the_settings_need_no_table() -> None:
    async with serving(AGENTS, workers=0, keys=(ROOT,)) as api:
        await api.json("GET", "/runs", headers=AS_ROOT)
        await api.json("GET", "/runs", status=401, headers={"X-API-Key": "other"})
