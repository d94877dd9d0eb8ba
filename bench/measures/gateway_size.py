"""How large a gateway is, and what its start costs."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from bench import gateway, loopback, peers
from bench.caller import PEERS
from bench.figure import Figure, at_most
from bench.peers import Gateway, Peers
from bench.place import Place

TITLE = "The gateway's process"
WORK = (
    "`fairlead serve` on PostgreSQL with the settings of production: its resident memory after 32 clients have asked "
    "it for chat completions, whole and (ours) streamed; and the CPU that a Python process takes to import all that it "
    "runs, over one that imports nothing."
)
_MB = 2**20
_PATH = "/v1/chat/completions"
_IMPORTS = "import fairlead.cli, fairlead.wiring.serving, fairlead.wiring.models, fairlead.database.postgres"


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    provider = loopback.start(place)
    others = await peers.gateways(place, provider.url, gateway.asked("gpt-4o-mini"))
    sizes: dict[str, list[float]] = {}
    try:
        for _ in range(place.repeats):
            site = await gateway.site(place, provider.url, database="postgres")
            serving = await gateway.serve(site)
            for one in (gateway.ours(serving), *others.gateways):
                sizes.setdefault(one.name, []).append(await _size(place, one))
            serving.stop()
            await gateway.forget(place, site)
    finally:
        for one in (others, provider):
            one.stop()
    imports = [await _import_cost(sys.executable, _IMPORTS) for _ in range(place.repeats)]
    return _figures(sizes, imports, await _litellm_imports(place), others), [loopback.note(place), *others.notes()]


async def _size(place: Place, one: Gateway) -> float:
    ours = one.name == "Fairlead"
    model, together = (gateway.CHAT, 32) if ours else ("gpt-4o-mini", 4)
    for stream in (False, True, False) if ours else (False, False, False):  # not every peer's streams work
        body, seconds = gateway.asked(model, stream=stream), place.amount(15) / 10
        await loopback.load(place, one.port, _PATH, body, together=together, seconds=seconds, headers=one.headers)
    return one.member.memory() / _MB


async def _import_cost(python: str | Path, statement: str) -> float:
    return await _cpu(python, statement) - await _cpu(python, "pass")


async def _cpu(python: str | Path, statement: str) -> float:
    """Seconds of a process that does this; files are cached and compiled by the time it counts."""
    least = float("inf")
    for _ in range(3):
        process = await asyncio.create_subprocess_exec(
            str(python),
            "-c",
            f"{statement}; import time; print(time.process_time())",
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **peers.OFFLINE},
        )
        out, _ = await process.communicate()
        least = min(least, float(out.split()[-1]))
    return least


async def _litellm_imports(place: Place) -> list[float]:
    if not PEERS.exists():
        return []
    return [await _import_cost(PEERS, "import litellm") for _ in range(place.repeats)]


def _figures(sizes: dict[str, list[float]], imports: list[float], litellm: list[float], others: Peers) -> list[Figure]:
    ours = sizes["Fairlead"]
    return [
        Figure("resident under load", "MB", ours, at_most(80)),
        *(Figure("resident under load", "MB", ours, None, one.name, sizes[one.name]) for one in others.gateways),
        Figure("CPU of the imports", "s", imports, at_most(0.7), "litellm", litellm),
    ]
