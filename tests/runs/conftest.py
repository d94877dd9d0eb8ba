"""An engine on a database of each kind. Nothing is shared between tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fairlead import testing

testing.lend_keys()  # guests make their clients without any

OpenEngine = Callable[..., Awaitable[testing.Running]]


@pytest.fixture
async def engine(database_url: str, tmp_path: Path) -> AsyncIterator[OpenEngine]:
    """Opens an engine with the given agents (by name: `greet=greet`) and settings; closed after the test."""
    async with AsyncExitStack() as stack:

        async def open_engine(
            *, workers: int = 1, settings: dict[str, Any] | None = None, **rest: Any
        ) -> testing.Running:
            taken = {"providers", "prices", "clock"} & set(rest)
            options = {name: rest.pop(name) for name in taken}
            quick = {"poll_every": timedelta(milliseconds=100), "worker_concurrency": 20, "max_concurrent_agents": 1000}
            return await stack.enter_async_context(
                testing.engine(rest, workers=workers, database_url=database_url, root=tmp_path, **options,
                               **{**quick, "database_pool_size": 10, **(settings or {})})
            )  # fmt: skip

        yield open_engine


class Gate:
    """Where an agent says that it has come, and waits until it is let through."""

    def __init__(self) -> None:
        self.come = asyncio.Event()
        self.open = asyncio.Event()
        self.passed = 0

    async def __call__(self, answer: Any = None) -> Any:
        self.come.set()
        await self.open.wait()
        self.passed += 1
        return answer

    async def reached(self) -> None:
        await asyncio.wait_for(self.come.wait(), 8)


@pytest.fixture
def gate() -> Gate:
    return Gate()
