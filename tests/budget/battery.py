"""One round: a budget, processes of callers, perhaps kills, and what the judge's file says.

open ──► start the processes ──► kill some, start others in their place ──► all end ──► judge
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import asyncpg

from fairlead.clock import SystemClock
from fairlead.config import BudgetSettings
from fairlead.database import migrate
from fairlead.gateway.allowance import Period
from fairlead.gateway.budgets import SharedBudgets
from fairlead.gateway.schema import MIGRATIONS, load_queries
from fairlead.telemetry.emit import silent
from tests.budget.bugs import BUGS
from tests.budget.callers import AGENT, Order
from tests.budget.till import Roll, read
from tests.gateway.processes import open_database
from tests.servers import PostgresServer

BOUND = 1_000_000
SERVER = "postgresql://postgres@127.0.0.1:5432/postgres"
_LONGEST = 150.0  # seconds for one round
_ENOUGH = 0.9
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Config:
    """`calls`: how many of the dearest calls the budget is for."""

    database: str
    processes: int
    kills: int
    seed: int
    callers: int = 200
    calls: int = 50
    bug: str = ""
    lease: float = 3.0
    longest_call: float = 0.25

    @property
    def limit(self) -> int:
        return self.calls * BOUND


@dataclass(frozen=True, slots=True)
class Report:
    config: Config
    roll: Roll
    killed: list[int]
    charged: int  # what the database says was spent
    left: int  # what processes still hold, by the database
    failed: list[str] = field(default_factory=list[str])

    @property
    def spent(self) -> int:
        return sum(sale.cost for sale in self.roll.sales)

    @property
    def share(self) -> float:
        return self.spent / self.config.limit

    @property
    def explained(self) -> int:
        """The most that the kills explain: calls under way are charged at their bound, and so are those about to be
        sent and those whose end was not yet told; beside them a process may have a fiftieth of the budget at hand."""
        under_way = sum(sale.bound - sale.cost for sale in self.roll.sales if sale.pid in self.killed)
        about_to = sum(self.roll.open.get(pid, 0) for pid in self.killed) * BOUND
        return under_way + about_to + len(self.killed) * self.config.limit // 50

    def violations(self) -> list[str]:
        config, found = self.config, list(self.failed)
        if self.spent > config.limit:
            found.append(f"never above the budget: {self.spent} spent of {config.limit} ({self.share:.0%})")
        if self.charged < self.spent:
            found.append(f"whatever was sent is charged: {self.charged} charged, {self.spent} spent")
        if self.charged > self.spent + self.explained:
            found.append(
                f"nothing else is charged: {self.charged} charged, {self.spent} spent, {self.explained} by kills"
            )
        if self.left:
            found.append(f"nothing is left behind: {self.left} still held")
        if self.spent + self.explained < _ENOUGH * config.limit:
            found.append(f"at least {_ENOUGH:.0%} of it is used: {self.share:.0%}, {self.explained} lost by kills")
        return found

    def line(self) -> str:
        config, lost, under_way = self.config, self.charged - self.spent, len(self.roll.under_way(self.killed))
        return (
            f"{config.database:8} {config.processes} processes, {config.callers} callers, "
            f"{len(self.killed)} killed with {under_way} calls under way: "
            f"{len(self.roll.sales)} calls, {self.share:.1%} of the budget used, "
            f"{lost / config.limit:.1%} lost (kills explain {min(self.explained / config.limit, 1):.1%})"
        )


async def run(config: Config) -> Report:
    with tempfile.TemporaryDirectory(prefix="fairlead-budget-") as folder:
        async with _database(config.database, Path(folder)) as url:
            await _limit(url, config.limit)
            till = Path(folder) / "till"
            order = Order(url, str(till), (0, 0), BOUND, config.seed, config.lease, config.longest_call, config.bug)
            killed, failed = await _callers(config, order)
            charged, left = await _books(url)
            return Report(config, read(till), killed, charged, left, failed)


@contextlib.asynccontextmanager
async def _database(kind: str, folder: Path) -> AsyncIterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder}/budget.db"
        return
    server = None if await _answers(SERVER) else PostgresServer()
    base = server.start() if server else os.environ.get("TEST_DATABASE_URL", SERVER)
    name = f"fairlead_test_{os.getpid()}_budget{random.randrange(10**9)}"
    await _execute(base, f"CREATE DATABASE {name} TEMPLATE template0")
    try:
        yield f"{base.rpartition('/')[0]}/{name}"
    finally:
        await _execute(base, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        if server:
            server.remove()


async def _limit(url: str, nano: int) -> None:
    database = await open_database(url, SystemClock())
    await migrate(database, (MIGRATIONS,))
    budgets = _budgets(database)
    await budgets.set(f"agent:{AGENT}", Period.TOTAL, nano, by="battery")
    await budgets.set("user:*", Period.DAY, nano, by="battery")  # a second scope, which never bites
    await database.close()


def _budgets(database: object) -> SharedBudgets:
    assert hasattr(database, "dialect")
    return SharedBudgets(
        database, load_queries(database.dialect), BudgetSettings(day_usd=None), clock=SystemClock(), emit=silent
    )


async def _callers(config: Config, order: Order) -> tuple[list[int], list[str]]:
    """Processes until all callers have had their turn. One that is killed is followed by one with as many."""
    chance = random.Random(config.seed)
    share = config.callers // (config.processes + config.kills)
    first = 0
    waiting: list[Order] = []
    for _ in range(config.processes + config.kills):
        waiting.append(replace(order, callers=(first, first + share)))
        first += share
    running = [await _start(waiting.pop()) for _ in range(config.processes)]
    killed: list[int] = []
    everybody = list(running)
    for _ in range(config.kills):
        victim = await _busy(running, Path(order.till), set(killed), chance)
        if victim is not None:
            await asyncio.sleep(chance.random() * config.longest_call)
            if victim.returncode is None:
                victim.send_signal(signal.SIGKILL)
                killed.append(victim.pid)
        running.append(await _start(waiting.pop()))
        everybody.append(running[-1])
    failed: list[str] = []
    for one in everybody:
        try:
            out, _ = await asyncio.wait_for(one.communicate(), _LONGEST)
        except TimeoutError:
            one.kill()
            failed.append("nobody waits for ever: a process of callers did not end")
            continue
        if one.pid not in killed and (one.returncode or not json.loads(out or b"null")):
            failed.append(f"no surprise: a process of callers ended with {one.returncode}")
    return killed, failed


async def _busy(
    running: list[asyncio.subprocess.Process], till: Path, killed: set[int], chance: random.Random
) -> asyncio.subprocess.Process | None:
    """One that has sent a call, and so may have others under way; None when all have ended."""
    while alive := [one for one in running if one.returncode is None and one.pid not in killed]:
        selling = {sale.pid for sale in read(till).sales}
        if busy := [one for one in alive if one.pid in selling]:
            return chance.choice(busy)
        await asyncio.sleep(0.02)
    return None


async def _start(order: Order) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.budget.callers", order.text(), cwd=_ROOT, stdout=asyncio.subprocess.PIPE
    )


async def _books(url: str) -> tuple[int, int]:
    """What the database says in the end: after somebody has looked for the dead."""
    database = await open_database(url, SystemClock())
    budgets = _budgets(database)
    try:
        async with asyncio.timeout(20):
            while True:
                await budgets.leasing.sweep()
                (state,) = [
                    s for s in await budgets.state("default") if s.scope == f"agent:{AGENT}" and s.tenant != "*"
                ]
                if not state.held_nano:
                    break
                await asyncio.sleep(0.2)
    except TimeoutError:
        pass
    await budgets.stop()
    await database.close()
    return state.spent_nano, state.held_nano


async def _answers(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url, timeout=5)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return False
    await connection.close()
    return True


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def planted(bug: str, database: str, seed: int) -> Config:
    """With calls so long that all callers come while the first are under way."""
    kills = 3 if BUGS[bug].kills else 0
    return Config(database, processes=4, kills=kills, seed=seed, bug=bug, longest_call=2.5)
