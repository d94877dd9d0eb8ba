"""What every caller does with its orders: a line of JSON on stdin is one round, answered by a line of JSON.

    {"calls": 300, "together": 1} → {"took": [nanoseconds of each], "cpu": seconds of all threads, "seconds": 0.4}

Answers go to the descriptor that the command line names: stdout belongs to whoever is measured.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager

Call = Callable[[int], Awaitable[None]]
"""One call; each gets a number that no other gets, so that no cache can answer it."""
Open = Callable[..., AbstractAsyncContextManager[Call]]

_WORDS = "The quick brown fox jumps over the lazy dog while the agent reads its log line by line. "
_TOKENS = 1000  # what the loopback provider bills for a prompt, whatever is sent


def prompt(number: int) -> list[dict[str, str]]:
    """About a thousand tokens, as a provider would count them."""
    words = _WORDS * (_TOKENS * 4 // len(_WORDS))
    return [
        {"role": "system", "content": words},
        {"role": "user", "content": f"Question {number}: what does the fox do?"},
    ]


MOST_TOKENS = 500


def run(open_client: Open) -> None:
    """Never returns before stdin is closed. `open_client` gets the arguments of the command line."""
    descriptor, *arguments = sys.argv[1:]
    try:
        import uvloop
    except ImportError:
        loop_factory = None
    else:
        loop_factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(_serve(open_client, int(descriptor), arguments))


async def _serve(open_client: Open, descriptor: int, arguments: list[str]) -> None:
    async with open_client(*arguments) as call:
        number = 0
        _answer(descriptor, {"ready": True, "cpu": time.process_time()})
        async for order in _orders():
            _answer(descriptor, await _round(call, number, **order))
            number += order["calls"]


async def _orders() -> AsyncIterator[dict[str, int]]:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield json.loads(line)


async def _round(call: Call, first: int, *, calls: int, together: int) -> dict[str, object]:
    took: list[int] = []
    numbers = iter(range(first, first + calls))

    async def one_after_another() -> None:
        for number in numbers:
            began = time.perf_counter_ns()
            await call(number)
            took.append(time.perf_counter_ns() - began)

    cpu, began = time.process_time(), time.perf_counter()
    await asyncio.gather(*[one_after_another() for _ in range(together)])
    return {"took": took, "cpu": time.process_time() - cpu, "seconds": time.perf_counter() - began}


def _answer(descriptor: int, value: object) -> None:
    data = json.dumps(value).encode() + b"\n"
    while data:
        data = data[os.write(descriptor, data) :]
