"""What a piece of a streamed answer costs, passed through as it is and converted to another format."""

from __future__ import annotations

from bench import gateway, loopback, peers
from bench.figure import Figure, at_most
from bench.peers import Gateway
from bench.place import Place

TITLE = "Streams through the gateway"
WORK = (
    "`fairlead serve` on PostgreSQL with the settings of production, asked for streamed chat completions of 200 pieces "
    "of text. Passed through: by a provider of the same format. Converted: by one that speaks Anthropic messages. At "
    "once: the provider sends all pieces together. One by one: a piece every 5 ms, 16 streams at a time. CPU of the "
    "gateway's process, all of a request included, divided by the pieces."
)
_PIECES = 200
_PATH = "/v1/chat/completions"
_GAP = 5  # ms


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    quick, slow = (loopback.start(place, chunks=_PIECES, gap_ms=gap) for gap in (0, _GAP))
    sites = [await gateway.site(place, one.url, database="postgres") for one in (quick, slow)]
    serving = [await gateway.serve(site) for site in sites]
    others = await peers.gateways(place, quick.url, gateway.asked("gpt-4o-mini", stream=True))
    costs: dict[str, list[float]] = {}
    try:
        for number in range(2 * place.repeats + 2):
            for what, one, model, together in _streams(serving, others.gateways):
                cost = await _cost(place, one, model, together)
                if number > 0:  # the first warms it
                    costs.setdefault(what, []).append(cost)
    finally:
        for one in (*serving, others, quick, slow):
            one.stop()
    for site in sites:
        await gateway.forget(place, site)
    return _figures(costs, others.gateways), [loopback.note(place), *others.notes()]


_Stream = tuple[str, Gateway, str, int]


def _streams(serving: list[gateway.Serving], others: list[Gateway]) -> list[_Stream]:
    """What to call it, whom to ask, for which model, how many at a time."""
    at_once, one_by_one = (gateway.ours(one) for one in serving)
    return [
        ("passed through, at once", at_once, gateway.CHAT, 8),
        ("converted, at once", at_once, gateway.MESSAGES, 8),
        ("passed through, one by one", one_by_one, gateway.CHAT, 16),
        ("converted, one by one", one_by_one, gateway.MESSAGES, 16),
        *((other.name, other, "gpt-4o-mini", 2) for other in others),
    ]


async def _cost(place: Place, one: Gateway, model: str, together: int) -> float:
    """Milliseconds of CPU for a piece."""
    before = one.member.cpu()
    seen = await loopback.load(
        place, one.port, _PATH, gateway.asked(model, stream=True), together=together,
        seconds=place.amount(20) / 10, headers=one.headers,
    )  # fmt: skip
    return (one.member.cpu() - before) * 1000 / (seen.count * _PIECES)


def _figures(costs: dict[str, list[float]], others: list[Gateway]) -> list[Figure]:
    through = costs["passed through, at once"]
    return [
        Figure("passed through, at once", "ms", through, at_most(0.02)),
        Figure("converted, at once", "ms", costs["converted, at once"], at_most(0.05)),
        Figure("passed through, one by one", "ms", costs["passed through, one by one"]),
        Figure("converted, one by one", "ms", costs["converted, one by one"]),
        *(Figure("passed through, at once", "ms", through, None, one.name, costs[one.name]) for one in others),
    ]
