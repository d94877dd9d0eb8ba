"""What a governed call costs over a bare one, in the process that asks."""

from __future__ import annotations

from bench import caller, gateway, loopback, peers
from bench.caller import Caller, Round, Rounds
from bench.figure import Figure, at_least, at_most
from bench.place import Place

TITLE = "A model call through the gateway, in process"
WORK = (
    "Chat completions of about 1000 tokens from a provider on this machine that answers at once. Ours with everything "
    "on: a cache in memory that never has the answer, budgets (of the day, the user, the agent) and limits shared with "
    "other processes, a usage row, a log line, metrics. Callers take turns, each in a process of its own: its calls "
    "one after another (p50, p99), and 32 at a time (calls in a CPU second of the process). Added: to a bare call by "
    "aiohttp in the same round."
)
_PEERS = {"tensorzero_embedded": "TensorZero embedded", "litellm_sdk": "litellm"}
_SDKS = {"openai_sdk": "openai SDK", "anthropic_sdk": "anthropic SDK"}
_FAST = {"aiohttp_bare": 600, "fairlead_gateway": 600, "tensorzero_embedded": 400}
_SLOW = 120


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    provider = loopback.start(place)
    sites = {name: await gateway.site(place, provider.url, database=name) for name in ("sqlite", "postgres")}
    bare = await caller.start(place, "aiohttp_bare", provider.url)
    ours = {name: await gateway.in_process(place, site) for name, site in sites.items()}
    sdks = [await caller.start(place, name, provider.url) for name in _SDKS]
    others = await peers.callers(place, provider.url, [*_PEERS])
    everyone = [bare, *ours.values(), *sdks, *others.callers]
    times = 2 * place.repeats + 1

    def calls(one: Caller) -> int:
        return place.amount(_FAST.get(one.name, _SLOW))

    try:
        alone = await caller.in_turn(everyone, calls, together=1, times=times)
        together = await caller.in_turn(everyone, lambda one: 2 * calls(one), together=32, times=times)
    finally:
        for one in [*everyone, provider]:
            one.stop()
    for site in sites.values():
        await gateway.forget(place, site)
    tensorzero, litellm = others.caller("tensorzero_embedded"), others.caller("litellm_sdk")
    figures = [
        figure
        for name, mine in ours.items()
        for figure in (*_added(name, mine, bare, tensorzero, alone), *_pace(name, mine, litellm, together))
    ]
    figures += _beside(ours["postgres"], [bare, *sdks, *others.callers], alone, together)
    return figures, [loopback.note(place), *others.notes()]


def _added(name: str, mine: Caller, bare: Caller, tensorzero: Caller | None, alone: Rounds) -> list[Figure]:
    figures: list[Figure] = []
    for what, goal in (("p50", 0.25), ("p99", 1.0)):
        theirs = _over(alone[tensorzero], alone[bare], what) if tensorzero else []
        added = _over(alone[mine], alone[bare], what)
        figures.append(Figure(f"{name}: added, {what}", "ms", added, at_most(goal), "TensorZero embedded", theirs))
    return figures


def _over(rounds: list[Round], bare: list[Round], what: str) -> list[float]:
    return [getattr(one, what) - getattr(other, what) for one, other in zip(rounds, bare, strict=True)]


def _pace(name: str, mine: Caller, litellm: Caller | None, together: Rounds) -> list[Figure]:
    pace = [one.per_cpu_second for one in together[mine]]
    theirs = [one.per_cpu_second for one in together[litellm]] if litellm else []
    figures = [Figure(f"{name}: calls in a CPU second", "/s", pace, at_least(4000), "litellm", theirs)]
    if theirs:
        times = [one / other for one, other in zip(pace, theirs, strict=True)]
        figures.append(Figure(f"{name}: times litellm", "x", times, at_least(20)))
    return figures


def _beside(mine: Caller, others: list[Caller], alone: Rounds, together: Rounds) -> list[Figure]:
    names = {"aiohttp_bare": "aiohttp alone", **_SDKS, **_PEERS}
    paces = {one: [round.per_cpu_second for round in rounds] for one, rounds in together.items()}
    halves = {one: [round.p50 for round in rounds] for one, rounds in alone.items()}
    return [
        *(Figure("a call, p50", "ms", halves[mine], None, names[one.name], halves[one]) for one in others),
        *(Figure("calls in a CPU second", "/s", paces[mine], None, names[one.name], paces[one]) for one in others),
    ]
