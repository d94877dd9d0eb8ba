"""Agents as tools: the SDK's client against a real server, and whatever else may come."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from fairlead.agents import Agent, Context
from tests.api.serving import listening, serving


async def count(input: dict[str, int], ctx: Context) -> dict[str, int]:
    """Counts up."""
    ctx.progress(30, "a third")
    ctx.progress(60)
    return {"to": input["to"]}


async def fail(input: Any) -> None:
    raise ValueError("no such luck")


async def hang(input: Any) -> None:
    await asyncio.Event().wait()


async def ask(input: Any, ctx: Context) -> Any:
    return (await ctx.approve("Really?")).approved


AGENTS = {"chat": Agent("chat", "simulated/echo"), "count": count, "fail": fail, "hang": hang, "ask": ask}


@pytest.fixture(params=["legacy", "auto"])
def mode(request: pytest.FixtureRequest) -> str:
    return request.param


async def test_agents_are_tools_of_the_sdks_client(mode: Any, database_url: str | None) -> None:
    heard: list[Any] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        heard.append((done, total, message))

    async with serving(AGENTS, database_url=database_url) as api, listening(api.app) as url:  # noqa: SIM117
        async with Client(f"{url}/mcp", mode=mode) as client:
            assert client.protocol_version == ("2025-11-25" if mode == "legacy" else "2026-07-28")
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert set(tools) == set(AGENTS) and tools["count"].description == "Counts up."
            said = await client.call_tool("chat", {"message": "hello"})
            assert said.content[0].text == "Simulated answer to: hello" and not said.is_error
            counted = await client.call_tool("count", {"to": 3}, progress_callback=progress)
            assert counted.structured_content == {"to": 3}
            assert [percent for percent, _, _ in heard] == sorted({percent for percent, _, _ in heard})
            assert (30, 100, "a third") in heard
            failed = await client.call_tool("fail", {"input": 1})
            assert failed.is_error and "no such luck" in failed.content[0].text
            asked = await client.call_tool("ask", {"input": 1})
            assert asked.is_error and "waits for a person" in asked.content[0].text
            assert asked.structured_content["approvals"][0]["question"] == "Really?"
            with pytest.raises(MCPError, match="no tool 'nobody'"):
                await client.call_tool("nobody", {})


async def test_a_cancelled_call_cancels_its_run(mode: Any) -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, Client(f"{url}/mcp", mode=mode) as client:
        call = asyncio.ensure_future(client.call_tool("hang", {"input": 1}))
        async with asyncio.timeout(10):
            while not (runs := await api.running.engine.control.list()):
                await asyncio.sleep(0.01)
        await api.running.until(runs[0].id, "started")
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        assert (await api.running.ended(runs[0].id)).reason == "cancelled"


async def test_the_same_key_is_the_same_run() -> None:
    async with serving(AGENTS) as api, listening(api.app) as url, Client(f"{url}/mcp") as client:
        meta: Any = {"fairlead/idempotency-key": "once"}
        first = await client.call_tool("count", {"to": 3}, meta=meta)
        again = await client.call_tool("count", {"to": 3}, meta=meta)
        assert first.meta is not None and again.meta is not None
        assert first.meta["fairlead/run-id"] == again.meta["fairlead/run-id"]
        with pytest.raises(MCPError, match="was used for run"):
            await client.call_tool("count", {"to": 4}, meta=meta)


async def test_a_viewer_may_look_and_not_call() -> None:
    keys = ("root-key-0123456789",)
    async with serving(AGENTS, keys=keys, table=True) as api, listening(api.app) as url:
        root = {"x-api-key": keys[0]}
        made = await api.json("POST", "/keys", {"name": "eye", "role": "viewer"}, status=201, headers=root)
        viewer = {"authorization": f"Bearer {made['key']}"}
        async with (
            httpx2.AsyncClient(headers=viewer) as http,
            Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
        ):
            assert (await client.list_tools()).tools
            with pytest.raises(MCPError):
                await client.call_tool("count", {"to": 1})
        async with httpx.AsyncClient(base_url=url) as stranger:
            assert (await stranger.post("/mcp", json={})).status_code == 401
            body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "count"}}
            assert (await stranger.post("/mcp", json=body, headers=viewer)).status_code == 403
        assert await api.running.engine.control.list() == []


async def test_a_page_of_another_site_is_refused() -> None:
    async with serving(AGENTS, keys=("root-key-0123456789",)) as api:
        headers = {"x-api-key": "root-key-0123456789", "origin": "https://evil.example"}
        await api.json("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "ping"}, status=403, headers=headers)


def request(method: Any, **more: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, **more}


OLD = {"_meta": {"io.modelcontextprotocol/protocolVersion": "1999-01-01"}}
BAD: list[tuple[Any, int]] = [
    ([], -32600),
    ("x", -32600),
    (1, -32600),
    ({}, -32600),
    ({"jsonrpc": "1.0", "method": "ping"}, -32600),
    ([request("ping")], -32600),
    ({**request("ping"), "id": {}}, -32600),
    ({**request("ping"), "id": True}, -32600),
    (request(7), -32600),
    (request("no/such"), -32601),
    (request("tools/call"), -32602),
    (request("tools/call", params=[]), -32600),
    (request("tools/call", params={"name": 7}), -32602),
    (request("tools/call", params={"name": "chat", "arguments": [1]}), -32602),
    (request("tools/call", params={"name": "chat", "arguments": {"message": 1}}), -32602),
    (request("tools/call", params={"name": "chat", "_meta": 3}), -32602),
    (request("ping", params=OLD), -32022),
]


async def test_bad_requests_get_the_protocols_own_errors() -> None:
    async with serving(AGENTS) as api:
        for body, code in BAD:
            answer = await api.client.post("/mcp", json=body)
            status = 400 if code == -32600 else 200
            assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), body
        for raw in (b"", b"{", b'{"a": NaN}', b'{"jsonrpc": "2.0", "id": 1, "method": "\\ud800"}', b"[" * 100_000):
            answer = await api.client.post("/mcp", content=raw, headers={"content-type": "application/json"})
            assert answer.status_code == 422, raw[:20]
        assert (await api.client.post("/mcp", content=b"x" * 3_000_000)).status_code == 413
        assert (await api.client.get("/mcp")).status_code == 405
        assert (await api.client.delete("/mcp")).status_code == 405


async def test_an_answer_in_json_is_given_to_who_takes_no_stream() -> None:
    async with serving(AGENTS) as api:
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "count", "arguments": {"to": 2}}}
        answer = await api.json("POST", "/mcp", body, headers={"accept": "application/json"})
        assert answer["result"]["structuredContent"] == {"to": 2}


async def test_the_inspector_lists_and_calls(repository: Path) -> None:
    inspector = repository / "tests/node/node_modules/.bin/mcp-inspector"
    async with serving(AGENTS) as api, listening(api.app) as url:
        for words, wanted in (
            (("--method", "tools/list"), b'"count"'),
            (("--method", "tools/call", "--tool-name", "count", "--tool-arg", "to=5"), b'"to": 5'),
        ):
            process = await asyncio.create_subprocess_exec(
                str(inspector), "--cli", f"{url}/mcp", "--transport", "http", *words,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            out, err = await process.communicate()
            assert process.returncode == 0 and wanted in out, (out, err)
