"""How much and what callers may send: how often they start runs, how deep a body is, from which sites."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langgraph_sdk import get_client

from tests.api.serving import Serving, listening, serving

KEY, OTHER = "a-key-of-the-settings", "another-key-of-the-settings"


async def echo(input: Any) -> Any:
    return input


AGENTS = {"echo": echo}
RUN = {"assistant_id": "echo", "input": 1}
DEEP: Any = "x"
for _ in range(101):
    DEEP = [DEEP]


@pytest.fixture(params=["memory", "redis", "postgres"])
def shared(request: pytest.FixtureRequest) -> dict[str, Any]:
    match request.param:
        case "redis":
            return {"redis_url": request.getfixturevalue("redis_url")}
        case "postgres":
            return {"database_url": request.getfixturevalue("postgres_url")}
        case _:
            return {}


def _as(key: str) -> dict[str, Any]:
    return {"headers": {"x-api-key": key}}


async def _start(api: Serving, path: str, body: Any, key: str = KEY) -> Any:
    return await api.client.post(path, json=body, **_as(key))


async def test_whoever_starts_more_than_they_may_is_told_when_to_come_back(shared: dict[str, Any]) -> None:
    async with serving(AGENTS, workers=0, keys=(KEY, OTHER), rate_limit=3, rate_window="1h", **shared) as api:
        for path in ("/runs", "/agent/run", "/runs"):
            body = RUN if path == "/runs" else {"agent": "echo", "input": 1}
            told = await _start(api, path, body)
            assert told.status_code in (200, 202), told.text
        assert told.headers["ratelimit-policy"] == '"runs";q=3;w=3600'
        assert told.headers["ratelimit"].startswith('"runs";r=0;t=')
        refused = await _start(api, "/runs", RUN)
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert 1 <= int(refused.headers["retry-after"]) <= 7200
        assert (await _start(api, "/runs", RUN, OTHER)).status_code == 200
        assert len(await api.json("GET", "/runs", **_as(KEY))) == 4, "what is refused starts nothing"
        assert (await api.client.get("/runs", **_as(KEY))).status_code == 200, "who only looks is not counted"
        assert api.said("request_limited")[0]["caller"] == f"key-{_digest(KEY)}"


async def _cancelled(api: Serving) -> str:
    """A run that may be retried, resumed; started by a key that nothing of it is counted for."""
    run_id = (await _start(api, "/runs", RUN, OTHER)).json()["run_id"]
    assert (await _start(api, f"/runs/{run_id}/cancel", {}, OTHER)).status_code == 202
    return run_id


async def _scheduled(api: Serving) -> str:
    made = await _start(api, "/runs/crons", {"assistant_id": "echo", "schedule": "0 9 * * *", "input": 1}, OTHER)
    return made.json()["cron_id"]


@pytest.mark.parametrize("move", ["/runs/{run}/retry", "/runs/{run}/resume", "/runs/crons/{cron}/run"])
async def test_what_lets_a_run_go_on_or_a_schedule_start_one_counts_as_well(move: str) -> None:
    async with serving(AGENTS, workers=0, keys=(KEY, OTHER), rate_limit=2, rate_window="1h") as api:
        path = move.format(run=await _cancelled(api), cron=await _scheduled(api))
        assert (await _start(api, move.format(run="nothing", cron="nothing"), {})).status_code == 404
        told = await _start(api, path, {})
        assert told.status_code == 200, told.text
        assert told.headers["ratelimit"].startswith('"runs";r=1;t='), "what is not there was not counted"
        assert (await _start(api, "/runs", RUN)).status_code == 200
        held = await api.json("GET", "/runs", **_as(KEY))
        other = move.format(run=await _cancelled(api), cron=await _scheduled(api))
        refused = await _start(api, other, {})
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert 1 <= int(refused.headers["retry-after"]) <= 7200
        now = await api.json("GET", "/runs", **_as(KEY))
        assert sum(run["status"] == "pending" for run in now) == sum(run["status"] == "pending" for run in held)


@pytest.mark.parametrize("move", ["runs/{run}/retry", "runs/{run}/resume", "schedules/{cron}/run"])
async def test_the_same_moves_of_the_console_count_as_well(move: str) -> None:
    async with serving(AGENTS, workers=0, keys=(KEY, OTHER), console=True, rate_limit=2, rate_window="1h") as api:
        path = f"/console/{move.format(run=await _cancelled(api), cron=await _scheduled(api))}"
        await api.client.get("/console/runs", **_as(KEY))
        sent = {"data": {"csrf": api.client.cookies["fairlead_csrf"]}}
        own = {"headers": {"x-api-key": KEY, "sec-fetch-site": "same-origin"}}
        absent = f"/console/{move.format(run='nothing', cron='nothing')}"
        assert (await api.client.post(absent, **sent, **own)).status_code == 404
        assert (await api.client.post(path, **sent, **own)).status_code == 303
        assert (await _start(api, "/runs", RUN)).headers["ratelimit"].startswith('"runs";r=0;t=')
        other = f"/console/{move.format(run=await _cancelled(api), cron=await _scheduled(api))}"
        refused = await api.client.post(other, **sent, **own)
        assert (refused.status_code, "started 2 in the last 3600 s" in refused.text) == (429, True), refused.text


def _digest(key: str) -> str:
    import hashlib

    return hashlib.sha256(key.encode()).hexdigest()[:8]


async def test_what_other_protocols_start_counts_as_well() -> None:
    message = {"role": "ROLE_USER", "parts": [{"text": "hi"}], "messageId": "m"}
    send = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": message}}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "echo", "arguments": {"input": 1}}}
    for path, body in (("/a2a/echo", send), ("/mcp", call)):
        async with serving(AGENTS, keys=(KEY,), rate_limit=1, rate_window="1h") as api:
            accept = {"headers": {"x-api-key": KEY, "accept": "application/json, text/event-stream"}}
            assert (await _start(api, "/runs", RUN)).status_code == 200
            told = await api.client.post(path, json=body, **accept)
            assert "in the last 3600 s" in told.text, told.text
            assert len(await api.json("GET", "/runs", **_as(KEY))) == 1


async def test_a_group_of_runs_is_started_whole_or_not_at_all() -> None:
    async with serving(AGENTS, workers=0, keys=(KEY,), rate_limit=5, rate_window="1h") as api:
        started = await _start(api, "/runs/batch", [RUN, {**RUN, "input": 2}, {**RUN, "input": 3}])
        assert [run["input"] for run in started.json()] == [1, 2, 3]
        assert (await _start(api, "/runs/batch", [RUN] * 3)).status_code == 429
        for wrong, status in (([RUN, {**RUN, "assistant_id": "nobody"}], 404), ([RUN, {"input": 1}], 422), ([], 422),
                              ({}, 422), ([RUN] * 101, 422)):  # fmt: skip
            assert (await _start(api, "/runs/batch", wrong)).status_code == status
        assert len(await api.json("GET", "/runs", **_as(KEY))) == 3


async def test_of_a_group_that_does_not_fit_into_the_queue_none_is_left() -> None:
    async with serving(AGENTS, workers=0, queue_limit=2) as api:
        refused = await api.client.post("/runs/batch", json=[RUN] * 4)
        assert refused.status_code == 429
        assert await api.json("GET", "/runs") == []
        assert (await api.client.post("/runs/batch", json=[RUN] * 2)).status_code == 200


async def test_the_same_key_starts_a_group_once() -> None:
    async with serving(AGENTS, workers=0) as api:
        more = {"headers": {"idempotency-key": "once"}}
        first, again = [(await api.client.post("/runs/batch", json=[RUN] * 2, **more)).json() for _ in range(2)]
        assert [run["run_id"] for run in first] == [run["run_id"] for run in again]


async def test_langgraphs_client_starts_a_group() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, get_client(url=url) as client:
        runs = await client.runs.create_batch([{"assistant_id": "echo", "input": {"n": n}} for n in range(3)])  # type: ignore[typeddict-item]
        joined = await asyncio.gather(*(api.json("GET", f"/runs/{run['run_id']}/wait") for run in runs))
        assert joined == [{"n": 0}, {"n": 1}, {"n": 2}]


@pytest.mark.parametrize("path", [
    "/runs", "/runs/wait", "/runs/stream", "/threads", "/agent/run", "/assistants", "/runs/crons", "/mcp", "/a2a/echo",
    "/threads/t/commands", "/threads/t/stream/events",
])  # fmt: skip
async def test_what_is_nested_too_deep_is_refused_everywhere(path: str) -> None:
    async with serving(AGENTS, workers=0) as api:
        told = await api.client.post(path, json={"assistant_id": "echo", "input": DEEP})
        assert (told.status_code, "deeper than 100" in told.text) in {(422, True), (200, True)}, told.text
        wide = {"assistant_id": "echo", "input": [[1]] * 500}
        assert path != "/runs" or (await api.client.post(path, json=wide)).status_code == 200
        assert len(await api.json("GET", "/runs")) == (path == "/runs")


@pytest.mark.parametrize("path", [
    "/runs", "/runs/wait", "/runs/stream", "/runs/batch", "/threads", "/agent/run", "/assistants", "/runs/crons",
    "/threads/t/commands", "/threads/t/stream/events",
    "/mcp", "/a2a/echo", "/a2a/echo/message:send", "/v1/chat/completions", "/v1/messages", "/v1/responses",
    "/v1/embeddings",
])  # fmt: skip
async def test_a_body_that_says_two_things_under_one_key_is_refused_everywhere(path: str) -> None:
    async with serving(AGENTS, workers=0) as api:
        body = b'{"assistant_id":"echo","input":1,"model":"m","more":[{"budget_usd":1,"budget_usd":100}]}'
        told = await api.client.post(path, content=body, headers={"content-type": "application/json"})
        theirs = path.startswith("/v1") or path.endswith(":send")  # as their protocols have it
        assert told.status_code == (400 if theirs else 422), told.text
        assert "`budget_usd` twice" in told.text
        assert path.startswith(("/v1", "/a2a")) or told.json()["code"] == "invalid_input", told.text
        assert await api.json("GET", "/runs") == []


async def test_pages_of_listed_sites_may_read_what_clients_need() -> None:
    async with serving(AGENTS, workers=0, keys=(KEY,), cors_origins="https://ui.example,http://localhost:3000") as api:
        origins = {"https://ui.example": True, "http://localhost:3000": True, "https://x.example": False}
        for origin, allowed in origins.items():
            told = await api.client.post("/runs", json=RUN, headers={"x-api-key": KEY, "origin": origin})
            assert (told.headers.get("access-control-allow-origin") == origin) is allowed
            assert "access-control-allow-credentials" not in told.headers
        exposed = (await api.client.get("/ok", headers={"origin": "https://ui.example"})).headers
        assert {"Content-Location", "Retry-After", "RateLimit"} <= set(
            exposed["access-control-expose-headers"].split(", ")
        )
        refused = await api.client.post("/runs", json={}, headers={"x-api-key": KEY, "origin": "https://ui.example"})
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (422, "https://ui.example")
