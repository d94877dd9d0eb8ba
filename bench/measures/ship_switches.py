"""Deploys on a host, one after the other, under load: what is dropped, what breaks, and how long a switch takes."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bench.figure import Figure, at_most, percentile
from bench.place import Place
from bench.workers import engine_on, environment
from fairlead.clock import SystemClock
from fairlead.database import migrate
from fairlead.runs.run import NewRun
from fairlead.ship.carry_out import CarryOut
from fairlead.ship.ledger import MIGRATIONS, Ledger
from fairlead.ship.release import Release
from fairlead.ship.smoke import Try, smoke
from fairlead.ship.strategy import Kind, Outcome, Plan
from fairlead.ship.terms import Strategy, Terms
from fairlead.ship.verdict import Finding, Limits
from fairlead.telemetry.emit import silent
from fairlead.wiring import Engine
from tests.servers import free_ports
from tests.ship.hosting import SERVICE, Host, Load

TITLE = "Deploys on a host, under load"
WORK = (
    "Releases of a service behind HAProxy, each with a Fairlead worker on PostgreSQL; 20 blue-green deploys and 20 "
    "canaries (10 %, then 50 %), carried out by `CarryOut` as `fairlead ship deploy` does, one after the other. Each "
    "share is watched for 2 s instead of 300, and the old release is not kept. Meanwhile 8 callers keep their "
    "connections, 4 make a new one for each request, 4 read streams of 20 s, none tries again; and 50 runs that began "
    "on the first release go on until the last one serves. A switch: all requests from one release to the other, as "
    "the target is told until it has done so."
)
_RUNS, _PIECES = 50, 200
_AGENT = '''
import asyncio
from pathlib import Path


async def opened(gate: str) -> str:
    while not Path(gate).exists():
        await asyncio.sleep(0.2)
    return "open"


async def waits(input, ctx):
    """Until a gate is open."""
    return await ctx.step("gate", opened, input)
'''
# Every deploy within the time that a run may execute.
_PROJECT = '[project]\nname = "waits"\n\n[agents.waits]\ncall = "waits.py:waits"\ntimeout_seconds = 3600\n'
_LIMITS = Limits(error_rate=0.01, least_requests=20)
_TERMS = Terms(watch=2.0, every=0.5, hold=10.0, bake=0.0, ready_within=60.0, limits=_LIMITS)


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    folder, url = place.new_folder(), await place.new_database()
    source, gate = _source(folder), folder / "gate"
    given = {
        name: value for name, value in environment(url, folder, _RUNS).items() if name not in ("PATH", "PYTHONPATH")
    } | {"PIECES": str(_PIECES), "PYTHONPATH": str(Path(__file__).parents[2])}  # fmt: skip
    host = Host(
        folder / "host", free_ports(62), slots=60, worker=(sys.executable, "-m", "fairlead", "work", "--port", "0"),
        source=str(source),
    )  # fmt: skip
    try:
        async with engine_on(url, folder, root=source) as engine:
            return await _measured(place, host, engine, given, gate)
    finally:
        host.clean()
        await place.drop(url)


async def _measured(
    place: Place, host: Host, engine: Engine, given: Mapping[str, str], gate: Path
) -> tuple[list[Figure], list[str]]:
    await migrate(engine.database, (MIGRATIONS,))
    deploying = _Deploying(host, Ledger(engine.database, environment="bench"), given)
    await deploying.ship("r0", replace(_TERMS, strategy=Strategy.BLUE_GREEN))
    new = NewRun("waits", str(gate), release="r0")
    runs = [(await engine.control.submit(new))[0].id for _ in range(_RUNS)]
    host.busy["r0"] = _RUNS
    count = place.amount(20)
    outcomes: list[Outcome | None] = []
    async with Load(host.port, pieces=_PIECES) as load:
        for number in range(1, 2 * count + 1):
            strategy = Strategy.BLUE_GREEN if number <= count else Strategy.CANARY
            outcomes.append(await deploying.ship(f"r{number}", replace(_TERMS, strategy=strategy)))
        switches = await _switches(host, f"r{2 * count}", given, count)
    gate.touch()
    ended = [await _ended(engine, run) for run in runs]
    on_first = sum(one == ("success", "r0") for one in ended)
    others = Counter(one for one in ended if one != ("success", "r0"))
    answered = sum(load.answers.values())
    figures = [
        Figure("requests that failed", "", [float(sum("stream" not in one for one in load.failed))], at_most(0)),
        Figure("streams that broke", "", [float(sum("stream" in one for one in load.failed))], at_most(0)),
        Figure("runs lost, killed or moved", "", [float(_RUNS - on_first)], at_most(0)),
        Figure("deploys that did not succeed", "", [float(sum(one is not Outcome.SUCCEEDED for one in outcomes))],
               at_most(0)),
        Figure("switch of all requests, p50", "ms", [percentile(switches, 50) * 1e3], at_most(100)),
        Figure("switch of all requests, slowest", "ms", [max(switches) * 1e3], at_most(100)),
    ]  # fmt: skip
    note = (
        f"{len(outcomes)} deploys, {answered} requests answered, {load.streams} streams of {_PIECES / 10:g} s read to "
        f"their end, {len(load.answers)} releases seen; {len(switches)} switches, half of them the way back"
        + "".join(f"; {n} runs ended as {status} on {release}" for (status, release), n in others.items())
    )
    return figures, [note]


class _Deploying:
    def __init__(self, host: Host, ledger: Ledger, given: Mapping[str, str]) -> None:
        self._host = host
        self._ledger = ledger
        self._given = given

    async def ship(self, build: str, terms: Terms) -> Outcome | None:
        release = Release(build, self._host.source, self._given)
        await self._ledger.keep(release)
        deploy = await self._ledger.open(Plan(build, await self._ledger.stable(), terms), by="bench")

        async def tried(release: Release) -> list[Finding]:
            return await smoke(self._host.target.addresses(release.build)[0], [Try("root", "/")])

        carrying = CarryOut(
            self._ledger, self._host.target, trials={Kind.SMOKE: tried}, clock=SystemClock(), emit=silent
        )
        return (await carrying.run(deploy.id)).outcome


async def _switches(host: Host, serving: str, given: Mapping[str, str], count: int) -> list[float]:
    """To another release and back, both of which are up."""
    await host.up("other", **given)
    took: list[float] = []
    for _ in range(count):
        for build in ("other", serving):
            began = time.perf_counter()
            await host.target.route({build: 100})
            took.append(time.perf_counter() - began)
            await asyncio.sleep(0.2)
    return took


async def _ended(engine: Engine, run_id: str) -> tuple[str, str]:
    async with asyncio.timeout(60):
        await engine.feed.ended(run_id)
    run = await engine.control.get(run_id)
    return run.status, run.release


def _source(folder: Path) -> Path:
    source = folder / "source"
    shutil.copytree(SERVICE, source)
    (source / "fairlead.toml").write_text(_PROJECT)
    (source / "waits.py").write_text(_AGENT)
    return source
