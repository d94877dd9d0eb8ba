"""An agent that makes its own openai client: what it gains or loses by being governed."""

from __future__ import annotations

from statistics import median

from bench import caller, gateway, loopback, workers
from bench.callers.protocol import prompt
from bench.ear import Ear
from bench.figure import Figure, at_most, percentile
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
    calls, ear = place.amount(200), Ear(site.folder)
    worker = gateway.start(site, "work")
    alone = await caller.start(place, "openai_sdk", provider.url)
    ours: list[list[float]] = []
    theirs: list[caller.Round] = []
    given = {"ear": ear.path, "calls": calls, "model": "gpt-4o-mini", "messages": prompt(0)}
    try:
        for number in range(2 * place.repeats + 2):
            async with workers.engine_on(site.url, site.folder, root=site.folder) as engine:
                await workers.submit(engine, "asking_by_sdk", given, count=1)
            took = [int(word) / 1e6 for word in await ear.hear(seconds=60)]
            beside = await alone.round(calls=calls)
            if number > 0:  # the first warms both
                ours.append(took)
                theirs.append(beside)
    finally:
        for one in (worker, alone, provider):
            one.stop()
        ear.close()
    await gateway.forget(place, site)
    mine = [median(took) for took in ours]
    over = [one / other.p50 for one, other in zip(mine, theirs, strict=True)]
    return [
        Figure("a call, p50", "ms", mine, None, "SDK alone", [one.p50 for one in theirs]),
        Figure("a call, p99", "ms", [percentile(took, 99) for took in ours], None, "SDK alone",
               [one.p99 for one in theirs]),
        Figure("p50 over that of the SDK alone", "x", over, at_most(1)),
    ], [loopback.note(place)]  # fmt: skip
