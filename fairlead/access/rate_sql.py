"""What callers took, counted in the database: for processes that share one and have no Redis."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fairlead.access.rate import Taken, Window
from fairlead.database import Call, Database, Gather
from fairlead.database import sql as named_sql

_HERE = Path(__file__).parent


class SqlRateStore:
    """What several requests take at the same time goes in one transaction. The database is not closed with it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        queries = named_sql.load(_HERE / "queries", database.dialect)
        self._take, self._sweep = queries["rate_take"], queries["rate_sweep"]
        self._takes: Gather[tuple[str, int, Window], Taken] = Gather(self._write, limit=100)

    async def take(self, caller: str, amount: int, window: Window) -> Taken:
        return await self._takes.put((caller, amount, window))

    async def sweep(self) -> None:
        """Forget callers whose buckets count no more."""
        await self._database.write(self._sweep)

    async def aclose(self) -> None:
        pass

    async def _write(self, asked: list[tuple[str, int, Window]]) -> Sequence[Taken]:
        # In the order of their names: two processes that take rows in different orders would wait for each other.
        order = sorted(range(len(asked)), key=lambda place: asked[place][0])
        calls = [
            Call(self._take, {"caller": caller, "amount": amount, "most": window.most, "size": window.micros})
            for caller, amount, window in (asked[place] for place in order)
        ]
        taken: dict[int, Taken] = {}
        for place, rows in zip(order, await self._database.write_all(calls), strict=True):
            row = rows[0]
            taken[place] = Taken(row["granted"], row["before"], row["now"], row["at"])
        return [taken[place] for place in range(len(asked))]
