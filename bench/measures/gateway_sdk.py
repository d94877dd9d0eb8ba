"""An agent that makes its own openai client: what it gains or loses by being governed."""

from __future__ import annotations

from bench import caller, gateway, loopback
from bench.caller import Caller, Round
from bench.figure import Figure, at_least, at_most
from bench.gateway import Site
from bench.loopback import Loopback
from bench.place import Place

TITLE = "The openai SDK inside a worker"
WORK = (
    "An agent of a `fairlead work` process on PostgreSQL asks with an `AsyncOpenAI` of its own, call after call: "
    "governed, budgeted and recorded, without a changed line. In turn, the same SDK alone by itself. Both "
    "ask the provider on this machine that answers at once. First one run alone: how long a call takes, waits for the "
    "disk included. Then ten at once, a worker's slots: how many calls the process makes in a second of its CPU, "
    "which leaves out those waits, and PostgreSQL's own CPU. The same with the anthropic SDK, without a goal."
)
_TOGETHER = 10  # a worker's slots
_SDKS = (
    ("SDK", "openai_sdk", "asking_by_sdk", "gpt-4o-mini", True),
    ("anthropic SDK", "anthropic_sdk", "asking_by_anthropic_sdk", "claude-sonnet-4-5", False),
)


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    provider = loopback.start(place)
    site = await gateway.site(place, provider.url, database="postgres")
    worker, figures = gateway.start(site, "work"), list[Figure]()
    try:
        for name, alone, agent, model, goal in _SDKS:
            other = await caller.start(place, alone, provider.url)
            try:
                figures += await _beside(place, site, provider, other, name, agent, model, goal=goal)
            finally:
                other.stop()
    finally:
        for one in (worker, provider):
            one.stop()
    await gateway.forget(place, site)
    return figures, [loopback.note(place)]


async def _beside(
    place: Place, site: Site, provider: Loopback, other: Caller, name: str, agent: str, model: str, *, goal: bool
) -> list[Figure]:
    async def rounds(calls: int, together: int) -> list[tuple[Round, Round]]:
        return await gateway.runs_in_turn(
            site, agent, {"model": model}, other,
            provider=provider, calls=place.amount(calls), times=2 * place.repeats + 1, together=together,
        )  # fmt: skip

    return []
