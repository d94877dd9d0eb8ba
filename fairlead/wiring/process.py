"""A process from its start to its end: how it is told to stop, and how it stops."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import uvloop


class Stop:
    """SIGTERM, SIGINT or SIGHUP: stop gently. A second one: at once, as if killed."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self._signal = 0

    def hear(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._heard, number)

    def ask(self) -> None:
        self.asked.set()

    @property
    def exit_code(self) -> int:
        """SIGTERM is how one is asked to leave; whoever pressed Ctrl-C knows 130."""
        return 130 if self._signal == signal.SIGINT else 0

    def _heard(self, number: int) -> None:
        if self.asked.is_set():
            os._exit(128 + number)
        self._signal = number
        self.asked.set()


def run_process(main: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """The whole life of a serving process, on a fast loop; its exit code."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())


async def ended(task: asyncio.Task[Any]) -> None:
    """Wait for it, or end it; what it raises is its own matter."""
    task.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await task
