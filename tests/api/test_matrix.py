"""Who may use which address: every route of the application, asked by everybody there is.

The table is written by hand. A route that is not in it fails the first test, so that nobody adds one without saying who
it is for. `known`: whoever we know, whatever they are for; a call over MCP or A2A is asked for an operator once it is
read.
"""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from fairlead.access import Role
from fairlead.access.key import NewKey
from fairlead.access.roles import Scope
from fairlead.clock import SystemClock
from fairlead.web.console.router import Console
from tests.access.sign_in_provider import CLIENT, ISSUER, SignInProvider
from tests.api.serving import Serving, make_console, serving

TABLE = """
open      GET     /ok /info /version /health /health/live /health/ready /ready /openapi.json /docs
open      POST    /feedback/{secret}
known     POST    /auth/token
viewer    GET     /metrics /workers /costs /budgets /stops /scores /scores/sums /slo
viewer    GET     /runs /runs/{run_id} /runs/{run_id}/join /runs/{run_id}/wait /runs/{run_id}/events
viewer    GET     /runs/{run_id}/stream
operator  POST    /runs /runs/wait /runs/stream /runs/batch /runs/cancel /runs/{run_id}/cancel /runs/{run_id}/retry
operator  POST    /runs/{run_id}/resume /runs/{run_id}/fork
operator  DELETE  /runs/{run_id}
admin     POST    /runs/{run_id}/move
operator  POST    /agent/run
viewer    GET     /agent/status/{task_id}
viewer    GET     /threads/{thread_id} /threads/{thread_id}/state /threads/{thread_id}/state/{checkpoint_id}
viewer    GET     /threads/{thread_id}/stream
viewer    POST    /threads/{thread_id}/stream/events
operator  POST    /threads/{thread_id}/commands
viewer    GET     /threads/{thread_id}/history /threads/{thread_id}/runs /threads/{thread_id}/runs/{run_id}
viewer    GET     /threads/{thread_id}/runs/{run_id}/join /threads/{thread_id}/runs/{run_id}/stream
viewer    POST    /threads/search /threads/count /threads/{thread_id}/history /threads/{thread_id}/state/checkpoint
operator  POST    /threads /threads/prune /threads/{thread_id}/copy /threads/{thread_id}/state /threads/{thread_id}/runs
operator  POST    /threads/{thread_id}/runs/wait /threads/{thread_id}/runs/stream
operator  POST    /threads/{thread_id}/runs/{run_id}/cancel
operator  PATCH   /threads/{thread_id} /threads/{thread_id}/state
operator  DELETE  /threads/{thread_id} /threads/{thread_id}/runs/{run_id}
viewer    GET     /approvals /approvals/{approval_id}
operator  POST    /approvals/{approval_id}
operator  POST    /budgets /budgets/remove /stops /stops/resume
viewer    GET     /assistants/search /assistants/{assistant_id} /assistants/{assistant_id}/graph
viewer    GET     /assistants/{assistant_id}/schemas /assistants/{assistant_id}/subgraphs
viewer    GET     /assistants/{assistant_id}/subgraphs/{namespace}
viewer    POST    /assistants/search /assistants/count /assistants/{assistant_id}/versions
operator  POST    /assistants /assistants/{assistant_id}/latest
operator  PATCH   /assistants/{assistant_id}
operator  DELETE  /assistants/{assistant_id}
viewer    POST    /mcp /mcp/ /a2a/{assistant_id}
viewer    GET     /a2a/{assistant_id}/tasks /a2a/{assistant_id}/tasks/{task_id}
viewer    GET     /a2a/{assistant_id}/tasks/{task_id}:subscribe
viewer    GET     /a2a/{assistant_id}/tasks/{task_id}/pushNotificationConfigs
viewer    GET     /a2a/{assistant_id}/tasks/{task_id}/pushNotificationConfigs/{config_id}
viewer    POST    /a2a/{assistant_id}/tasks/{task_id}:subscribe
operator  POST    /a2a/{assistant_id}/message:send /a2a/{assistant_id}/message:stream
operator  POST    /a2a/{assistant_id}/tasks/{task_id}:cancel
operator  POST    /a2a/{assistant_id}/tasks/{task_id}/pushNotificationConfigs
operator  DELETE  /a2a/{assistant_id}/tasks/{task_id}/pushNotificationConfigs/{config_id}
viewer    GET     /.well-known/agent-card.json /a2a/{assistant_id}/.well-known/agent-card.json
admin     POST    /keys /keys/{name}/rotate /users
admin     GET     /data /data/tenant /data/erasures /data/erasures/{erasure_id}
admin     POST    /data/erasures
admin     GET     /keys /keys/{name} /users /users/{name} /audit /audit/verify
admin     PATCH   /users/{name}
admin     DELETE  /keys/{name} /users/{name}
operator  GET     /webhooks /webhooks/{webhook_id} /webhooks/{webhook_id}/deliveries
admin     POST    /webhooks /webhooks/{webhook_id}/rotate /webhooks/{webhook_id}/replay /webhooks/{webhook_id}/test
admin     PATCH   /webhooks/{webhook_id}
admin     DELETE  /webhooks/{webhook_id}
operator  POST    /runs/crons /threads/{thread_id}/runs/crons /runs/crons/{cron_id}/run
viewer    POST    /runs/crons/search /runs/crons/count
viewer    GET     /runs/crons/{cron_id}
operator  PATCH   /runs/crons/{cron_id}
operator  DELETE  /runs/crons/{cron_id}
operator  PUT     /store/items
viewer    GET     /store/items
operator  DELETE  /store/items
viewer    POST    /store/items/search /store/namespaces
operator  POST    /files
viewer    GET     /files /files/{file_id} /files/{file_id}/content
operator  DELETE  /files/{file_id}
viewer    GET     /knowledge /knowledge/{collection}/documents
viewer    POST    /knowledge/{collection}/search
operator  POST    /knowledge/{collection}/documents /knowledge/{collection}/embed
operator  DELETE  /knowledge/{collection} /knowledge/{collection}/documents
operator  POST    /runs/{run_id}/scores
viewer    GET     /runs/{run_id}/scores /runs/{run_id}/scores/{score_id}
operator  PATCH   /runs/{run_id}/scores/{score_id}
operator  DELETE  /runs/{run_id}/scores/{score_id}
"""
CONSOLE = """
viewer    GET     / /console /console/runs /console/runs/{run_id} /console/runs/{run_id}/live
viewer    GET     /console/runs/{run_id}/value
operator  GET     /console/runs/bulk /console/runs/{run_id}/fork
operator  POST    /console/runs/bulk /console/runs/{run_id}/fork /console/runs/{run_id}/scores
viewer    GET     /console/dashboard/live
viewer    GET     /console/runs/{run_id}/{move} /console/approvals /console/approvals/{approval_id}/{answer}
viewer    GET     /console/approvals/live
viewer    GET     /console/workers /console/service-levels /console/service-levels/live /console/live
viewer    GET     /console/static/{version}/{name:path}
viewer    GET     /console/deploys /console/deploys/live /console/deploys/{deploy_id}
viewer    GET     /console/deploys/{deploy_id}/live
admin     GET     /console/deploys/{deploy_id}/{word}
admin     POST    /console/deploys/{deploy_id}/{word}
viewer    GET     /console/releases /console/releases/live /console/workers/live
viewer    GET     /console/checklists /console/checklists/{name}
admin     POST    /console/checklists/{name}/{item}
viewer    GET     /console/evaluations /console/evaluations/{evaluation_id} /console/evaluations/cases
operator  GET     /console/runs/{run_id}/case /console/evaluations/cases/{case_id}/remove
operator  POST    /console/runs/{run_id}/case /console/evaluations/cases/{case_id}/remove
viewer    GET     /console/providers /console/providers/live
viewer    GET     /console/budgets /console/budgets/live
operator  GET     /console/budgets/set /console/budgets/remove /console/budgets/stop /console/budgets/resume
operator  POST    /console/budgets/set /console/budgets/remove /console/budgets/stop /console/budgets/resume
viewer    GET     /console/costs /console/costs.csv /console/costs.json
admin     GET     /console/keys /console/keys/key /console/keys/new /console/keys/rotate /console/keys/revoke
admin     POST    /console/keys/new /console/keys/rotate /console/keys/revoke
admin     GET     /console/users /console/users/user /console/users/new /console/users/disable /console/users/delete
admin     POST    /console/users/new /console/users/role /console/users/disable /console/users/enable
admin     POST    /console/users/delete
admin     GET     /console/audit /console/audit/verify /console/audit.jsonl /console/settings
viewer    POST    /console/preferences
viewer    GET     /console/threads /console/threads/{thread_id} /console/threads/{thread_id}/live
operator  POST    /console/threads/{thread_id}/messages
viewer    GET     /console/agents /console/agents/{name} /console/agents/{name}/{assistant_id}
viewer    GET     /console/agents/{name}/{assistant_id}/use
operator  GET     /console/agents/{name}/new /console/agents/{name}/{assistant_id}/edit
operator  GET     /console/agents/{name}/{assistant_id}/delete
operator  POST    /console/agents/{name}/new /console/agents/{name}/{assistant_id}/edit
operator  POST    /console/agents/{name}/{assistant_id}/delete /console/agents/{name}/{assistant_id}/use
viewer    GET     /console/schedules /console/schedules/new /console/schedules/{schedule_id}
viewer    GET     /console/schedules/{schedule_id}/edit /console/schedules/{schedule_id}/delete
operator  POST    /console/schedules /console/schedules/{schedule_id} /console/schedules/{schedule_id}/{word}
viewer    GET     /console/playground /console/playground/live
operator  POST    /console/playground /console/playground/scores/{run_id}
operator  POST    /console/approvals/{approval_id}/answer /console/runs/{run_id}/{move}
"""
SIGN_IN = """
open      GET     /console/sign-in /console/sign-in/start /console/sign-in/callback
viewer    GET     /console/key
viewer    POST    /console/sign-out
"""
GATEWAY = """
viewer    GET     /v1/models /v1/models/{name}
operator  POST    /v1/chat/completions /v1/responses /v1/messages /v1/messages/count_tokens /v1/embeddings
"""
ROOT = "root-key-of-the-settings"
ROLES = ("viewer", "operator", "admin")


