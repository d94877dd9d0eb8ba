"""A budget under 200 callers in several processes, some of them killed."""

from __future__ import annotations

from bench.figure import Figure, at_least, at_most
from bench.place import Place
from tests.budget.battery import Config, Report, run

TITLE = "A budget that many share"
WORK = (
    "`python -m tests.budget`, repeated here: 200 callers on a budget for 50 of the dearest calls, in 1 and in 4 "
    "processes, without and with kill -9 among them. What was spent is what a file outside says: each call that is "
    "sent is first written to it and synced. Of the budget, in the dearest round and in the one that left the most. "
    "A call under way in a killed process is charged at its bound, for nobody can know what it cost: that is lost, and "
    "counts as used. All 50 may be under way when a process is killed."
)
_KILLS = {1: 2, 4: 4}  # by the number of processes
_DATABASES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    figures: list[Figure] = []
    broken: list[str] = []
    for database, name in _DATABASES.items():
        for processes in _KILLS:
            for kills in (0, _KILLS[processes]):
                reports = [await run(Config(database, processes, kills, seed)) for seed in range(place.repeats)]
                figures += _figures(
                    f"{name}, {processes} process{'es' if processes > 1 else ''}, {kills} kills", reports
                )
                broken += [violation for report in reports for violation in report.violations()]
    return figures, [f"Broken: {'; '.join(broken)}."] if broken else ["No promise was broken."]


def _figures(where: str, reports: list[Report]) -> list[Figure]:
    spent = [report.share * 100 for report in reports]
    lost = [(report.charged - report.spent) / report.config.limit * 100 for report in reports]
    used = [report.charged / report.config.limit * 100 for report in reports]
    figures = [
        Figure(f"{where}: most spent", "%", [max(spent)], at_most(100)),
        Figure(f"{where}: least used", "%", [min(used)], at_least(90)),
    ]
    return [*figures, Figure(f"{where}: lost", "%", lost)] if any(lost) else figures
