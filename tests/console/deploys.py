"""Deploys as a ledger holds them: carried out on a rehearsed target, by a clock that is moved."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from fairlead.database import Sqlite, migrate
from fairlead.ship.carry_out import CarryOut, Trial
from fairlead.ship.ledger import MIGRATIONS, Deploy, Ledger
from fairlead.ship.rehearsal import Behaviour, Rehearsal
from fairlead.ship.release import Release
from fairlead.ship.strategy import Kind, Plan
from fairlead.ship.terms import Strategy, Terms
from fairlead.ship.verdict import Finding, Verdict
from fairlead.telemetry.emit import silent
from fairlead.testing import MovableClock

CANARY = Terms(strategy=Strategy.CANARY, instances=2, steps=(10, 50), bake=120.0)
GOOD, BAD, NEW = "2026.11.18-1", "2026.11.19-4", "2026.11.20-2"


async def tried(release: Release) -> Sequence[Finding]:
    return [Finding("GET /health", Verdict.PASS, "200 in 14 ms"), Finding("refund-desk", Verdict.PASS, "answered")]


@dataclass
class Yard:
    """Where releases are shipped. `clock` is the database's too where that is SQLite."""

    ledger: Ledger
    clock: MovableClock
    target: Rehearsal
    trial: Trial = tried
    tasks: list[asyncio.Task[Deploy]] = field(default_factory=list["asyncio.Task[Deploy]"])

    async def begin(self, build: str, terms: Terms = CANARY, *, by: str = "mika") -> Deploy:
        release = Release(build, ".")
        await self.ledger.keep(release)
        deploy = await self.ledger.open(Plan(build, await self.ledger.stable(), terms), by=by)
        trials = {Kind.SMOKE: self.trial, Kind.PREFLIGHT: self.trial}
        carrying = CarryOut(self.ledger, self.target, trials=trials, clock=self.clock, emit=silent)
        self.tasks.append(asyncio.create_task(carrying.run(deploy.id)))
        return deploy

    async def go_on(self, *, until: Callable[[], bool]) -> None:
        """Time goes by, two seconds at a time: when the course of a deploy and the renewal of its lease both wait for
        it. On a busy machine time would be over before the work."""
        while not until():
            for _ in range(50):
                await asyncio.sleep(0.001)
                if self.clock.sleepers > 1:
                    break
            self.clock.move(timedelta(seconds=2))

    async def ship(self, build: str, terms: Terms = CANARY) -> Deploy:
        await self.begin(build, terms)
        task = self.tasks[-1]
        await self.go_on(until=task.done)
        return await task

    async def watching(self, build: str, *, looks: int, by: str = "mika") -> Deploy:
        """Under way, with so many looks taken."""
        deploy = await self.begin(build, by=by)
        seen = 0
        while seen < looks:
            await self.go_on(until=iter((False,) * 5 + (True,)).__next__)
            seen = len(await self.ledger.seen(deploy))
        while not (await self.ledger.get(deploy.id)).held and not self.tasks[-1].done():
            await asyncio.sleep(0.002)  # time went by faster than this machine could say that it is carried out
        return deploy

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def open_yard(path: Path, *, at: datetime) -> Yard:
    clock = MovableClock(at)
    database = await Sqlite.open(path, clock=clock)
    await migrate(database, (MIGRATIONS,))
    return Yard(Ledger(database, environment="production"), clock, Rehearsal(clock=clock, rate=4.0))


async def stage(path: Path, now: datetime) -> Yard:
    """One that succeeded, one that was rolled back, and a canary at half of the requests."""
    yard = await open_yard(path, at=now - timedelta(minutes=75))
    await yard.ship(GOOD, Terms(strategy=Strategy.ROLLING, instances=3, bake=60.0))
    yard.target.behaviour[BAD] = Behaviour(error_rate=0.15)
    await yard.ship(BAD)
    behind = now - timedelta(seconds=400) - yard.clock.now()
    yard.clock.move(max(behind, timedelta()))
    yard.target.behaviour[NEW] = Behaviour(latency=1.05)
    await yard.watching(NEW, looks=14)
    return yard
