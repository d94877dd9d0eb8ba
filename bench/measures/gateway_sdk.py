"""An agent that makes its own SDK client: what it gains or loses by being governed."""

from __future__ import annotations

from dataclasses import dataclass

from bench import caller, gateway, loopback
from bench.caller import Caller
from bench.figure import Figure, Goal, at_least, at_most
from bench.gateway import Site
from bench.loopback import Loopback
from bench.place import Place

TITLE = "The openai SDK inside a worker"
WORK = (
    "An agent of a `fairlead work` process on PostgreSQL asks with an `AsyncOpenAI` of its own, call after call: "
    "governed, budgeted and recorded, without a changed line. In turn, the same SDK alone by itself. Both "
    "ask the provider on this machine that answers at once. One run alone (p50, p99): to these, waiting for the disk "
    "belongs. Ten runs at once, as many as a worker has slots, beside ten tasks of the SDK alone (calls in a CPU "
    "second of the process): to that, neither the disk nor PostgreSQL's own work belongs. The anthropic SDK for "
    "comparison."
)
_TOGETHER = 10
_CALLS, _CALLS_TOGETHER = 200, 1000


@dataclass(frozen=True, slots=True)
class _Sdk:
    what: str  # before each figure
    caller: str
    agent: str
    model: str
    goals: tuple[Goal | None, Goal | None]  # of p50 and calls in a CPU second, both over the SDK alone


_SDKS = (
    _Sdk("", "openai_sdk", "asking_by_sdk", "gpt-4o-mini", (at_most(1), at_least(1))),
    _Sdk("anthropic: ", "anthropic_sdk", "asking_by_anthropic_sdk", "claude-sonnet-4-5", (None, None)),
)


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    provider = loopback.start(place)
    site = await gateway.site(place, provider.url, database="postgres")
    worker = gateway.start(site, "work")
    figures: list[Figure] = []
    try:
        for sdk in _SDKS:
            alone = await caller.start(place, sdk.caller, provider.url)
            try:
                figures += await _beside(place, site, sdk, alone, provider)
            finally:
                alone.stop()
    finally:
        for one in (worker, provider):
            one.stop()
    await gateway.forget(place, site)
    return figures, [loopback.note(place)]


async def _beside(place: Place, site: Site, sdk: _Sdk, alone: Caller, provider: Loopback) -> list[Figure]:
    given, times = {"model": sdk.model}, 2 * place.repeats + 1
    rounds = await gateway.runs_in_turn(
        site, sdk.agent, given, alone, provider=provider, calls=place.amount(_CALLS), times=times
    )
    crowd = await gateway.runs_in_turn(
        site, sdk.agent, given, alone, provider=provider, calls=place.amount(_CALLS_TOGETHER), times=times,
        together=_TOGETHER,
    )  # fmt: skip
    what, name, (slower, more) = sdk.what, "SDK alone", sdk.goals
    ours, theirs = zip(*rounds, strict=True)
    mine, others = zip(*crowd, strict=True)
    pace, pace_alone = [one.per_cpu_second for one in mine], [one.per_cpu_second for one in others]
    return [
        Figure(f"{what}a call, p50", "ms", [one.p50 for one in ours], None, name, [one.p50 for one in theirs]),
        Figure(f"{what}a call, p99", "ms", [one.p99 for one in ours], None, name, [one.p99 for one in theirs]),
        Figure(f"{what}p50 over that of the SDK alone", "x", [a.p50 / b.p50 for a, b in rounds], slower),
        Figure(f"{what}calls in a CPU second, {_TOGETHER} at once", "/s", pace, None, name, pace_alone),
        Figure(
            f"{what}calls in a CPU second over those of the SDK alone", "x",
            [a / b for a, b in zip(pace, pace_alone, strict=True)], more,
        ),
    ]  # fmt: skip
