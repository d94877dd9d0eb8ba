"""What it costs that a run remembers a model's answer."""

from __future__ import annotations

from bench import gateway, loopback
from bench.figure import Figure, at_most
from bench.gateway import Site
from bench.loopback import Loopback
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
            recorded, bare = await _in_turn(place, site, command, provider)
            await gateway.forget(place, site)
            more = [one - other for one, other in zip(recorded, bare, strict=True)]
            figures += [
                Figure(f"{name}: a recorded call, p50", "ms", recorded, None, "not recorded", bare),
                Figure(f"{name}: more, p50", "ms", more, at_most(1.5)),
            ]
    finally:
        provider.stop()
    return figures, [loopback.note(place)]


async def _in_turn(place: Place, site: Site, command: str, provider: Loopback) -> tuple[list[float], list[float]]:
    worker = gateway.start(site, command)
    other = await gateway.in_process(place, site)
    try:
        rounds = await gateway.runs_in_turn(
            site, "asking", {"model": gateway.CHAT}, other,
            provider=provider, calls=place.amount(200), times=2 * place.repeats + 1,
        )  # fmt: skip
    finally:
        worker.stop()
        other.stop()
    return [one.p50 for one, _ in rounds], [one.p50 for _, one in rounds]
