"""Keeps one server alive: one task for each server of a process.

    idle ──wanted──► starting ──► up ──► down ──(backoff, or wanted)──► starting
                        └────────────────►┘

While it is up its tools are listed again now and then, which also shows that it answers.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from contextvars import Context
from typing import TypeVar

import anyio
from mcp.client import Client
from mcp.shared.exceptions import MCPError

from fairlead.agents.mcp.connection import Heard, OpenHttp, connect, list_tools, reason_of
from fairlead.agents.mcp.declared import Server
from fairlead.agents.mcp.ending import Ended
from fairlead.agents.mcp.listed import Listed
from fairlead.clock import Clock
from fairlead.errors import ToolServerDown
from fairlead.telemetry.emit import Emit
from fairlead.telemetry.health import Component, Condition

T = TypeVar("T")
Attempt = asyncio.Future[tuple[Client, Ended]]
_CHECK_EVERY = 30.0  # seconds
_CHECK_PATIENCE = 10.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 60.0
_STEADY = 60.0  # seconds up after which what failed before is forgotten
_LINES_A_SECOND = 50


class Keeper:
    def __init__(self, server: Server, *, open_http: OpenHttp, clock: Clock, emit: Emit) -> None:
        self.server = server
        self.condition = Component(Condition.CONFIGURED, "not started")
        self._open_http = open_http
        self._clock = clock
        self._emit = emit
        self._task: asyncio.Task[None] | None = None
        self._wanted = asyncio.Event()
        self._client: Attempt | None = None
        self._listing: dict[str, Listed] | None = None
        self._known: Mapping[str, str] | None = None  # digests of the last listing, over restarts
        self._changes = 0
        self._open_calls = 0
        self._lines = (0.0, 0)

    def wake(self) -> None:
        """Start it, or start it again now rather than after its pause."""
        self._attempt()
        self._wanted.set()
        if self._task is None:
            # In an empty context: it belongs to no run.
            self._task = asyncio.get_running_loop().create_task(self._keep(), context=Context())

    async def tools(self) -> Mapping[str, Listed]:
        """Raises `ToolServerDown`."""
        listing = self._listing
        if listing is None:
            listing = await self.call(self._list)
        return listing

    async def call(self, work: Callable[[Client], Awaitable[T]]) -> T:
        """Do it with the server's client, in a task that belongs to no run. Raises `ToolServerDown` when there is none,
        or when it goes away meanwhile; else what `work` raises."""
        self.wake()
        client, ended = await asyncio.shield(self._attempt())
        self._open_calls += 1
        task = asyncio.get_running_loop().create_task(_awaited(work(client)), context=Context())
        try:
            return await task
        except Exception as error:
            if not ended.told and not _is_lost(error):
                raise
            ended.now(reason_of(error))
            raise ToolServerDown(f"The MCP server `{self.server.name}` went away: {ended.why}.") from error
        finally:
            self._open_calls -= 1

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    # -- the task

    async def _keep(self) -> None:
        failures = 0
        while True:
            self._wanted.clear()
            attempt, since = self._attempt(), self._clock.monotonic()
            why = await self._once(attempt)
            failures = 1 if self._clock.monotonic() - since > _STEADY else failures + 1
            self._down(attempt, why)
            pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (failures - 1)) * random.uniform(0.8, 1.2)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wanted.wait()

    async def _once(self, attempt: Attempt) -> str:
        """From its start to its end; answers why it ended."""
        ended = Ended(lambda: self._forget(attempt))
        heard = Heard(self._said, self._tools_changed)
        try:
            starting = asyncio.timeout(self.server.start_timeout.total_seconds())
            async with starting, connect(self.server, heard, ended, open_http=self._open_http) as client:
                await self._list(client)
                starting.reschedule(None)
                attempt.set_result((client, ended))
                self._become(Condition.HEALTHY, f"{len(self._known or ())} tools")
                await self._watch(client, ended)
        except Exception as error:  # noqa: BLE001 whatever it is, the server is down and is started again
            ended.now(reason_of(error))
        return ended.why

    async def _watch(self, client: Client, ended: Ended) -> None:
        while not ended.told:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CHECK_EVERY):
                    await ended.wait()
            if ended.told or self._open_calls:  # one that is at work may have no time to answer
                continue
            try:
                async with asyncio.timeout(_CHECK_PATIENCE):
                    await self._list(client)
            except Exception as error:  # noqa: BLE001 as above
                ended.now(reason_of(error))

    async def _list(self, client: Client) -> dict[str, Listed]:
        changes = self._changes
        listing = await list_tools(client, self.server)
        if changes == self._changes:  # else it has changed since
            self._listing = listing
        known = {name: tool.digest for name, tool in listing.items()}
        if self._known is not None and known != self._known:
            self._emit("mcp_tools_changed", server=self.server.name, tools=sorted(known))
        self._known = known
        return listing

    def _attempt(self) -> Attempt:
        if self._client is None:
            self._client = asyncio.get_running_loop().create_future()
        return self._client

    def _forget(self, attempt: Attempt) -> None:
        """Who comes now waits for the next one."""
        if self._client is attempt:
            self._client, self._listing = None, None

    def _down(self, attempt: Attempt, why: str) -> None:
        self._forget(attempt)
        if not attempt.done():
            attempt.set_exception(ToolServerDown(f"The MCP server `{self.server.name}` cannot be used: {why}."))
            attempt.exception()  # nobody need have waited
        self._become(Condition.UNHEALTHY, why)

    def _become(self, status: Condition, message: str) -> None:
        changed = status is not self.condition.status
        self.condition = Component(status, message)
        if changed:
            self._emit("mcp_server_changed", server=self.server.name, state=status.value, reason=message)

    def _tools_changed(self) -> None:
        self._listing = None
        self._changes += 1

    def _said(self, where: str, line: str) -> None:
        """What it writes goes into our log, without its secrets, and not more of it than anybody reads."""
        second, lines = self._lines
        now = self._clock.monotonic()
        self._lines = (now, 1) if now - second >= 1 else (second, lines + 1)
        if self._lines[1] > _LINES_A_SECOND:
            return
        for secret in self.server.secrets:
            line = line.replace(secret, "[secret]")
        self._emit("mcp_log", server=self.server.name, stream=where, message=line)


async def _awaited(work: Awaitable[T]) -> T:
    return await work


def _is_lost(error: Exception) -> bool:
    """The connection is gone, or the session that the server knew us by. The SDK says so in these words; the codes may
    also come from a server that has something else to say."""
    if isinstance(error, MCPError):
        return error.message in ("Connection closed", "Session terminated")
    return isinstance(error, anyio.ClosedResourceError | anyio.BrokenResourceError)
