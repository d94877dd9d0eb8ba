"""Throwing one fault: wait until the worker holds a run, note what it holds, strike, mend."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.crash.fleet import Fleet
from tests.crash.load import Load
from tests.crash.plan import Fault, Kind
from tests.crash.site import Away, PostgresSite, Site

_HELD = (
    "SELECT r.id, w.pid FROM runs r JOIN workers w ON w.id = r.owner"
    " WHERE r.status = 'running' AND w.lost_at IS NULL AND w.pid IN ({})"
)
_UP = "SELECT pid FROM workers WHERE lost_at IS NULL AND pid IN ({})"
_PATIENCE = 15.0  # seconds to wait until a worker that is up holds a run
_START = 60.0  # and until it is up: on a busy machine that takes long


@dataclass(frozen=True, slots=True)
class Blow:
    """A fault as it was thrown. `held`: the runs in the hands of whom it struck, just before."""

    fault: Fault
    at: float
    held: tuple[str, ...]
    peers: bool  # others were there to take over
    skipped: str = ""

    @property
    def hit(self) -> bool:
        return bool(self.held)


class Striker:
    def __init__(self, site: Site, fleet: Fleet, load: Load) -> None:
        self._site = site
        self._fleet = fleet
        self._load = load
        self._hours = 0
        self._ways: dict[Kind, Callable[[Fault], Awaitable[None]]] = {
            Kind.KILL: self._kill, Kind.KILL_ALL: self._kill_all, Kind.TERM: self._term, Kind.STOP: self._stop,
            Kind.CUT: self._cut, Kind.PARTITION: self._partition, Kind.RESTART: self._restart, Kind.DISK: self._disk,
            Kind.CLOCK: self._clock,
        }  # fmt: skip

    async def throw(self, fault: Fault) -> Blow:
        if reason := self._why_not(fault):
            return Blow(fault, time.time(), (), False, reason)
        self._fleet.revive()
        if fault.aimed:
            await self._until_held(fault)
        await asyncio.sleep(fault.wait)
        held = await self._held(fault)
        peers = await self._has_peers(fault)
        at = time.time()
        await self._ways[fault.kind](fault)
        return Blow(fault, at, held, peers)

    def _why_not(self, fault: Fault) -> str:
        if fault.kind is Kind.DISK:
            return self._site.disk.why_not
        return self._fleet.no_clock if fault.kind is Kind.CLOCK else ""

    def _struck(self, fault: Fault) -> list[int]:
        one = fault.kind in (Kind.KILL, Kind.TERM, Kind.STOP, Kind.CUT, Kind.PARTITION, Kind.CLOCK)
        return [self._fleet.pid(fault.slot)] if one else self._fleet.pids()

    async def _held(self, fault: Fault) -> tuple[str, ...]:
        try:
            rows = await self._site.rows(_HELD.format(",".join(str(pid) for pid in self._struck(fault))))
        except Away:
            return ()
        return tuple(row["id"] for row in rows)

    async def _is_up(self, fault: Fault) -> bool:
        with contextlib.suppress(Away):
            return bool(await self._site.rows(_UP.format(",".join(str(pid) for pid in self._struck(fault)))))
        return False

    async def _has_peers(self, fault: Fault) -> bool:
        with contextlib.suppress(Away):
            rows = await self._site.rows("SELECT pid FROM workers WHERE lost_at IS NULL")
            return bool({row["pid"] for row in rows} & set(self._fleet.pids()) - {self._fleet.pid(fault.slot)})
        return False

    async def _until_held(self, fault: Fault) -> None:
        began = up = time.monotonic()
        while not await self._held(fault) and time.monotonic() < min(up + _PATIENCE, began + _START):
            await asyncio.sleep(0.02)
            self._fleet.revive()
            if not await self._is_up(fault):
                up = time.monotonic()

    # -- the faults

    async def _kill(self, fault: Fault) -> None:
        self._fleet.kill(fault.slot)
        await asyncio.sleep(fault.lasts)
        self._fleet.start(fault.slot)

    async def _kill_all(self, fault: Fault) -> None:
        for slot in range(self._fleet.slots):
            self._fleet.kill(slot)
        await asyncio.sleep(fault.lasts)
        self._fleet.start_all()

    async def _term(self, fault: Fault) -> None:
        code = await self._fleet.drain(fault.slot)
        if code not in (0, -signal.SIGTERM):  # the latter: before it could listen
            self._load.surprises.append(f"a worker told to drain ended with code {code}")
        self._fleet.start(fault.slot)

    async def _stop(self, fault: Fault) -> None:
        await self._disturbing(lambda: self._fleet.stop(fault.slot), fault.lasts, lambda: self._fleet.go_on(fault.slot))

    async def _cut(self, fault: Fault) -> None:
        assert isinstance(self._site, PostgresSite)
        await self._site.terminate(fault.slot)
        await asyncio.sleep(fault.lasts)

    async def _partition(self, fault: Fault) -> None:
        assert isinstance(self._site, PostgresSite)
        proxy = self._site.proxies[fault.slot]
        await self._disturbing(proxy.stall, fault.lasts, proxy.go_on)

    async def _restart(self, fault: Fault) -> None:
        assert isinstance(self._site, PostgresSite)
        await self._site.crash(hard=fault.hard)
        await asyncio.sleep(fault.lasts)
        await self._site.mend()

    async def _disk(self, fault: Fault) -> None:
        disk = self._site.disk
        deadline = time.monotonic() + fault.lasts
        try:
            while time.monotonic() < deadline:
                await asyncio.to_thread(disk.fill)
                await asyncio.sleep(0.05)
        finally:
            disk.free()
        await self._site.mend()

    async def _clock(self, fault: Fault) -> None:
        if self._site.dialect == "sqlite":
            # One machine, one clock; and what must wait an hour longer because it was set back is not stuck.
            self._hours += 1
            for slot in range(self._fleet.slots):
                self._fleet.move_clock(slot, self._hours)
            await asyncio.sleep(fault.lasts)
            return
        self._fleet.move_clock(fault.slot, 1 if fault.forward else -1)
        await asyncio.sleep(fault.lasts)
        self._fleet.move_clock(fault.slot, 0)

    async def _disturbing(self, begin: Callable[[], None], lasts: float, end: Callable[[], None]) -> None:
        self._load.disturb()
        begin()
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(lasts)
        finally:
            end()
            self._load.calm()
