"""An agent that makes its own openai client: what it gains or loses by being governed."""

from __future__ import annotations

from bench import caller, gateway, loopback
from bench.figure import Figure, at_most
from bench.place import Place

TITLE = "The openai SDK inside a worker"
WORK = (
    "An agent of a `fairlead work` process on PostgreSQL asks with an `AsyncOpenAI` of its own, call after call: "
    "governed, budgeted and recorded, without a changed line. In turn, the same SDK alone by itself. Both "
    "ask the provider on this machine that answers at once."
)


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    provider = loopback.start(place)
    site = await gateway.site(place, provider.url, database="postgres")
    worker = gateway.start(site, "work")
    alone = await caller.start(place, "openai_sdk", provider.url)
    try:
        rounds = await gateway.runs_in_turn(
            site, "asking_by_sdk", {"model": "gpt-4o-mini"}, alone,
            provider=provider, calls=place.amount(200), times=2 * place.repeats + 1,
        )  # fmt: skip
    finally:
        for one in (worker, alone, provider):
            one.stop()
    await gateway.forget(place, site)
    return [
        Figure("a call, p50", "ms", [one.p50 for one, _ in rounds], None, "SDK alone", [one.p50 for _, one in rounds]),
        Figure("a call, p99", "ms", [one.p99 for one, _ in rounds], None, "SDK alone", [one.p99 for _, one in rounds]),
        Figure("p50 over that of the SDK alone", "x", [one.p50 / other.p50 for one, other in rounds], at_most(1)),
    ], [loopback.note(place)]
