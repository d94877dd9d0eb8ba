"""The books of an engine, as the console is handed them."""

from __future__ import annotations

from fairlead.web.console.doors import Doors
from fairlead.wiring.engine import Engine


def doors_of(engine: Engine) -> Doors:
    models = engine.models
    return Doors(
        control=engine.control, feed=engine.feed, oversight=engine.oversight, figures=engine.figures,
        threads=engine.threads, assistants=engine.assistants, scores=engine.scores, schedules=engine.schedules,
        costs=models.costs, usage=models.usage, budgets=models.budgets, stops=models.stops, limits=models.limits,
        gateway=models.gateway, books=engine.books, levels=engine.levels, ledger=engine.ledger, answers=engine.answers,
        evaluations=engine.evaluations, rate=engine.rate, files=engine.stores.files, agents=engine.agents,
        settings=engine.settings,
    )  # fmt: skip
