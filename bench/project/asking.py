"""Agents that ask a model again and again, and say how long each answer took.

No two questions are equal, over all runs of a process: the cache, which is on, must answer none of them.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import time
from collections.abc import Awaitable, Callable
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
    _tell(input["ear"], [0, *took])


async def asking_by_sdk(input: dict[str, Any]) -> None:
    """It knows nothing of us."""
    from openai import AsyncOpenAI  # the gateway's process loads this file too, and is measured without an SDK

    async with AsyncOpenAI(api_key="bench", max_retries=0) as client:

        async def ask(messages: Any) -> None:
            await client.chat.completions.create(model=input["model"], messages=messages, max_tokens=MOST_TOKENS)

        await _ask_beside_others(ask, input)


async def asking_by_anthropic_sdk(input: dict[str, Any]) -> None:
    from anthropic import AsyncAnthropic

    async with AsyncAnthropic(api_key="bench", max_retries=0) as client:

        async def ask(messages: Any) -> None:
            system, user = messages
            await client.messages.create(
                model=input["model"], max_tokens=MOST_TOKENS, system=system["content"],
                messages=[{"role": "user", "content": user["content"]}],
            )  # fmt: skip

        await _ask_beside_others(ask, input)


class _Beside:
    """Runs of this process that begin together, so that no start of one falls among the calls of another."""

    def __init__(self, together: int) -> None:
        self.began_at = 0
        self._barrier = asyncio.Barrier(together)

    async def begin(self) -> None:
        if await self._barrier.wait() == 0:
            self.began_at = time.process_time_ns()


_BESIDE: dict[int, _Beside] = {}


async def _ask_beside_others(ask: Callable[[Any], Awaitable[None]], input: dict[str, Any]) -> None:
    """Tells the nanoseconds of each call and, first, those of CPU that this process has spent since all began."""
    together: int = input.get("together", 1)
    beside = _BESIDE.setdefault(together, _Beside(together))
    await beside.begin()
    took: list[int] = []
    for _ in range(input["calls"]):
        messages = prompt(next(_NUMBERS))
        before = time.monotonic_ns()
        await ask(messages)
        took.append(time.monotonic_ns() - before)
    _tell(input["ear"], [time.process_time_ns() - beside.began_at, *took])


def _tell(path: str, numbers: list[int]) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.sendto(" ".join(map(str, numbers)).encode(), path)
