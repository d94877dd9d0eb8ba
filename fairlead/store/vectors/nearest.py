"""The pieces whose vectors are nearest to one: by cosine, of one model, of one tenant and collection."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from fairlead.database import Call, Database, Query, Row
from fairlead.database.sql import parse
from fairlead.errors import BrokenAnswer, Conflict
from fairlead.store.vectors.tables import load_queries, template

_LARGEST = 3.4e38  # that 32 bits hold
_MOST_INDEXED, _MOST_INDEXED_HALF = 2000, 4000  # dimensions that pgvector's index takes: at full and at half precision


@dataclass(frozen=True, slots=True)
class Known:
    """A model that has vectors here."""

    number: int
    dimensions: int

    @property
    def type_name(self) -> str:
        """What PostgreSQL compares them as."""
        return "halfvec" if _MOST_INDEXED < self.dimensions <= _MOST_INDEXED_HALF else "vector"

    @property
    def indexed(self) -> bool:
        return self.dimensions <= _MOST_INDEXED_HALF

    def fill(self, text: str) -> str:
        words = {"number": self.number, "type": f"{self.type_name}({self.dimensions})", "type_name": self.type_name}
        for name, word in words.items():
            text = text.replace(f"{{{name}}}", str(word))
        return text


class Nearest:
    """Of the model in force. The model is known from its first vectors on: then it has its dimensions."""

    def __init__(self, database: Database, model: str) -> None:
        self.model = model
        self._database = database
        self._queries = load_queries(database.dialect)
        self._known: Known | None = None
        self._search: Query | None = None
        self._settle = (
            Call(parse("settle_search", template("settle_search", "postgres"), "postgres"))
            if database.dialect == "postgres"
            else None
        )

    async def search(self, collection: str, vector: Sequence[float], *, tenant: str, limit: int) -> Sequence[Row]:
        """The nearest first. Raises BrokenAnswer for a vector that is none of this model."""
        known = await self.known()
        if known is None:
            return []
        self.check(known, vector)
        if self._search is None:
            text = known.fill(template("search_vectors", self._database.dialect))
            self._search = parse("search_vectors", text, self._database.dialect)
        given: dict[str, Any] = {
            "tenant": tenant, "collection": collection, "model": self.model, "query": written(vector), "limit": limit,
        }  # fmt: skip
        if self._settle is None:
            return await self._database.read(self._search, **given)
        return (await self._database.write_all([self._settle, Call(self._search, given)]))[1]

    async def known(self) -> Known | None:
        """None: it has no vectors here yet."""
        if self._known is None:
            rows = await self._database.read(self._queries["model"], model=self.model)
            self._known = Known(rows[0]["number"], rows[0]["dimensions"]) if rows else None
        return self._known

    async def learn(self, vector: Sequence[float]) -> Known:
        """From a vector of it. Raises BrokenAnswer when it has other dimensions than those that are kept."""
        known = await self.known()
        if known is None:
            await self._database.write(self._queries["know_model"], model=self.model, dimensions=len(vector))
            known = await self.known()
            assert known is not None
            if self._database.dialect == "postgres" and known.indexed:
                await self._make_index(known)
        self.check(known, vector)
        return known

    async def _make_index(self, known: Known) -> None:
        with suppress(Conflict):  # another process is just making it
            await self._database.write(parse("make_index", known.fill(template("make_index", "postgres")), "postgres"))

    def check(self, known: Known, vector: Sequence[float]) -> None:
        if len(vector) != known.dimensions:
            raise BrokenAnswer(
                f"{self.model} gave a vector of {len(vector)} dimensions; those that are kept have {known.dimensions}.",
                hint="Set FAIRLEAD_KNOWLEDGE_EMBEDDING_DIMENSIONS: then all are embedded anew, and nothing is mixed.",
            )
        if not all(abs(number) <= _LARGEST for number in vector) or not any(vector):  # nor is NaN less than anything
            raise BrokenAnswer(f"{self.model} gave a vector that points nowhere.", hint="Look at what it was asked.")


def written(vector: Sequence[float]) -> str:
    """As both databases read it."""
    return orjson.dumps(list(vector)).decode()
