"""The books of an engine, as the console is handed them."""

from __future__ import annotations

from fairlead.web.console import Services
from fairlead.wiring.engine import Engine


def services_of(engine: Engine) -> Services:
    return Services(
        control=engine.control, feed=engine.feed, oversight=engine.oversight, figures=engine.figures,
        threads=engine.threads,
        assistants=engine.assistants, scores=engine.scores, schedules=engine.schedules, costs=engine.models.costs,
        usage=engine.models.usage, budgets=engine.models.budgets, stops=engine.models.stops,
        gateway=engine.models.gateway, books=engine.books, levels=engine.levels, ledger=engine.ledger,
        rate=engine.rate, agents=engine.agents, settings=engine.settings,
    )  # fmt: skip