def rules(table: str) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for line in table.strip().splitlines():
        who, method, *paths = line.split()
        for path in paths:
            assert (method, path) not in found, f"{method} {path} is there twice"
            found[method, path] = who
    return found


API, PAGES, MODELS, ENTRY = rules(TABLE), rules(CONSOLE), rules(GATEWAY), rules(SIGN_IN)


async def echo(input: Any) -> Any:
    return input


async def ask(input: Any, ctx: Any) -> Any:
    return (await ctx.approve("May I?")).approved


@pytest.fixture
async def api() -> AsyncIterator[Serving]:
    async with serving({"echo": echo, "ask": ask}, keys=(ROOT,), table=True, rate_limit=0, console=True) as opened:
        yield opened


def _routes(console: Console) -> set[tuple[str, str]]:
    found: list[Any] = console.routes
    return {(method, route.path) for route in found for method in set(route.methods) - {"HEAD"}}


async def _key(api: Serving, name: str, **more: Any) -> dict[str, str]:
    issued = await api.running.engine.books.keys.create(NewKey(name, **more), by="test")
    return {"x-api-key": issued.secret}


async def _ask(api: Serving, method: str, path: str, headers: dict[str, str]) -> int:
    """The status of the answer; of a stream, of its beginning. With nothing in the body that would change anything."""
    address = re.sub(r"\{[^}]*\}", "nobody", path)
    async with api.client.stream(method, address, headers=headers) as answer:
        return answer.status_code


