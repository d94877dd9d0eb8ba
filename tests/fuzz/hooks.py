"""What a description can't say: a run that begins in a year is waited for a year."""

from __future__ import annotations

from typing import Any

import schemathesis

_WAITED_FOR = ("/wait", "/stream", "/join")


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    path: str = context.operation.path
    if isinstance(body, dict) and path.endswith(_WAITED_FOR) and isinstance(body.get("after_seconds"), (int, float)):
        return {**body, "after_seconds": min(body["after_seconds"], 0.01)}
    return body
