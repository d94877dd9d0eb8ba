"""Agents that ask a model again and again, and say how long each answer took."""

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
    _tell(input["ear"], took)


async def asking_by_sdk(input: dict[str, Any]) -> None:
    """It knows nothing of us."""
    from openai import AsyncOpenAI  # the gateway's process loads this file too, and is measured without an SDK

    took: list[int] = []
    async with AsyncOpenAI(api_key="bench", max_retries=0) as client:
        for _ in range(input["calls"]):
            before = time.monotonic_ns()
            await client.chat.completions.create(model=input["model"], messages=input["messages"], max_tokens=500)
            took.append(time.monotonic_ns() - before)
    _tell(input["ear"], took)


def _tell(path: str, took: list[int]) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.sendto(" ".join(map(str, took)).encode(), path)
