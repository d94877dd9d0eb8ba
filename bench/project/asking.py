"""An agent that asks a model again and again, and says how long each answer took."""

from __future__ import annotations

import socket
import time
from typing import Any

from fairlead import Context


async def asking(input: dict[str, Any], ctx: Context) -> None:
    took: list[int] = []
    for _ in range(input["calls"]):
        before = time.monotonic_ns()
        await ctx.model(input["messages"], model=input["model"], max_tokens=500, stream=False)
        took.append(time.monotonic_ns() - before)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.sendto(" ".join(map(str, took)).encode(), input["ear"])
