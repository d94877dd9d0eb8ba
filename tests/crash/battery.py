"""One battery on one database.

open ──► strike, strike, strike ──► heal ──► settle ──► gather evidence ──► judge
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from fairlead.telemetry.emit import silent
from tests.crash import settings
from tests.crash.bugs import BUGS
from tests.crash.checks import LASTING, Violation, judge
from tests.crash.evidence import gather
from tests.crash.fleet import Fleet
from tests.crash.load import Load
from tests.crash.plan import plan
from tests.crash.report import Report
from tests.crash.settings import LEASE, Order
from tests.crash.site import Away, PostgresSite, Site, SqliteSite
from tests.crash.strike import Blow, Striker
from tests.servers import free_port, wait_for_port

_STILL = 12.0  # seconds without any progress, nobody disturbing: stuck
_ENOUGH = 90.0  # seconds to end whatever is open
_PROGRESS = "SELECT count(*) AS open, coalesce(sum(seq), 0) AS moved FROM runs WHERE finished_at IS NULL"


@dataclass(frozen=True, slots=True)
class Config:
    database: str
    faults: int
    seed: int
    bug: str = ""
    until_broken: bool = False  # stop at the first broken promise

    @property
    def slots(self) -> int:
        return 3 if self.database == "postgres" else 2

    @property
    def in_flight(self) -> int:
        return 12 if self.database == "postgres" else 9


async def run(config: Config, say: Callable[[str], None]) -> Report:
    began = time.monotonic()
    async with _field(config) as (site, fleet, load, provider):
        feeding = asyncio.create_task(load.forever())
        blows = await _strike(config, site, fleet, load, provider, say)
        load.feeding = False
        stuck = await _settle(site, fleet)
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
        evidence = await gather(
            site, accepted=load.accepted, payloads=load.engine.payloads, file=load.oracle, provider=provider
        )
        violations = [*stuck, *(Violation("no surprise", said) for said in load.surprises), *judge(evidence)]
        if violations and not config.bug:
            say(fleet.log_tail())
        return Report(
            config.database, config.seed, blows, evidence, violations, load.told, fleet.left, time.monotonic() - began
        )


@contextlib.asynccontextmanager
async def _field(config: Config) -> AsyncIterator[tuple[Site, Fleet, Load, str]]:
    """Database, provider, workers and load; gone afterwards."""
    site: Site = PostgresSite() if config.database == "postgres" else SqliteSite()
    folder = Path(tempfile.mkdtemp(prefix="fairlead-crash-"))
    port = free_port()
    provider = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.provider", str(port)], cwd=Path(__file__).parents[2]
    )
    await site.open(config.slots)
    order = Order(str(site.disk.folder / "state"), site.url, f"http://127.0.0.1:{port}", config.bug)
    fleet = Fleet(order, site.url_of, slots=config.slots, logs=folder)
    try:
        Path(order.root).mkdir(exist_ok=True)
        engine = await settings.open(order, silent)
        wait_for_port(port)
        fleet.start_all()
        load = Load(engine, site, folder / "oracle", config.seed, config.in_flight)
        yield site, fleet, load, order.provider
        await engine.close()
    finally:
        fleet.end()
        provider.kill()
        provider.wait()
        await site.close()


async def _strike(
    config: Config, site: Site, fleet: Fleet, load: Load, provider: str, say: Callable[[str], None]
) -> list[Blow]:
    striker = Striker(site, fleet, load)
    blows: list[Blow] = []
    began = time.monotonic()
    only = BUGS[config.bug].kinds if config.bug else ()
    faults = plan(config.seed, config.faults, database=config.database, slots=config.slots, lease=LEASE, only=only)
    for fault in faults:
        blow = await striker.throw(fault)
        blows.append(blow)
        what = f"SKIPPED: {blow.skipped}" if blow.skipped else f"held {len(blow.held)} runs"
        say(f"{config.database} {fault.number:4}/{config.faults}  {fault.kind.value:36} worker {fault.slot}  {what:14}"
            f" {time.monotonic() - began:7.1f} s")  # fmt: skip
        if config.until_broken and (_idle(blows) or (fault.number % 5 == 0 and await _is_broken(site, load, provider))):
            break
    return blows


def _idle(blows: list[Blow]) -> bool:
    """Nobody holds a run any more, however long we wait: what there is will be found stuck."""
    aimed = [blow for blow in blows if blow.fault.aimed]
    return len(aimed) > 1 and not any(blow.hit for blow in aimed[-2:])


async def _is_broken(site: Site, load: Load, provider: str) -> bool:
    """In the middle of it: only what no later moment can mend counts."""
    try:
        evidence = await gather(
            site, accepted=load.accepted, payloads=load.engine.payloads, file=load.oracle, provider=provider
        )
    except Away:
        return False
    return any(violation.check in LASTING for violation in judge(evidence))


async def _settle(site: Site, fleet: Fleet) -> list[Violation]:
    """Until every run has ended; whatever stands still while nobody disturbs it is stuck."""
    await site.mend()
    began = moved_at = time.monotonic()
    last = (0, 0)
    while True:
        fleet.revive()
        with contextlib.suppress(Away):
            row = (await site.rows(_PROGRESS))[0]
            now = (int(row["open"]), int(row["moved"]))
            if now[0] == 0:
                return []
            if now != last:
                last, moved_at = now, time.monotonic()
        if time.monotonic() - moved_at > _STILL or time.monotonic() - began > _ENOUGH:
            return [Violation("none stuck", said) for said in await _stuck(site)]
        await asyncio.sleep(0.1)


async def _stuck(site: Site) -> list[str]:
    rows = await site.rows(
        "SELECT r.id, r.agent, r.status, r.reason, r.owner, r.fence, r.wake_at, w.lost_at, w.lease_until, w.pid"
        " FROM runs r LEFT JOIN workers w ON w.id = r.owner WHERE r.finished_at IS NULL ORDER BY r.id"
    )
    return [f"stuck: {dict(row)}" for row in rows]
