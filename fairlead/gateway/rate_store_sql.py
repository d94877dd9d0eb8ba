"""Limits shared through the database."""

from __future__ import annotations

from pathlib import Path

from fairlead.database import Database
from fairlead.database import sql as named_sql
from fairlead.gateway.rate_store import Kept

_HERE = Path(__file__).parent


class SqlRateStore:
    """The database is not closed with it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        queries = named_sql.load(_HERE / "queries", database.dialect)
        self._rate, self._swap = queries["rate"], queries["swap_rate"]

    async def read(self, name: str) -> Kept:
        row = (await self._database.read(self._rate, name=name))[0]
        return Kept(row["version"], row["state"], row["now"])

    async def swap(self, name: str, version: int, text: str) -> bool:
        # Tried again after a lost connection it may find its own change and say False: who asks looks at its turn.
        return bool(await self._database.write(self._swap, name=name, version=version, state=text))

    async def aclose(self) -> None:
        pass
