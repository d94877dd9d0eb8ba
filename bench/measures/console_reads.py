"""How long the server takes for the console's pages when a million runs are stored."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench import asking, history, serving
from bench.figure import Figure, at_most, percentile
from bench.history import History
from bench.place import Place
from bench.serving import Serving

RUNS, STEPS, PAGE = 10**6, 5000, 50
FAR = 100 * PAGE
ASKED, NEVER_READ = 15, 5  # of each kind in a repeat; runs of which nothing was read before
COPIES = 4 * NEVER_READ  # as many repeats, and the one that warms
TITLE = "The console's pages, a million runs stored"
WORK = (
    f"`fairlead serve` with 10^6 runs of a week, their threads, events, model calls and figures, 100 000 entries of "
    f"the audit log, and runs of {STEPS} steps, on PostgreSQL and on SQLite. One client asks for one page after the "
    "other, without what it is shown with. First read: of a run that this server has not read before."
)
_FIRST = f"a run of {STEPS} steps, first read"


@dataclass(slots=True)
class Took:
    """Milliseconds, a list for each repeat. `cpu`: of the server, for one first read."""

    pages: dict[str, list[list[float]]] = field(default_factory=dict[str, list[list[float]]])
    cpu: list[float] = field(default_factory=list[float])
    fresh: list[float] = field(default_factory=list[float])  # the first page of a process


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    filled = await history.both(place, place.stored(RUNS), back=[FAR], steps=STEPS, copies=COPIES)
    figures = list[Figure]()
    for dialect, stored in filled.items():
        figures += _figures(dialect, await _on(place, stored))
    stored = f"{place.stored(RUNS):,}".replace(",", " ")
    asked = f"{place.amount(ASKED)} questions of each kind in a repeat, {place.amount(NEVER_READ)} first reads."
    return figures, [
        f"{stored} runs, {asked}",
        "No goal is set for the first page of a process, which loads the console.",
    ]


async def _on(place: Place, stored: History) -> Took:
    took, unread = Took(), iter(stored.long[1:])
    for number in range(place.repeats + 1):
        ours = await serving.fairlead(place, stored.url, stored.folder)
        try:
            took.fresh += await _asked(ours, ["/console"])
            first = [f"/console/runs/{next(unread)}" for _ in range(place.amount(NEVER_READ))]
            await _repeat(place, ours, _pages(stored), first, took, warm=number == 0)
        finally:
            ours.stop()
    return took


async def _repeat(
    place: Place, ours: Serving, pages: Mapping[str, str], first: Sequence[str], took: Took, *, warm: bool
) -> None:
    """What warms the caches of the machine is not counted; each process has drawn every page once before."""
    for address in pages.values():
        await _asked(ours, [address])
    if warm:
        return
    for page, address in pages.items():
        took.pages.setdefault(page, []).append(await _asked(ours, [address] * place.amount(ASKED)))
    before = ours.member.cpu()
    took.pages.setdefault(_FIRST, []).append(await _asked(ours, first))
    took.cpu.append((ours.member.cpu() - before) * 1000 / len(first))


async def _asked(ours: Serving, addresses: Sequence[str]) -> list[float]:
    asks = [("GET", address, None) for address in addresses]
    return await asyncio.to_thread(asking.times, ours.port, asks, serving.HEADERS)


def _figures(dialect: str, took: Took) -> list[Figure]:
    figures = list[Figure]()
    for page, seen in took.pages.items():
        figures += [
            Figure(f"{dialect}, {page}, p50", "ms", [percentile(one, 50) for one in seen]),
            Figure(f"{dialect}, {page}, p95", "ms", [percentile(one, 95) for one in seen], at_most(150)),
        ]
    return [
        *figures,
        Figure(f"{dialect}, {_FIRST}, CPU", "ms", took.cpu),
        Figure(f"{dialect}, first page of a process", "ms", took.fresh[1:]),
    ]


def _pages(stored: History) -> dict[str, str]:
    week, order = "period=7d", f"{stored.size // 2:07d}"
    return {
        **{f"dashboard of {one}": f"/console?period={one}" for one in ("1h", "24h", "7d", "30d")},
        "dashboard of an agent, 7 d": f"/console?{week}&agent=agent-3",
        "dashboard of a release, 7 d": f"/console?{week}&release=2026.11.1",
        "dashboard of an agent and a release, 7 d": f"/console?{week}&agent=agent-3&release=2026.11.1",
        "newest runs": "/console/runs",
        "runs that failed": "/console/runs?status=error",
        "runs of an agent": "/console/runs?agent=agent-3",
        "runs of a release": "/console/runs?release=2026.11.1",
        "runs of a user": "/console/runs?user=user-7",
        "runs of a thread": "/console/runs?thread=thread-0000007",
        "runs by a text that fits one": f"/console/runs?q={order}",
        "runs by a text that fits none": "/console/runs?q=nowhere",
        "runs by an id": f"/console/runs?q={stored.back[FAR]}",
        "runs of two hours": "/console/runs?from=2h",
        "runs that cost much": "/console/runs?min_cost=0.009",
        "runs that took long": "/console/runs?min_duration=5.89s",
        "runs that a model was asked in": "/console/runs?model=provider-1/model-1",
        "runs that used a tool": "/console/runs?tool=get_order",
        "runs that stand still": "/console/runs?is=stuck",
        "runs, 100 pages back": f"/console/runs?before={stored.back[FAR]}",
        "threads": "/console/threads",
        "threads of a user": "/console/threads?user=user-7",
        "a thread": "/console/threads/thread-0000007",
        "agents": "/console/agents",
        "an agent": "/console/agents/ten",
        "providers": "/console/providers",
        "budgets": "/console/budgets",
        **{
            f"costs of 7 d by {by}": f"/console/costs?{week}&by={by}"
            for by in ("model", "provider", "agent", "user", "release", "key", "hour", "day")
        },
        "costs of 30 d by user, 100 of them": "/console/costs?period=30d&by=user&top=100",
        "costs of an agent, 7 d": f"/console/costs?{week}&agent=agent-3",
        "costs of a user, 7 d": f"/console/costs?{week}&user=user-7",
        "costs of a model, 7 d": f"/console/costs?{week}&model=provider-1/model-1",
        "approvals": "/console/approvals",
        "schedules": "/console/schedules",
        "service levels": "/console/service-levels",
        "workers": "/console/workers",
        "releases": "/console/releases",
        "deploys": "/console/deploys",
        "checklists": "/console/checklists",
        "evaluations": "/console/evaluations",
        "API keys": "/console/keys",
        "users": "/console/users",
        "audit": "/console/audit",
        "audit of an action": "/console/audit?action=budget.set",
        "audit of a person": "/console/audit?by=key-3",
        f"a run of {STEPS} steps": f"/console/runs/{stored.long[0]}",
        **{
            f"a run of {STEPS} steps, {tab}": f"/console/runs/{stored.long[0]}?tab={tab}"
            for tab in ("events", "model", "tools", "json")
        },
    }
