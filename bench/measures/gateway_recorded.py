"""What it costs that a run remembers a model's answer."""

from __future__ import annotations

from statistics import median

from bench import gateway, loopback, workers
from bench.callers.protocol import prompt
from bench.ear import Ear
from bench.figure import Figure, at_most
from bench.gateway import Site
from bench.place import Place

TITLE = "A recorded model call"
WORK = (
    "One run asks a model again and again, each answer recorded as a step; in turn, the same calls through the gateway "
    "without a run, in a process of its own. Medians of each round."
)


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    provider = loopback.start(place)
    figures: list[Figure] = []
    try:
        for name, command in (("SQLite", "serve"), ("PostgreSQL", "work")):
            site = await gateway.site(place, provider.url, database=name.lower().replace("postgresql", "postgres"))
            recorded, bare = await _in_turn(place, site, command)
            await gateway.forget(place, site)
            more = [one - other for one, other in zip(recorded, bare, strict=True)]
            figures += [
                Figure(f"{name}: a recorded call, p50", "ms", recorded, None, "not recorded", bare),
                Figure(f"{name}: more, p50", "ms", more, at_most(1.5)),
            ]
    finally:
        provider.stop()
    return figures, [loopback.note(place)]


async def _in_turn(place: Place, site: Site, command: str) -> tuple[list[float], list[float]]:
    calls, ear = place.amount(200), Ear(site.folder)
    worker = gateway.start(site, command)
    other = await gateway.in_process(place, site)
    recorded: list[float] = []
    bare: list[float] = []
    given = {"ear": ear.path, "calls": calls, "model": gateway.CHAT, "messages": prompt(0)}
    try:
        for number in range(2 * place.repeats + 2):
            async with workers.engine_on(site.url, site.folder, root=site.folder) as engine:
                await workers.submit(engine, "asking", given, count=1)
            took = [int(word) for word in await ear.hear()]
            unrecorded = await other.round(calls=calls)
            if number > 0:  # the first warms both
                recorded.append(median(took) / 1e6)
                bare.append(unrecorded.p50)
    finally:
        worker.stop()
        other.stop()
        ear.close()
    return recorded, bare
