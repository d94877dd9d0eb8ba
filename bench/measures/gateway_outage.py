"""A provider dies: who still asks it, and how soon another answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

import aiohttp

from bench import gateway, loopback
from bench.figure import Figure, at_most
from bench.gateway import Serving
from bench.place import Place

TITLE = "An outage of a provider"
WORK = (
    "`fairlead serve` on PostgreSQL and a model with two targets, the first of which drops every connection. 4 clients "
    "ask without a pause for three open periods of the breaker (2 s each, so that the measurement ends). An attempt is "
    "a connection that the dead provider saw, after those that opened the breaker. A call fails over when an attempt "
    "was made while it waited; its time is all that its client waited."
)
_OPEN, _PERIODS, _CLIENTS = 2.0, 3, 4
_MODELS = """
[providers.dead]
kind = "openai"
base_url = "http://127.0.0.1:{port}/v1"

[models.assistant]
targets = ["dead/gpt-4o-mini", "openai/gpt-4o-mini"]
strategy = "failover"

[prices."dead/*"]
input = 1
output = 4
"""


@dataclass(frozen=True, slots=True)
class _Outage:
    """Moments in seconds. `attempts` of the dead provider; `calls`, each from when to when."""

    attempts: list[float] = field(default_factory=list[float])
    calls: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])

    @property
    def probes(self) -> list[float]:
        """The attempts after those that opened the breaker, which come together."""
        return [at for at in self.attempts if at > self.attempts[0] + _OPEN / 2]

    @property
    def too_soon(self) -> int:
        """Probes that came while the breaker was still open after the one before."""
        opening = [at for at in self.attempts if at not in self.probes]
        moments = [opening[-1], *self.probes]
        return sum(after - before < _OPEN * 0.95 for before, after in pairwise(moments))

    @property
    def failing_over(self) -> list[float]:
        return [end - begin for begin, end in self.calls if any(begin <= at <= end for at in self.attempts)]

    @property
    def not_failing_over(self) -> list[float]:
        return [end - begin for begin, end in self.calls if not any(begin <= at <= end for at in self.attempts)]


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    provider = loopback.start(place)
    try:
        outages = [await _outage(place, provider.url) for _ in range(place.repeats)]
    finally:
        provider.stop()
    return [
        Figure("attempts while the breaker is open", "", [float(one.too_soon) for one in outages], at_most(0)),
        Figure("probes in an open period", "", [len(one.probes) / _PERIODS for one in outages], at_most(1)),
        Figure("open periods without a probe", "", [float(max(_PERIODS - len(one.probes), 0)) for one in outages],
               at_most(0)),
        Figure("failing over: the slowest call", "ms", [max(one.failing_over) * 1e3 for one in outages], at_most(50)),
        Figure("failing over: p50", "ms", [median(one.failing_over) * 1e3 for one in outages], None,
               "breaker open", [median(one.not_failing_over) * 1e3 for one in outages]),
    ], [loopback.note(place)]  # fmt: skip


async def _outage(place: Place, url: str) -> _Outage:
    outage = _Outage()
    async with _dead(outage) as port:
        site = await gateway.site(
            place, url, database="postgres", toml=_MODELS.format(port=port), FAIRLEAD_PROVIDER_COOLDOWN=f"{_OPEN:g}",
            FAIRLEAD_BREAKER_OPEN_FOR=f"{_OPEN:g}",
        )  # fmt: skip
        serving = await gateway.serve(site)
        try:
            await _ask_through_it(serving, outage)
        finally:
            serving.stop()
    await gateway.forget(place, site)
    return outage


@asynccontextmanager
async def _dead(outage: _Outage) -> AsyncIterator[int]:
    """A provider that takes a connection and drops it; its port."""

    def drop(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        outage.attempts.append(time.monotonic())
        writer.transport.abort()

    async with await asyncio.start_server(drop, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def _ask_through_it(serving: Serving, outage: _Outage) -> None:
    url = f"http://127.0.0.1:{serving.port}/v1/chat/completions"
    async with aiohttp.ClientSession(headers={"authorization": f"Bearer {gateway.KEY}"}) as session:

        async def ask(model: str) -> None:
            async with session.post(url, json=gateway.asked(model)) as response:
                assert response.status == 200, await response.text()

        async def ask_on(end: float) -> None:
            while (begin := time.monotonic()) < end:
                await ask("assistant")
                outage.calls.append((begin, time.monotonic()))

        await asyncio.gather(*[ask(gateway.CHAT) for _ in range(5 * _CLIENTS)])  # everything is warm but the dead
        end = time.monotonic() + _OPEN * (_PERIODS + 0.5)
        await asyncio.gather(*[ask_on(end) for _ in range(_CLIENTS)])
