from __future__ import annotations

from typing import Any

import pytest

from tests.api.serving import serving
from tests.runs.receiver import receiving


async def greet(input: Any) -> str:
    return f"Hello, {input['name']}"


async def test_a_webhook_is_made_shown_changed_told_replayed_and_removed() -> None:
    async with receiving() as receiver, serving({"greet": greet}, egress_allow="127.0.0.1") as server:
        made = await server.json("POST", "/webhooks", {"url": receiver.url + "/all", "types": ["run.*"]}, status=201)
        one = f"/webhooks/{made['id']}"
        assert made["secret"].startswith("whsec_")
        assert (await server.json("GET", one))["secret"] is None
        assert [hook["id"] for hook in await server.json("GET", "/webhooks")] == [made["id"]]
        changed = await server.json("PATCH", one, {"description": "ours", "agent": "greet"})
        assert (changed["description"], changed["agent"], changed["secret"]) == ("ours", "greet", None)
        assert (await server.json("POST", f"{one}/rotate", {}))["secret"] != made["secret"]
        body = {"assistant_id": "greet", "input": {"name": "Ada"}, "webhook": receiver.url + "/one"}
        await server.json("POST", "/runs/wait", body)
        await receiver.until(2)
        assert sorted(got.path for got in receiver.got) == ["/all", "/one"]
        tested = await server.json("POST", f"{one}/test", {})
        await receiver.until(3)
        assert receiver.got[2].json["type"] == "webhook.test"
        told = await server.json("GET", f"{one}/deliveries", params={"limit": "1"})
        assert [entry["id"] for entry in told] == [tested["id"]]
        await server.json("POST", f"{one}/replay", {"since": "2020-01-01T00:00:00Z"})
        await server.json("DELETE", one, status=204)
        await server.json("GET", one, status=404)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/webhooks", {"url": "nowhere"}, 422),
        ("POST", "/webhooks", {"url": "https://example.com", "types": ["run.sucess"]}, 422),
        ("POST", "/webhooks", {"url": "https://example.com", "typo": 1}, 422),
        ("POST", "/webhooks/wh_none/replay", {"delivery_id": "x"}, 404),
        ("POST", "/webhooks/wh_none/replay", {"since": "yesterday"}, 422),
        ("POST", "/webhooks/wh_none/test", None, 404),
        ("PATCH", "/webhooks/wh_none", {"enabled": False}, 404),
        ("DELETE", "/webhooks/wh_none", None, 404),
        ("GET", "/webhooks/wh_none/deliveries?limit=0", None, 422),
        ("POST", "/runs", {"assistant_id": "greet", "webhook": "ftp://example.com"}, 422),
    ],
)
async def test_what_can_not_be_taken_is_said_to_be(method: str, path: str, body: Any, status: int) -> None:
    async with serving({"greet": greet}, workers=0) as server:
        await server.json(method, path, body, status=status)
