"""What every request passes: size, type and sense of the body, keys, headers, and what is told of it."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Router

from tests.api.serving import listening, serving

KEY = "fl_test_key_0123456789"


async def echo(input: Any) -> Any:
    return {"got": input}


AGENTS = {"echo": echo}
DEEP = b"[" * 600 + b"]" * 600
BAD = {
    "no JSON": b"{",
    "nothing": b"",
    "NaN": b'{"assistant_id": "echo", "input": NaN}',
    "Infinity": b'{"assistant_id": "echo", "input": -Infinity}',
    "beyond any number": b'{"assistant_id": "echo", "input": 1e400}',
    "a lone surrogate": b'{"assistant_id": "echo", "input": "\\ud800"}',
    "no UTF-8": b'{"assistant_id": "echo", "input": "\xff"}',
    "deep": b'{"assistant_id": "echo", "input": ' + DEEP + b"}",
    "very deep": b'{"assistant_id": "echo", "input": ' + b"[" * 100_000 + b"}",
    "a list": b"[]",
    "a text": b'"echo"',
    "NUL in metadata": b'{"assistant_id": "echo", "metadata": {"a": "\\u0000"}}',
    "NUL in a metadata key": b'{"assistant_id": "echo", "metadata": {"a\\u0000": 1}}',
    "no agent": b"{}",
    "an agent that is a number": b'{"assistant_id": 1}',
    "a priority that is a truth": b'{"assistant_id": "echo", "priority": true}',
    "a priority beyond all": b'{"assistant_id": "echo", "priority": 99999999999999999999}',
    "a budget that is a text": b'{"assistant_id": "echo", "budget_usd": "5"}',
    "a budget of nothing": b'{"assistant_id": "echo", "budget_usd": 0}',
    "a budget that is a truth": b'{"assistant_id": "echo", "budget_usd": true}',
    "an unknown field": b'{"assistant_id": "echo", "budget": 5}',
    "an unknown mode": b'{"assistant_id": "echo", "stream_mode": "all"}',
    "no mode": b'{"assistant_id": "echo", "stream_mode": []}',
    "an endless wait": b'{"assistant_id": "echo", "after_seconds": 1e18}',
}


@pytest.mark.parametrize("path", ["/runs", "/runs/wait", "/runs/stream"])
async def test_no_body_that_makes_no_sense_is_taken_or_breaks_anything(path: str) -> None:
    async with serving(AGENTS, workers=0) as api:
        for name, content in BAD.items():
            answer = await api.client.post(path, content=content, headers={"Content-Type": "application/json"})
            assert answer.status_code == 422, (name, answer.text)
            problem = answer.json()
            assert answer.headers["content-type"] == "application/problem+json"
            assert problem["code"] in ("invalid_input", "not_json"), name
            assert isinstance(problem["detail"], str) and problem["detail"], name
        assert await api.json("GET", "/runs") == []
        assert api.said("error") == []


async def test_values_that_json_can_carry_come_back_as_they_were(postgres_url: str) -> None:
    values = [None, "", "nul\0", "𝄞", 2**63, -(2**63), 1e308, [[]], {"": {"": None}}, {"__error__": 1}, "x" * 200_000]
    async with serving(AGENTS, database_url=postgres_url) as api:
        for value in values:
            assert await api.json("POST", "/runs/wait", {"assistant_id": "echo", "input": value}) == {"got": value}


async def test_a_body_above_the_limit_is_refused_before_it_is_read() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 10_000_000:
            sent += 1000
            yield b" " * 1000

    json = {"Content-Type": "application/json"}
    async with (
        serving(AGENTS, workers=0, body_limit=1000) as api,
        listening(api.app) as url,
        httpx.AsyncClient(base_url=url) as client,
    ):
        for content in (b" " * 1001, endless()):
            answer = await client.post("/runs", content=content, headers=json)
            assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        answer = await api.client.post("/runs", content=b"{}", headers={**json, "Content-Length": "999999999"})
        assert answer.status_code == 413


async def test_a_body_that_is_not_json_is_the_wrong_type() -> None:
    async with serving(AGENTS, workers=0) as api:
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "nonsense"):
            answer = await api.client.post("/runs", content=b'{"assistant_id":"echo"}', headers={"Content-Type": kind})
            assert (answer.status_code, answer.json()["code"]) == (415, "wrong_media_type")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/runs?limit=0", 422), ("/runs?limit=x", 422), ("/runs?status=nope", 422), ("/runs?before=%00", 422),
        ("/runs/%00", 422), ("/runs/%ff%fe", 404), ("/threads/%F0%9F%92%A9", 404), ("/runs/..%2f..%2fetc", 404),
        ("/runs?limit=99999999999999999999", 422), ("/runs?text=%25_%27--", 200), ("/nothing/here", 404),
        ("/agent/status/nope", 404), ("/runs/x/events?after=99999999999", 422), ("/assistants/nope", 404),
        ("/runs?limit=5&limit=6", 422),
    ],
)  # fmt: skip
async def test_no_address_breaks_anything(path: str, status: int, postgres_url: str) -> None:
    async with serving(AGENTS, workers=0, database_url=postgres_url) as api:
        answer = await api.client.get(path)
        assert answer.status_code == status, answer.text
        assert api.said("error") == []


async def test_a_wrong_method_is_told_apart_from_a_wrong_address() -> None:
    async with serving(AGENTS, workers=0) as api:
        assert (await api.json("PUT", "/runs", status=405))["code"] == "method_not_allowed"


async def test_every_answer_carries_its_id_its_time_and_what_browsers_must_know() -> None:
    async with serving(AGENTS, workers=0) as api:
        for path in ("/ok", "/docs", "/nothing"):
            answer = await api.client.get(path, headers={"X-Request-ID": "my-request-1"})
            assert answer.headers["x-request-id"] == "my-request-1"
            assert answer.headers["x-response-time"].endswith("ms")
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "default-src 'none'" in answer.headers["content-security-policy"]
        forged = await api.client.get("/ok", headers={"X-Request-ID": "a b\tc"})
        assert len(forged.headers["x-request-id"]) == 32


async def test_a_request_is_told_by_its_route_not_its_address() -> None:
    async with serving(AGENTS, workers=0) as api:
        await api.client.get("/runs/some-id")
        await api.client.get("/nothing/here")
        told = [(one["method"], one["endpoint"], one["status_code"]) for one in api.said("http_request")]
        assert told == [("GET", "/runs/{run_id}", 404), ("GET", "unmatched", 404)]


async def test_without_a_key_other_sites_and_other_names_are_refused() -> None:
    async with serving(AGENTS, workers=0) as api:
        body = {"assistant_id": "echo"}
        for headers in (
            {"Host": "evil.example"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Host": "127.0.0.1.evil.example:80"},
        ):
            assert (await api.json("POST", "/runs", body, headers=headers, status=403))["code"] == "forbidden"
        for host in ("127.0.0.1:8000", "[::1]:8000", "localhost"):
            await api.json("POST", "/runs", body, headers={"Host": host})


async def test_a_key_may_come_in_either_header_and_not_as_a_password() -> None:
    async with serving(AGENTS, workers=0, keys=(KEY,)) as api:
        refused = await api.client.get("/runs")
        assert refused.json()["code"] == "unauthorised" and "www-authenticate" in refused.headers
        for headers in ({"X-API-Key": KEY}, {"Authorization": f"Bearer {KEY}"}):
            assert await api.json("GET", "/runs", headers=headers) == []
        await api.json("GET", "/runs", headers={"Authorization": _basic(KEY)}, status=401)


async def test_pages_of_the_console_ask_the_browser_for_the_key() -> None:
    async def page(request: Request) -> PlainTextResponse:
        return PlainTextResponse("runs")

    console = Router()
    console.add_route("/console/runs", page)
    async with serving(AGENTS, workers=0, keys=(KEY,), app={"console": console}) as api:
        refused = await api.client.get("/console/runs")
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Basic realm="fairlead"')
        for headers in ({"Authorization": _basic(KEY)}, {"X-API-Key": KEY}):
            assert (await api.client.get("/console/runs", headers=headers)).text == "runs"
        for wrong in ("Basic !!!", _basic("other"), "Basic"):
            assert (await api.client.get("/console/runs", headers={"Authorization": wrong})).status_code == 401


async def test_a_fault_of_ours_is_told_to_the_log_and_not_to_the_caller() -> None:
    async def page(request: Request) -> PlainTextResponse:
        raise RuntimeError("password=hunter2")

    console = Router()
    console.add_route("/console/runs", page)
    async with serving(AGENTS, workers=0, app={"console": console}) as api:
        answer = await api.client.get("/console/runs")
        assert (answer.status_code, answer.json()["code"]) == (500, "internal")
        assert "hunter2" not in answer.text
        (error,) = api.said("error")
        assert "hunter2" in error["message"]


async def test_other_origins_are_let_in_only_when_listed() -> None:
    async with serving(AGENTS, workers=0, keys=(KEY,), cors_origins="https://ui.example") as api:
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}
        good = await api.client.options("/runs", headers={"Origin": "https://ui.example", **asked})
        bad = await api.client.options("/runs", headers={"Origin": "https://evil.example", **asked})
        assert good.headers["access-control-allow-origin"] == "https://ui.example"
        assert "access-control-allow-origin" not in bad.headers


def _basic(key: str) -> str:
    return "Basic " + base64.b64encode(f"me:{key}".encode()).decode()


@pytest.mark.parametrize(
    ("scheme", "forwarded", "kept"),
    [
        ("http", None, False), ("http", "http", False), ("http", "http, https", False),
        ("https", None, True), ("http", "https", True), ("http", "HTTPS, http", True), ("https", "http", True),
    ],
)  # fmt: skip
async def test_browsers_that_came_by_tls_are_told_to_stay_with_it(
    scheme: str, forwarded: str | None, kept: bool
) -> None:
    """By ours, or by that of the proxy before us; of pages, of the API, of the gateway, and of what is refused."""
    headers = {"x-forwarded-proto": forwarded} if forwarded else {}
    async with serving(AGENTS, workers=0, keys=(KEY,), console=True) as api:
        transport = httpx.ASGITransport(api.app)
        async with httpx.AsyncClient(transport=transport, base_url=f"{scheme}://localhost") as client:
            for path, key, status in (
                ("/ok", "", 200), ("/runs", KEY, 200), ("/runs", "fl_other", 401), ("/nowhere", KEY, 404),
                ("/console/runs", KEY, 200), ("/v1/models", KEY, 200),
            ):  # fmt: skip
                answer = await client.get(path, headers={**headers, "x-api-key": key})
                assert answer.status_code == status, path
                expected = "max-age=31536000" if kept else None
                assert answer.headers.get("strict-transport-security") == expected, path
