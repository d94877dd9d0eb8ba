"""What was answered, by whom and when, in the environment's database. Nothing is changed or taken away: the newest
answer counts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fairlead.clock import from_micros
from fairlead.database import Database, Row
from fairlead.database import sql as named_sql
from fairlead.ship.checklist.answer import Answer, By, Found, result_of
from fairlead.ship.checklist.items import ListName, item_of

_QUERIES = Path(__file__).parent.parent / "queries"


class AnswerLedger:
    """Of one environment. Its table is among those of `ship.ledger.MIGRATIONS`."""

    def __init__(self, database: Database, *, environment: str) -> None:
        self._database = database
        self._queries = named_sql.load(_QUERIES, database.dialect)
        self._environment = environment

    async def record(self, answers: Sequence[Answer]) -> None:
        """All of them or none; when they were given is when they are written, by the database's clock. Raises
        `DatabaseUnavailable`."""
        if not answers:
            return
        rows = [
            (one.item, item_of(one.item).list.value, one.about, one.found.result.value, one.found.said,
             one.found.reference, one.by.value, one.name)
            for one in answers
        ]  # fmt: skip
        await self._database.write(self._queries["answers_put"], rows, environment=self._environment)

    async def newest(self, name: ListName) -> list[Answer]:
        """Of each item the last of each kind for each release or incident."""
        rows = await self._database.read(
            self._queries["answers_newest"], environment=self._environment, list=name.value
        )
        return [_answer_of(row) for row in rows]

    async def history(self, item: str, *, limit: int = 50) -> list[Answer]:
        """Of one item, newest first."""
        rows = await self._database.read(
            self._queries["answers_of_item"], environment=self._environment, item=item, limit=limit
        )
        return [_answer_of(row) for row in rows]


def _answer_of(row: Row) -> Answer:
    return Answer(
        row["item"], Found(result_of(row["result"]), row["said"], row["reference"]), By(row["asked"]), row["name"],
        from_micros(row["at"]), row["about"],
    )  # fmt: skip
