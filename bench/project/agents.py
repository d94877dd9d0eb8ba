"""Agents to measure with. Whoever must say something says it as a datagram to the socket named in the input."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import time
from datetime import timedelta
from typing import Any

from fairlead import Context


async def nothing() -> int:
    return 1


async def ten(input: Any, ctx: Context) -> int:
    for _ in range(10):
        await ctx.step("s", nothing)
    return 1


async def single(input: Any, ctx: Context) -> int:
    return await ctx.step("s", nothing)


async def hello(input: dict[str, Any]) -> None:
    now = time.monotonic_ns()
    tell(input["ear"], f"{input['number']} {now}")


async def alone(input: dict[str, Any], ctx: Context) -> None:
    """How long each of many steps took, in nanoseconds."""
    took: list[int] = []
    for _ in range(input["steps"]):
        before = time.monotonic_ns()
        await ctx.step("s", nothing)
        took.append(time.monotonic_ns() - before)
    tell(input["ear"], " ".join(map(str, took)))


async def holding(input: dict[str, Any], ctx: Context) -> None:
    now = time.monotonic_ns()
    tell(input["ear"], f"{ctx.run_id} {ctx.attempt} {os.getpid()} {now}")
    await ctx.step("long", asyncio.sleep, 3600)


async def waiting(input: Any, ctx: Context) -> None:
    """A step that waits for something outside."""
    await ctx.step("wait", asyncio.Event().wait)


async def ticking(input: float, ctx: Context) -> None:
    """A step every so many seconds, without end."""
    await asyncio.sleep(random.random() * input)
    while True:
        await ctx.step("tick", nothing)
        await asyncio.sleep(input)


async def sleeping(input: Any, ctx: Context) -> None:
    await ctx.sleep(timedelta(hours=1))


def tell(path: str, text: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.sendto(text.encode(), path)
