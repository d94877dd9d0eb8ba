"""What the gateway's address costs over the provider's own, for a client in any language."""

from __future__ import annotations

from bench import gateway, loopback, peers
from bench.figure import Figure, at_least, at_most
from bench.loopback import Load, Loopback
from bench.peers import Gateway
from bench.place import Place

TITLE = "The gateway over HTTP"
WORK = (
    "`fairlead serve` on PostgreSQL with the settings of production, asked for chat completions of about 1000 tokens "
    "with a key; all is on but the cache, which would answer. In turn: the provider itself, ours, the peers; "
    "LiteLLM's proxy as it comes, and with limits, retries and a budget (all in its memory). One "
    "client (p50, p99), then 32, or 8 of a peer (requests in a CPU second of the gateway's process). Added: to the "
    "provider's own answer."
)
_PATH = "/v1/chat/completions"
_PEERS = (peers.LITELLM, peers.LITELLM_LIMITED, peers.PORTKEY)
_OF_PEERS = 8  # more of them would wait for longer than our generator of load does


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    provider = loopback.start(place)
    site = await gateway.site(place, provider.url, database="postgres")
    serving = await gateway.serve(site)
    others = await peers.gateways(place, provider.url, gateway.asked("gpt-4o-mini"), _PEERS)
    try:
        seen = await _in_turn(place, provider, gateway.ours(serving), others.gateways)
    finally:
        for one in (serving, others, provider):
            one.stop()
    await gateway.forget(place, site)
    return _figures(seen), [loopback.note(place), *others.notes()]


class _Seen:
    """What clients saw of one gateway, a value for each repeat."""

    def __init__(self) -> None:
        self.p50: list[float] = []
        self.p99: list[float] = []
        self.added_p50: list[float] = []
        self.added_p99: list[float] = []
        self.paces: list[float] = []


async def _in_turn(place: Place, provider: Loopback, ours: Gateway, others: list[Gateway]) -> dict[str, _Seen]:
    seen = {one.name: _Seen() for one in (ours, *others)}
    seconds = 0.4 if place.quick else 1.0
    for number in range(place.repeats * 2 + 2):
        for one in (ours, *others):
            direct = await loopback.load(place, provider.port, _PATH, gateway.asked(), together=1, seconds=seconds / 2)
            alone, _ = await _asked(place, one, together=1, seconds=seconds)
            together, cpu = await _asked(place, one, together=32 if one is ours else _OF_PEERS, seconds=seconds)
            if number > 0:  # the first warms it
                found = seen[one.name]
                found.p50.append(alone.p50)
                found.p99.append(alone.p99)
                found.added_p50.append(alone.p50 - direct.p50)
                found.added_p99.append(alone.p99 - direct.p99)
                found.paces.append(together.count / cpu)
    return seen


async def _asked(place: Place, one: Gateway, *, together: int, seconds: float) -> tuple[Load, float]:
    model = gateway.CHAT if one.name == "Fairlead" else "gpt-4o-mini"
    before = one.member.cpu()
    load = await loopback.load(
        place, one.port, _PATH, gateway.asked(model), together=together, seconds=seconds, headers=one.headers
    )
    return load, max(one.member.cpu() - before, 0.01)


def _figures(seen: dict[str, _Seen]) -> list[Figure]:
    ours = seen.pop("Fairlead")
    figures = [
        Figure("added, p50", "ms", ours.added_p50, at_most(0.8)),
        Figure("added, p99", "ms", ours.added_p99, at_most(3)),
        Figure("requests in a CPU second", "/s", ours.paces, at_least(2500)),
    ]
    for name, goal in ((peers.LITELLM, at_least(50)), (peers.LITELLM_LIMITED, None)):
        if other := seen.get(name):
            times = [mine / theirs for mine, theirs in zip(ours.paces, other.paces, strict=True)]
            figures.append(Figure(f"times {name}", "x", times, goal))
    for name, other in seen.items():
        figures += [
            Figure("added, p50", "ms", ours.added_p50, None, name, other.added_p50),
            Figure("added, p99", "ms", ours.added_p99, None, name, other.added_p99),
            Figure("requests in a CPU second", "/s", ours.paces, None, name, other.paces),
        ]
    return figures
