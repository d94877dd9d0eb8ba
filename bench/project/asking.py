"""Agents that ask a model again and again, and say how long each answer took.

No two questions are equal, over all runs of a process: the cache, which is on, must answer none of them.
"""

from __future__ import annotations

import itertools
import socket
import time
from typing import Any

from bench.callers.protocol import MOST_TOKENS, prompt
from fairlead import Context

_NUMBERS = itertools.count()


async def asking(input: dict[str, Any], ctx: Context) -> None:
    took: list[int] = []
    for _ in range(input["calls"]):
        messages = prompt(next(_NUMBERS))
        before = time.monotonic_ns()
        await ctx.model(messages, model=input["model"], max_tokens=MOST_TOKENS, stream=False)
        took.append(time.monotonic_ns() - before)
    _tell(input["ear"], took)


async def asking_by_sdk(input: dict[str, Any]) -> None:
    """It knows nothing of us."""
    from openai import AsyncOpenAI  # the gateway's process loads this file too, and is measured without an SDK

    took: list[int] = []
    async with AsyncOpenAI(api_key="bench", max_retries=0) as client:
        for _ in range(input["calls"]):
            messages: Any = prompt(next(_NUMBERS))
            before = time.monotonic_ns()
            await client.chat.completions.create(model=input["model"], messages=messages, max_tokens=MOST_TOKENS)
            took.append(time.monotonic_ns() - before)
    _tell(input["ear"], took)


def _tell(path: str, took: list[int]) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.sendto(" ".join(map(str, took)).encode(), path)