async def test_every_route_is_in_the_table_and_is_documented_so(api: Serving) -> None:
    document = await api.json("GET", "/openapi.json")
    said = {
        (method.upper(), path): one["x-role"] or "open"
        for path, methods in document["paths"].items()
        for method, one in methods.items()
    }
    assert said == {place: "viewer" if who == "known" else who for place, who in {**API, **MODELS}.items()}
    pages = _routes(make_console(api.running.engine))
    assert pages == set(PAGES)


async def test_who_we_do_not_know_gets_in_nowhere_but_where_it_is_open(api: Serving) -> None:
    books = api.running.engine.books
    revoked = await _key(api, "revoked")
    expired = await _key(api, "expired", expires_at=datetime(2026, 1, 1, tzinfo=UTC))
    await books.keys.revoke("revoked", tenant="default", by="test")
    for headers in ({}, {"x-api-key": "fl_wrong"}, revoked, expired, {"authorization": "Bearer eyJ.a.b"}):
        for (method, path), who in {**API, **PAGES, **MODELS}.items():
            status = await _ask(api, method, path, headers)
            assert (status == 401) == (who != "open"), (headers, method, path, status)


async def test_each_role_may_what_the_table_says_and_no_more(api: Serving) -> None:
    for role in ROLES:
        headers = await _key(api, role, role=Role(role))
        for (method, path), who in {**API, **MODELS}.items():
            status = await _ask(api, method, path, headers)
            allowed = who in ("open", "known") or ROLES.index(role) >= ROLES.index(who)
            assert (status == 403) != allowed, (role, method, path, status)
            assert status < 500, (role, method, path, status)


