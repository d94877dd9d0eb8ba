"""The console of an engine: loaded for its first reader. Without one it is a tenth of a process for nothing."""

from __future__ import annotations

import asyncio
from importlib import import_module

from starlette.types import ASGIApp, Receive, Scope, Send

from fairlead.access import SignIn
from fairlead.wiring.engine import Engine


class Console:
    def __init__(self, engine: Engine, sign_in: SignIn | None) -> None:
        self._engine = engine
        self._sign_in = sign_in
        self._loading = asyncio.Lock()
        self._pages: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        pages = self._pages or await self._load()
        await pages(scope, receive, send)

    async def _load(self) -> ASGIApp:
        """In a thread: other requests are answered meanwhile."""
        async with self._loading:
            if self._pages is not None:
                return self._pages
            module = await asyncio.to_thread(import_module, "fairlead.wiring.console_pages")
            self._pages = pages = module.open_pages(self._engine, self._sign_in)
            return pages
