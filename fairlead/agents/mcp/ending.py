"""That a connection to a server is over, and why."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Ended:
    """Told once; the first reason counts. `then` is called at that moment."""

    def __init__(self, then: Callable[[], None]) -> None:
        self.why = ""
        self._then = then
        self._event = asyncio.Event()

    def now(self, why: str) -> None:
        if not self._event.is_set():
            self.why = why
            self._event.set()
            self._then()

    @property
    def told(self) -> bool:
        return self._event.is_set()

    async def wait(self) -> str:
        await self._event.wait()
        return self.why
