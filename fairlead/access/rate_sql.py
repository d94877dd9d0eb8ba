"""What callers took, counted in the database: for processes that share one and have no Redis."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import orjson

from fairlead.access.rate import PARTS, Taken, Window
from fairlead.database import Call, Database, Gather
from fairlead.database import sql as named_sql

_HERE = Path(__file__).parent


class SqlRateStore:
    """What several requests take at the same time goes in one transaction. The database is not closed with it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        queries = named_sql.load(_HERE / "queries", database.dialect)
        self._roll, self._take, self._sweep = (queries[f"rate_{name}"] for name in ("roll", "take", "sweep"))
        self._takes: Gather[tuple[str, int, Window], Taken] = Gather(self._write, limit=100)

    async def take(self, caller: str, amount: int, window: Window) -> Taken:
        return await self._takes.put((caller, amount, window))

    async def sweep(self) -> None:
        """Forget callers whose parts count no more."""
        await self._database.write(self._sweep)

    async def aclose(self) -> None:
        pass

    async def _write(self, asked: list[tuple[str, int, Window]]) -> Sequence[Taken]:
        groups = _together(asked)
        calls: list[Call] = []
        for caller, window, places in groups:
            amount, partial = sum(asked[place][1] for place in places), len(places) > 1
            given = {"caller": caller, "size": window.part, "count": PARTS}
            taking = {**given, "amount": amount, "most": window.most, "partial": partial}
            calls += [Call(self._roll, given), Call(self._take, taking)]
        answers = (await self._database.write_all(calls))[1::2]
        taken: dict[int, Taken] = {}
        for (_, _, places), rows in zip(groups, answers, strict=True):
            row, left = rows[0], rows[0]["granted"]
            parts = {int(part): count for part, count in orjson.loads(row["parts"] or "{}").items()}
            for place in places:
                granted = min(left, asked[place][1])
                taken[place] = Taken(granted, row["used"], row["at"], parts)
                left -= granted
        return [taken[place] for place in range(len(asked))]


def _together(asked: Sequence[tuple[str, int, Window]]) -> list[tuple[str, Window, list[int]]]:
    """Places of those who can be asked for in one: a caller's that want one each. In the order of the callers: two
    processes that took rows in different orders would wait for each other."""
    groups: dict[tuple[str, Window], list[int]] = {}
    alone: list[tuple[str, Window, list[int]]] = []
    for place, (caller, amount, window) in enumerate(asked):
        if amount == 1:
            groups.setdefault((caller, window), []).append(place)
        else:
            alone.append((caller, window, [place]))
    together = [(caller, window, places) for (caller, window), places in groups.items()]
    return sorted([*together, *alone], key=lambda one: one[0])
