"""How the simulated model assesses a claim: looks the order up, then decides by what it finds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from fairlead.gateway import Reply, ToolCall


def assess(messages: Sequence[dict[str, Any]], tools: Sequence[Any] = ()) -> Reply:
    found = next((json.loads(m["content"]) for m in reversed(messages) if m["role"] == "tool"), None)
    if found is None:
        asked = next(m["content"] for m in messages if m["role"] == "user")
        return Reply(tool_calls=[ToolCall("look_up_order", {"order_id": json.loads(asked)["order_id"]})])
    return Reply(json.dumps(_verdict(found)))


def _verdict(order: dict[str, Any]) -> dict[str, str]:
    if order.get("refunded_before"):
        return {"verdict": "refuse", "reason": "The order was refunded before."}
    if order.get("delivered"):
        return {"verdict": "refuse", "reason": "The order was delivered."}
    return {"verdict": "pay", "reason": "The order never arrived."}
