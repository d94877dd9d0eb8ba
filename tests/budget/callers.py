"""One process of callers: `python -m tests.budget.callers ORDER` (JSON). It prints what became of them."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from fairlead.clock import SystemClock
from fairlead.config import BudgetSettings
from fairlead.errors import BudgetExceededError
from fairlead.gateway.budgets import SharedBudgets
from fairlead.gateway.schema import load_queries
from fairlead.gateway.types import Caller
from fairlead.telemetry.emit import silent
from tests.budget.bugs import purse_with, queries_with
from tests.budget.till import Till
from tests.gateway.processes import open_database

AGENT = "shopper"
_LONGEST = 60.0  # seconds a caller may wait


@dataclass(frozen=True, slots=True)
class Order:
    url: str
    till: str
    callers: tuple[int, int]  # from, to
    bound: int
    seed: int
    lease: float
    longest_call: float
    bug: str = ""

    def text(self) -> str:
        return json.dumps(asdict(self))


async def run(order: Order) -> dict[str, int]:
    """Each caller calls once: held, sent (the judge's file says so), answered, settled."""
    clock = SystemClock()
    database = await open_database(order.url, clock)
    settings = BudgetSettings(day_usd=None, lease=timedelta(seconds=order.lease))
    queries = queries_with(order.bug, load_queries(database.dialect))
    budgets = SharedBudgets(database, queries, settings, clock=clock, emit=silent)
    await budgets.start()
    till = Till(Path(order.till))
    told = {"served": 0, "refused": 0}

    async def call(number: int) -> None:
        chance = random.Random(order.seed * 1000 + number)
        purse = purse_with(order.bug, budgets.purse(Caller(agent=AGENT, user=f"u{number % 7}")))
        await asyncio.sleep(chance.random() * 0.3)
        till.asked(number)
        try:
            async with asyncio.timeout(_LONGEST):
                hold = await purse.hold(order.bound)
        except BudgetExceededError:
            till.refused(number)
            told["refused"] += 1
            return
        cost = chance.randint(order.bound * 6 // 10, order.bound)
        await till.sent(number, bound=order.bound, cost=cost)
        await asyncio.sleep(chance.uniform(0.2, 1.0) * order.longest_call)
        hold.settle(cost)
        till.settled(number)
        told["served"] += 1

    await asyncio.gather(*(call(number) for number in range(*order.callers)))
    await budgets.stop()
    await database.close()
    return told


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    print(json.dumps(asyncio.run(run(Order(**{**given, "callers": tuple(given["callers"])})))), flush=True)
