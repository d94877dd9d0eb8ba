"""Tokens over HTTP: asked for, used, and ended with what they stand for."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest

from tests.access.issuer import Issuer
from tests.api.serving import Serving, listening, serving
from tests.api.test_keys import AS_ROOT, ROOT, make

SECRET = "a-secret-of-the-tests-that-is-long-enough"


def guarded(**engine: Any) -> Any:
    return serving({}, workers=0, keys=(ROOT,), table=True, jwt_secret=SECRET, **engine)


async def token(api: Serving, headers: dict[str, str], status: int = 200, **body: Any) -> dict[str, str]:
    made = await api.json("POST", "/auth/token", body or None, status=status, headers=headers)
    return {"Authorization": f"Bearer {made.get('access_token')}"}


async def test_a_key_gets_a_token_that_opens_as_much_and_ends_with_the_key() -> None:
    async with guarded() as api:
        bot = await make(api, "bot", owner="ann", role="viewer")
        made = await api.json("POST", "/auth/token", headers=bot)
        assert (made["token_type"], made["expires_in"]) == ("Bearer", 3600)
        held = {"Authorization": f"Bearer {made['access_token']}"}
        assert await api.json("GET", "/runs", headers=held) == []
        assert await api.json("GET", "/runs", headers={"X-API-Key": made["access_token"]}) == []
        problem = await api.json("POST", "/runs", {"assistant_id": "x"}, status=403, headers=held)
        assert problem["detail"].startswith("key:bot is viewer")
        await api.json("POST", "/auth/token", status=403, headers=held)
        await api.json("DELETE", "/keys/bot", headers=AS_ROOT)
        await api.json("GET", "/runs", status=401, headers=held)


async def test_a_token_opens_less_when_less_was_asked_for_and_never_more() -> None:
    async with guarded() as api:
        bot = await make(api, "bot", scopes=["runs:read", "models"])
        held = await token(api, bot, scopes=["models"], expires_after_seconds=60)
        await api.json("GET", "/runs", status=403, headers=held)
        await token(api, bot, status=403, scopes=["runs:write"])
        await token(api, bot, status=422, scopes=[])
        await token(api, bot, status=403, user="ann")


async def test_an_administrator_gets_a_token_for_a_user_and_it_ends_with_them() -> None:
    async with guarded() as api:
        await token(api, AS_ROOT, status=404, user="ann")
        await api.json("POST", "/users", {"name": "ann", "role": "operator"}, status=201, headers=AS_ROOT)
        held = await token(api, AS_ROOT, user="ann")
        assert await api.json("GET", "/runs", headers=held) == []
        await api.json("GET", "/users", status=403, headers=held)
        assert api.said("http_request")[-2]["caller"] == "user:ann"
        await api.json("PATCH", "/users/ann", {"disabled": True}, headers=AS_ROOT)
        await api.json("GET", "/runs", status=401, headers=held)
        await token(api, AS_ROOT, status=409, user="ann")


async def test_without_a_secret_there_is_no_token() -> None:
    async with serving({}, workers=0, keys=(ROOT,), table=True) as api:
        problem = await api.json("POST", "/auth/token", status=409, headers=AS_ROOT)
        assert "JWT_SECRET" in problem["hint"]


async def test_where_tokens_are_taken_nobody_gets_in_without() -> None:
    async with serving({}, workers=0, table=True, jwt_secret=SECRET) as api:
        await api.json("GET", "/runs", status=401)
        await api.json("GET", "/runs", status=401, headers={"Authorization": "Bearer eyJ.eyJ.eyJ"})


@pytest.mark.parametrize(
    "body", [{"name": ""}, {"name": "a\nb"}, {}, {"name": "ann", "role": "god"}, {"name": "ann", "email": "x y"},
             {"name": "ann", "tenant": "a b"}, {"name": "ann", "more": 1}, {"name": 7}],
)  # fmt: skip
async def test_a_user_who_makes_no_sense_is_refused(body: dict[str, Any]) -> None:
    async with guarded() as api:
        await api.json("POST", "/users", body, status=422, headers=AS_ROOT)
        assert await api.json("GET", "/users", headers=AS_ROOT) == []


async def test_a_user_is_made_changed_and_deleted_and_the_log_has_it() -> None:
    async with guarded() as api:
        body = {"name": "ann@acme.test", "email": "ann@acme.test", "role": "viewer"}
        made = await api.json("POST", "/users", body, status=201, headers=AS_ROOT)
        assert (made["status"], made["signs_in"], made["tenant"]) == ("active", False, "default")
        await api.json("POST", "/users", body, status=409, headers=AS_ROOT)
        bot = await make(api, "bot", owner="ann@acme.test")
        changed = await api.json("PATCH", "/users/ann@acme.test", {"role": "admin"}, headers=AS_ROOT)
        assert changed["role"] == "admin"
        assert await api.json("GET", "/users/ann@acme.test", headers=AS_ROOT) == changed
        await api.json("PATCH", "/users/ann@acme.test", {}, status=422, headers=AS_ROOT)
        await api.json("PATCH", "/users/bob", {"role": "admin"}, status=404, headers=AS_ROOT)
        await api.json("GET", "/runs", headers=bot)
        await api.json("DELETE", "/users/ann@acme.test", status=204, headers=AS_ROOT)
        await api.json("DELETE", "/users/ann@acme.test", status=404, headers=AS_ROOT)
        await api.json("GET", "/runs", status=401, headers=bot)
        found = await api.json("GET", "/audit", headers=AS_ROOT)
        assert [one["action"] for one in found] == [
            "user.delete", "key.revoke", "user.role", "key.create", "user.create"
        ]  # fmt: skip


async def test_who_administers_one_tenant_sees_and_changes_users_of_no_other() -> None:
    async with guarded() as api:
        await api.json("POST", "/users", {"name": "ann", "tenant": "acme"}, status=201, headers=AS_ROOT)
        other = await make(api, "boss", role="admin", tenant="other")
        assert await api.json("GET", "/users", headers=other) == []
        for method, body in (("GET", None), ("PATCH", {"role": "admin"}), ("DELETE", None)):
            await api.json(method, "/users/ann", body, status=404, headers=other)
            await api.json(method, "/users/ann?tenant=acme", body, status=403, headers=other)
        assert await api.json("GET", "/audit", headers=other) != []
        await api.json("GET", "/audit?tenant=acme", status=403, headers=other)
        assert len(await api.json("GET", "/audit?tenant=acme", headers=AS_ROOT)) == 1


async def test_the_log_says_who_stopped_calls_and_set_budgets_and_is_whole() -> None:
    async with guarded() as api:
        bot = await make(api, "bot")
        await api.json("POST", "/budgets", {"scope": "user:ann", "usd": 5}, headers=bot)
        await api.json("POST", "/stops", {"scope": "user:ann", "reason": "too much"}, headers=bot)
        await api.json("POST", "/stops/resume", {"scope": "user:bob"}, status=404, headers=bot)
        found = await api.json("GET", "/audit?by=key:bot", headers=AS_ROOT)
        assert [(one["action"], one["subject"]) for one in found] == [
            ("calls.stop", "user:ann"), ("budget.set", "user:ann")
        ]  # fmt: skip
        assert found[0]["detail"] == {"reason": "too much"}
        verdict = await api.json("GET", "/audit/verify", headers=AS_ROOT)
        assert (verdict["whole"], verdict["entries"], verdict["faults"]) == (True, 3, [])
        again = await api.json("GET", f"/audit/verify?head={verdict['head']}", headers=AS_ROOT)
        assert again == verdict
        longer = f"/audit/verify?head=9:{'0' * 64}"
        assert "cut off" in (await api.json("GET", longer, headers=AS_ROOT))["faults"][0]
        for wrong in ("head=x", "after=1&by=x", "since=yesterday", "before=0", "limit=0"):
            path = "/audit/verify" if wrong.startswith("head") else "/audit"
            await api.json("GET", f"{path}?{wrong}", status=422, headers=AS_ROOT)
        assert [one["seq"] for one in await api.json("GET", "/audit?after=1", headers=AS_ROOT)] == [2, 3]


async def test_who_changes_what_others_rely_on_leaves_an_entry() -> None:
    async with serving({"echo": lambda input: input}, keys=(ROOT,), table=True, workers=0) as api:
        made = await api.json("POST", "/assistants", {"graph_id": "echo", "name": "mine"}, headers=AS_ROOT)
        assistant = f"/assistants/{made['assistant_id']}"
        cron_body = {"assistant_id": "echo", "schedule": "0 9 * * 1"}
        cron = (await api.json("POST", "/runs/crons", cron_body, headers=AS_ROOT))["cron_id"]
        hook_body = {"url": "https://93.184.215.14/x"}
        hook = (await api.json("POST", "/webhooks", hook_body, headers=AS_ROOT, status=201))["id"]
        file = (await api.client.post("/files", files={"file": ("a.txt", b"a", "text/plain")}, headers=AS_ROOT)).json()
        document = {"id": "d", "text": "Ducks."}
        await api.json("POST", "/knowledge/docs/documents", document, headers=AS_ROOT, status=None)
        asked: list[tuple[str, str, Any]] = [
            ("PATCH", assistant, {"name": "other"}), ("POST", f"{assistant}/latest", {"version": 1}),
            ("DELETE", assistant, None), ("PATCH", f"/runs/crons/{cron}", {"enabled": False}),
            ("POST", f"/runs/crons/{cron}/run", None), ("DELETE", f"/runs/crons/{cron}", None),
            ("PATCH", f"/webhooks/{hook}", {"enabled": False}), ("POST", f"/webhooks/{hook}/rotate", {}),
            ("DELETE", f"/webhooks/{hook}", None), ("DELETE", f"/files/{file['id']}", None),
            ("DELETE", "/knowledge/docs", None),
        ]  # fmt: skip
        for method, path, body in asked:
            told = await api.client.request(method, path, headers=AS_ROOT, **({} if body is None else {"json": body}))
            assert told.status_code < 300, (method, path, told.text)
        entries = await api.json("GET", "/audit", headers=AS_ROOT)
        assert [one["action"] for one in reversed(entries)] == [
            "assistant.create", "schedule.create", "webhook.create", "assistant.change", "assistant.latest",
            "assistant.delete", "schedule.change", "schedule.run", "schedule.remove", "webhook.change",
            "webhook.rotate", "webhook.remove", "file.delete", "knowledge.remove",
        ]  # fmt: skip
        assert {one["subject"] for one in entries} == {made["assistant_id"], cron, hook, file["id"], "docs"}


@pytest.mark.parametrize("end", ["revoke", "disable"])
async def test_an_open_stream_ends_when_its_reader_is_let_in_no_more(end: str) -> None:
    gate = asyncio.Event()

    async def waits(input: Any) -> str:
        await gate.wait()
        return "done"

    async with serving({"waits": waits}, keys=(ROOT,), table=True) as api:
        await api.json("POST", "/users", {"name": "ann"}, status=201, headers=AS_ROOT)
        bot = await make(api, "bot", owner="ann")
        run = await api.json("POST", "/runs", {"assistant_id": "waits"}, headers=AS_ROOT)
        path = f"/runs/{run['run_id']}/stream"
        async with listening(api.app) as url, httpx.AsyncClient(base_url=url) as client:
            with pytest.raises(httpx.RemoteProtocolError):  # cut, and not as if it were complete
                async with asyncio.timeout(5), client.stream("GET", path, headers=bot) as answer:
                    async for _ in answer.aiter_lines():
                        if end == "revoke":
                            await api.json("DELETE", "/keys/bot", headers=AS_ROOT)
                        else:
                            await api.json("PATCH", "/users/ann", {"disabled": True}, headers=AS_ROOT)
            assert (await client.get(path, headers=bot)).status_code == 401
        gate.set()


async def test_a_wait_ends_when_who_waits_is_let_in_no_more() -> None:
    gate = asyncio.Event()

    async def waits(input: Any) -> str:
        await gate.wait()
        return "done"

    async with serving({"waits": waits}, keys=(ROOT,), table=True) as api:
        bot = await make(api, "bot")
        async with listening(api.app) as url, httpx.AsyncClient(base_url=url) as client, asyncio.timeout(10):
            waiting = asyncio.create_task(client.post("/runs/wait", json={"assistant_id": "waits"}, headers=bot))
            while not await api.json("GET", "/runs", headers=AS_ROOT):
                await asyncio.sleep(0.01)
            await api.json("DELETE", "/keys/bot", headers=AS_ROOT)
            refused = await waiting
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthorised")
        assert "no more" in refused.json()["detail"]
        gate.set()


async def test_public_keys_are_fetched_from_the_issuer_and_only_where_calls_may_go() -> None:
    issuer, now = Issuer("EdDSA"), int(time.time())
    held = {"Authorization": f"Bearer {issuer.sign({'sub': 'ann', 'iat': now, 'exp': now + 60})}"}

    async def publishing(scope: Any, receive: Any, send: Any) -> None:
        known = scope["path"] == "/keys"
        await send({"type": "http.response.start", "status": 200 if known else 404, "headers": []})
        await send({"type": "http.response.body", "body": issuer.key_set})

    async with listening(publishing) as url:
        allowed: dict[str, Any] = {"workers": 0, "table": True, "egress_allow": "127.0.0.1"}
        async with serving({}, jwt_jwks_url=f"{url}/keys", **allowed) as api:
            assert await api.json("GET", "/runs", headers=held) == []
        for more in ({"jwt_jwks_url": f"{url}/gone"}, {"jwt_jwks_url": f"{url}/keys", "egress_allow": None}):
            async with serving({}, **{**allowed, **more}) as api:
                problem = await api.json("GET", "/runs", status=503, headers=held)
                assert (problem["code"], url in str(problem)) == ("issuer_unavailable", False)
                assert len(api.said("issuer_unreachable")) == 1