async def test_a_key_for_models_is_for_nothing_else_and_the_other_way_round(api: Serving) -> None:
    models = await _key(api, "models", role=Role.ADMIN, scopes=frozenset((Scope.MODELS,)))
    runs = await _key(api, "runs", role=Role.OPERATOR, scopes=frozenset((Scope.RUNS_WRITE,)))
    for (method, path), who in {**API, **MODELS}.items():
        status = await _ask(api, method, path, models)
        assert (status == 403) == (who not in ("open", "known") and not path.startswith("/v1/")), (method, path, status)
    for method, path in MODELS:
        assert await _ask(api, method, path, runs) == 403, path


async def test_pages_are_for_viewers_and_moves_for_operators(api: Serving) -> None:
    for role in ROLES:
        key = (await _key(api, role, role=Role(role)))["x-api-key"]
        own = {"authorization": "Basic " + base64.b64encode(f"x:{key}".encode()).decode(), "cookie": "fairlead_csrf=t"}
        for (method, path), who in PAGES.items():
            if path.endswith("/live") and "{" not in path:
                continue  # they open to the same as their pages, and then never end
            address = re.sub(r"\{[^}]*\}", "nobody", path)
            form = {"data": {"csrf": "t"}} if method == "POST" else {}
            refused = (await api.client.request(method, address, headers=own, **form)).status_code in (401, 403)
            assert refused == (ROLES.index(role) < ROLES.index(who)), (role, method, path)


async def test_where_people_sign_in_only_the_pages_to_do_so_are_open() -> None:
    provider = SignInProvider(SystemClock())
    async with serving({"echo": echo}, table=True, provider=provider, oidc_issuer=ISSUER, oidc_client_id=CLIENT) as api:
        signing: Any = object()
        assert _routes(make_console(api.running.engine, sign_in=signing)) == set(PAGES | ENTRY)
        for (method, path), who in {**PAGES, **ENTRY}.items():
            for headers in ({}, {"cookie": "fairlead_session=made-up"}, {"x-api-key": "fl_wrong"}):
                status = await _ask(api, method, path, headers)
                known = status == 401 and path != "/console/sign-in/callback"
                assert known == (who != "open" and "/static/" not in path), (method, path, headers, status)


BODIES: dict[str, Any] = {
    "POST /runs/{run_id}/fork": {"from_step": 3},
    "POST /threads/{thread_id}/runs": {"assistant_id": "echo"},
    "POST /threads/{thread_id}/runs/wait": {"assistant_id": "echo"},
    "POST /threads/{thread_id}/runs/stream": {"assistant_id": "echo"},
    "POST /threads/{thread_id}/stream/events": {"channels": ["values"]},
    "POST /threads/{thread_id}/commands": {
        "id": 1,
        "method": "input.respond",
        "params": {"interrupt_id": "x", "response": True},
    },
    "POST /threads/{thread_id}/runs/crons": {"assistant_id": "echo", "schedule": "0 9 * * 1"},
    "POST /threads/{thread_id}/state": {"values": {"a": 1}},
    "POST /threads/{thread_id}/history": {},
    "POST /threads/{thread_id}/state/checkpoint": {"checkpoint": {"checkpoint_id": "x"}},
    "PATCH /threads/{thread_id}": {"metadata": {"a": 1}},
    "PATCH /threads/{thread_id}/state": {"metadata": {"a": 1}},
    "POST /approvals/{approval_id}": {"approved": True},
    "PATCH /assistants/{assistant_id}": {"name": "mine"},
    "POST /assistants/{assistant_id}/latest": {"version": 1},
    "POST /assistants/{assistant_id}/versions": {},
    "PATCH /users/{name}": {"role": "admin"},
    "PATCH /webhooks/{webhook_id}": {"enabled": False},
    "POST /webhooks/{webhook_id}/replay": {"since": "2026-01-01T00:00:00Z"},
    "PATCH /runs/crons/{cron_id}": {"enabled": False},
    "POST /runs/{run_id}/scores": {"name": "good", "value": 1},
    "PATCH /runs/{run_id}/scores/{score_id}": {"value": 0},
    "POST /runs/{run_id}/move": {"release": "other"},
    "POST /threads/{thread_id}/copy": None,
}
# Names that each tenant has for itself: another one's are simply not there.
OWN = {
    "/knowledge/{collection}/documents",
    "/knowledge/{collection}",
    "/knowledge/{collection}/search",
    "/knowledge/{collection}/embed",
}


