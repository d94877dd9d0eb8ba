"""The caller goes away in the middle of a body: nothing of it is done, and nobody else notices."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import pytest

from fairlead.database.sql import parse
from tests.api.serving import Serving, listening, serving

ROOT = "root-key-of-the-settings"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    body: bytes
    content_type: str = "application/json"


def of_json(method: str, path: str, body: Any) -> Request:
    return Request(method, path, orjson.dumps(body))


HELLO = [{"role": "user", "content": "hello"}]
MESSAGE = {"message": {"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "hello"}]}}
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "echo", "arguments": {"input": "a"}}}
FORM = (
    b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n'
    + b"All about ducks. " * 200
    + b"\r\n--cut--\r\n"
)
REQUESTS = [
    of_json("POST", "/runs", {"assistant_id": "echo", "input": "a"}),
    of_json("POST", "/runs/wait", {"assistant_id": "echo", "input": "a"}),
    of_json("POST", "/runs/stream", {"assistant_id": "echo", "input": "a"}),
    of_json("POST", "/runs/batch", [{"assistant_id": "echo", "input": n} for n in range(3)]),
    of_json("POST", "/threads", {"metadata": {"a": 1}}),
    of_json("POST", "/runs/crons", {"assistant_id": "echo", "schedule": "0 9 * * 1"}),
    of_json("PUT", "/store/items", {"namespace": ["a"], "key": "k", "value": {"a": 1}}),
    of_json("POST", "/knowledge/docs/documents", {"id": "d", "text": "All about ducks."}),
    of_json("POST", "/keys", {"name": "new"}),
    Request("POST", "/files?name=a.txt", b"All about ducks. " * 200, "text/plain"),
    Request("POST", "/files", FORM, "multipart/form-data; boundary=cut"),
    of_json("POST", "/mcp", CALL),
    of_json("POST", "/a2a/echo/message:send", MESSAGE),
    of_json("POST", "/v1/chat/completions", {"model": "simulated/small", "messages": HELLO}),
    of_json("POST", "/v1/messages", {"model": "simulated/small", "messages": HELLO, "max_tokens": 9}),
]
_OF_ITS_OWN = {"workers", "run_folds"}  # written whether anybody asks or not


async def echo(input: Any) -> Any:
    return {"got": input}


async def cut(url: str, request: Request, *, chunked: bool) -> None:
    """Half of it, in a way that says there is more; then we are gone."""
    address, half = urlsplit(url), request.body[: len(request.body) // 2]
    told = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(request.body)}"
    head = (
        f"{request.method} {request.path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {ROOT}\r\n{told}\r\n"
        f"Content-Type: {request.content_type}\r\n\r\n"
    )
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(head.encode() + (b"%x\r\n%b\r\n" % (len(half), half) if chunked else half))
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def rows(api: Serving) -> dict[str, int]:
    database = api.running.engine.database
    tables = await database.read(parse("tables", "SELECT name FROM sqlite_master WHERE type = 'table'", "sqlite"))
    counted = {str(row["name"]) for row in tables} - _OF_ITS_OWN
    return {
        name: (await database.read(parse("count", f"SELECT count(*) AS n FROM {name}", "sqlite")))[0]["n"]
        for name in sorted(counted)
        if not name.startswith("sqlite_")
    }


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


async def answered(api: Serving, times: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(20):
        while len(api.said("http_request")) < times:
            await asyncio.sleep(0.005)
    return api.said("http_request")


@pytest.mark.parametrize("chunked", [False, True])
async def test_nothing_is_done_of_a_body_that_is_cut(tmp_path: Path, chunked: bool) -> None:
    blobs = tmp_path / "blobs"
    async with (
        serving({"echo": echo}, keys=(ROOT,), table=True, rate_limit=0, blob_dir=str(blobs)) as api,
        listening(api.app) as url,
        httpx.AsyncClient(base_url=url, headers={"x-api-key": ROOT}) as client,
    ):
        before, there = await rows(api), files(blobs)
        for number, request in enumerate(REQUESTS, 1):
            await cut(url, request, chunked=chunked)
            told = (await answered(api, number))[-1]
            assert told["status_code"] < 500, told
        assert (await rows(api), files(blobs)) == (before, there)
        assert api.said("error") == []
        for request in REQUESTS:  # whole, each of them does something
            answer = await client.request(
                request.method, request.path, content=request.body, headers={"content-type": request.content_type}
            )
            assert answer.status_code < 300, (request.path, answer.text)
        changed = {name for name, count in (await rows(api)).items() if count != before.get(name)}
        assert {"runs", "threads", "schedules", "store_items", "store_files", "budget_accounts"} <= changed, changed
        assert files(blobs) != there
