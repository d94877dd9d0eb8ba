"""Keeps one worker process alive: restarts it when it dies, and anew when the code changed.

start ──► alive ──died──► at once, or after a pause that doubles while it keeps dying young ──► start
            │  └─refused to start (its project is wrong)──► wait for a change ──► start
            └─change──► SIGTERM: hands its runs back, ends ──► start
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from fairlead.clock import Clock
from fairlead.database.relay import Relay
from fairlead.wiring.child import BEGIN, REFUSED, Orders

_YOUNG = 5.0  # seconds: whoever dies before has not worked
_FIRST_PAUSE = timedelta(milliseconds=500)
_LONGEST_PAUSE = timedelta(seconds=15)
_GIVE_UP = 60.0  # seconds a worker has to hand its runs back


class Announce(Protocol):
    """Tell the person at the terminal; `event` is one of `dev.SAYINGS`."""

    def __call__(self, event: str, /, **fields: object) -> None: ...


class Supervisor:
    def __init__(self, orders: Orders, relay: Relay, *, announce: Announce, clock: Clock) -> None:
        self._orders = orders
        self._relay = relay
        self._announce = announce
        self._clock = clock
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._changed = asyncio.Event()
        self._spare: _Child | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until `stop`."""
        deaths = 0
        while not self._stopping.is_set():
            self._changed.clear()
            born = self._clock.monotonic()
            process = self._process = await self._start()
            self._announce("worker_started", pid=process.pid)
            code = await process.wait()
            if self._stopping.is_set() or self._changed.is_set():
                deaths = 0
                continue
            deaths = deaths + 1 if self._clock.monotonic() - born < _YOUNG else 0
            await self._after_death(process.pid, code, deaths)

    async def change(self) -> None:
        """The code is another: let the worker hand its runs back and start a new one."""
        self._changed.set()
        await self._end()

    async def stop(self) -> None:
        self._stopping.set()
        if self._spare is not None:
            self._spare.socket.close()
            await self._spare.process.wait()
        await self._end()

    async def _after_death(self, pid: int, code: int, deaths: int) -> None:
        if code == REFUSED:
            self._announce("worker_refused", pid=pid)
            await self._pause(None)
            return
        pause = min(_FIRST_PAUSE * 2 ** (deaths - 2), _LONGEST_PAUSE) if deaths > 1 else timedelta(0)
        self._announce("worker_died", pid=pid, how=_how(code), deaths=deaths, pause=pause.total_seconds())
        if pause:
            await self._pause(pause)

    async def _pause(self, pause: timedelta | None) -> None:
        """That long (None: for ever), or until something changes."""
        waits = [asyncio.ensure_future(event.wait()) for event in (self._changed, self._stopping)]
        timeout = None if pause is None else pause.total_seconds()
        await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    async def _start(self) -> asyncio.subprocess.Process:
        child, self._spare = self._spare, None
        if child is None or child.process.returncode is not None:
            child = await self._spawn()
        try:
            child.socket.send(BEGIN)
        except OSError:  # it died this moment: `run` will see that
            pass
        child.socket.setblocking(False)
        self._keep(self._relay.join(child.socket))
        return child.process

    async def _spawn(self) -> _Child:
        ours, theirs = socket.socketpair()
        command = (sys.executable, "-m", "fairlead.wiring.child", self._orders.to_json(theirs.fileno()))
        try:
            # A session of its own: Ctrl-C is for us, and we tell it.
            process = await asyncio.create_subprocess_exec(
                *command, pass_fds=(theirs.fileno(),), start_new_session=True, stdin=asyncio.subprocess.DEVNULL
            )
        finally:
            theirs.close()
        return _Child(process, ours)

    def worker_ready(self) -> None:
        """Now there is time to load a spare."""
        if self._spare is None and not self._stopping.is_set():
            self._keep(self._load_spare())

    async def _load_spare(self) -> None:
        spare = await self._spawn()
        if self._stopping.is_set() or self._spare is not None:
            spare.socket.close()
        else:
            self._spare = spare

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_GIVE_UP):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


@dataclass(frozen=True, slots=True)
class _Child:
    process: asyncio.subprocess.Process
    socket: socket.socket


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