async def test_what_is_anothers_is_not_there(api: Serving) -> None:
    root = {"x-api-key": ROOT}
    ids = await _things(api, root)
    stranger = await _key(api, "stranger", role=Role.ADMIN, tenant="other")
    owner = await _key(api, "owner", role=Role.ADMIN)
    before = await _seen(api, owner, ids)
    for method, path in API:
        if "{" not in path or path in OWN or path.startswith(("/feedback", "/a2a")):
            continue
        address = re.sub(r"\{([^}]*)\}", lambda found: ids[found.group(1)], _of_kind(path))
        body = BODIES.get(f"{method} {path}")
        told = await api.client.request(method, address, headers=stranger, **({} if body is None else {"json": body}))
        assert told.status_code == 404, (method, path, told.status_code, told.text)
        assert await _seen(api, owner, ids) == before, (method, path)
    for path in ("/runs", "/approvals", "/webhooks", "/files", "/knowledge", "/scores", "/users"):
        assert await api.json("GET", path, headers=stranger) == [], path
    for path in ("/threads/search", "/runs/crons/search"):
        assert await api.json("POST", path, {}, headers=stranger) == [], path
    searched = await api.json("POST", "/knowledge/docs/search", {"query": "ducks"}, headers=stranger)
    assert searched["found"] == []


async def test_the_console_shows_each_tenant_its_own(api: Serving) -> None:
    ids = await _things(api, {"x-api-key": ROOT})
    mine, stranger = await _key(api, "owner"), await _key(api, "stranger", tenant="other")
    for headers, there in ((mine, True), (stranger, False)):
        for page in ("/console/runs", "/console/approvals"):
            shown = await api.client.get(page, headers=headers)
            assert (shown.status_code, ids["run_id"] in shown.text) == (200, there), (page, there)
        one = await api.client.get(f"/console/runs/{ids['run_id']}", headers=headers)
        assert (one.status_code == 200) is there
        own = {**headers, "cookie": "fairlead_csrf=t"}
        move = await api.client.post(f"/console/runs/{ids['run_id']}/cancel", headers=own, data={"csrf": "t"})
        assert (move.status_code == 404) is not there


def _of_kind(path: str) -> str:
    return path.replace("{name}", "{key}") if path.startswith("/keys") else path.replace("{name}", "{user}")


async def _things(api: Serving, root: dict[str, str]) -> dict[str, str]:
    """One of each that has an id, of tenant default."""
    thread = (await api.json("POST", "/threads", {}, headers=root))["thread_id"]
    run = (await api.json("POST", f"/threads/{thread}/runs", {"assistant_id": "ask"}, headers=root))["run_id"]
    await api.running.until(run, "parked")
    assistant = await api.json("POST", "/assistants", {"graph_id": "echo", "name": "mine"}, headers=root)
    cron = await api.json("POST", "/runs/crons", {"assistant_id": "echo", "schedule": "0 9 * * 1"}, headers=root)
    hook = await api.json("POST", "/webhooks", {"url": "https://example.com/x"}, headers=root, status=None)
    files = {"file": ("a.txt", b"hello", "text/plain")}
    file = (await api.client.post("/files", files=files, headers=root)).json()
    document = {"id": "d", "text": "All about ducks."}
    await api.json("POST", "/knowledge/docs/documents", document, headers=root, status=None)
    score = await api.json("POST", f"/runs/{run}/scores", {"name": "good", "value": 1}, headers=root, status=None)
    await api.json("POST", "/users", {"name": "ada"}, headers=root, status=None)
    await _key(api, "mine")
    approval = (await api.json("GET", "/approvals", headers=root))[0]
    states = await api.json("GET", f"/threads/{thread}/history", headers=root)
    erasure = await api.json("POST", "/data/erasures", {"user": "nobody"}, headers=root, status=202)
    return {
        "run_id": run, "task_id": run, "thread_id": thread, "assistant_id": assistant["assistant_id"],
        "cron_id": cron["cron_id"], "webhook_id": hook["id"], "file_id": file["id"],
        "score_id": score["id"], "approval_id": approval["id"], "erasure_id": erasure["id"],
        "user": "ada", "key": "mine",
        "checkpoint_id": states[0]["checkpoint"]["checkpoint_id"] if states else "x:1", "namespace": "x",
    }  # fmt: skip


async def _seen(api: Serving, owner: dict[str, str], ids: dict[str, str]) -> list[Any]:
    paths = (f"/runs/{ids['run_id']}", f"/threads/{ids['thread_id']}", f"/runs/crons/{ids['cron_id']}",
             f"/webhooks/{ids['webhook_id']}", f"/files/{ids['file_id']}", "/users/ada", "/keys/mine",
             f"/assistants/{ids['assistant_id']}")  # fmt: skip
    return [await api.json("GET", path, headers=owner) for path in paths]
