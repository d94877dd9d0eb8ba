"""A budget under 200 callers in several processes, some of them killed."""

from __future__ import annotations

from tests.budget.battery import Config, Report, run

from bench.figure import Figure, at_least, at_most
from bench.place import Place

TITLE = "A budget that many share"
WORK = (
    "`python -m tests.budget`, repeated here: 200 callers on a budget for 50 of the dearest calls, in 1 and in 4 "
    "processes, with kill -9 among them. What was spent is what a file outside says: each call that is sent is first "
    "written to it and synced. Of 100 %, the dearest round and the one that left the most."
)
_KILLS = {1: (0, 2), 4: (0, 4)}
_DATABASES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    figures: list[Figure] = []
    broken: list[str] = []
    for database, name in _DATABASES.items():
        for processes, kills in _KILLS.items():
            reports = [
                await run(Config(database, processes, killed, seed=seed))
                for seed in range(place.repeats)
                for killed in kills
            ]
            figures += _figures(f"{name}, {processes} process{'es' if processes > 1 else ''}", reports)
            broken += [violation for report in reports for violation in report.violations()]
    return figures, [f"Broken: {'; '.join(broken)}."] if broken else ["No promise was broken."]


def _figures(where: str, reports: list[Report]) -> list[Figure]:
    shares = [report.share * 100 for report in reports]
    return [
        Figure(f"{where}: most spent", "%", [max(shares)], at_most(100)),
        Figure(f"{where}: least spent", "%", [min(shares)], at_least(90)),
        Figure(f"{where}: spent", "%", shares),
    ]
