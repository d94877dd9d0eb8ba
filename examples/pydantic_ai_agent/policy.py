"""What the simulated model says: looks the order up, sends a voucher when it is very late, and answers."""

from __future__ import annotations

import json
import re
from typing import Any

from fairlead.gateway import Reply, ToolCall

VERY_LATE = 10  # days


def answer(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Reply:
    results = [message["content"] for message in messages if message["role"] == "tool"]
    if not results:
        asked = next(message["content"] for message in reversed(messages) if message["role"] == "user")
        found = re.search(r"[A-Z]-\d+", asked)
        return Reply(tool_calls=[ToolCall("look_up_order", {"order_id": found.group() if found else "unknown"})])
    if "There is no order" in results[0]:
        return _finish("I can't find that order. Which number does it have?", voucher=False)
    order = json.loads(results[0])
    late = order["days_late"] > VERY_LATE
    if late and len(results) == 1:
        return Reply(tool_calls=[ToolCall("send_voucher", {"customer": order["customer"]})])
    return _finish(f"Your order is {order['days_late']} days late, {order['customer']}.", voucher=late)


def _finish(text: str, *, voucher: bool) -> Reply:
    return Reply(tool_calls=[ToolCall("final_result", {"text": text, "voucher": voucher})])
