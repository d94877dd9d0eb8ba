"""Items: JSON objects under a namespace and a key, found again by key, by filter, or by their words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import orjson

from fairlead.clock import Clock, from_micros
from fairlead.config import StoreSettings
from fairlead.database import Database, Query, Row
from fairlead.errors import InvalidInput, NotJson
from fairlead.store import namespace as ns
from fairlead.store.filter import as_rows, conditions, written
from fairlead.store.words import any_of, steps_of, words_of
from fairlead.telemetry.emit import Emit

_PAGE = 1000
_BATCH = 1000
_AT_ONCE = timedelta(milliseconds=50)
_MICROSECOND = timedelta(microseconds=1)
Index = Literal[False] | Sequence[str] | None  # False: not searched; None: all its texts


@dataclass(frozen=True, slots=True)
class Item:
    """`score`: how well it fits a search, the higher the better; None where nothing was searched for."""

    namespace: tuple[str, ...]
    key: str
    value: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    score: float | None = None


class Items:
    """The door to items. Reading one that has a time to live lets it live as long again, unless told otherwise."""

    def __init__(
        self, database: Database, queries: Mapping[str, Query], settings: StoreSettings, *, clock: Clock, emit: Emit
    ) -> None:
        self._database = database
        self._queries = queries
        self._settings = settings
        self._clock = clock
        self._emit = emit

    async def put(
        self, namespace: Sequence[str], key: str, value: Mapping[str, Any], *, tenant: str,
        ttl: timedelta | None = None, index: Index = None,
    ) -> None:  # fmt: skip
        """Instead of what is there. Raises `InvalidInput`, `NotJson`."""
        for field in index or ():
            steps_of(field)
        text = _text(value)
        lives = ttl or self._settings.default_ttl
        await self._database.write(
            self._queries["put_item"], tenant=tenant, namespace=ns.joined(namespace), key=ns.checked_key(key),
            value=text, words="" if index is False else words_of(value, index),
            ttl_us=lives // _MICROSECOND if lives else None, now=self._clock.micros(),
        )  # fmt: skip

    async def get(self, namespace: Sequence[str], key: str, *, tenant: str, refresh: bool | None = None) -> Item | None:
        where = {"tenant": tenant, "namespace": ns.joined(namespace), "key": ns.checked_key(key)}
        rows = await self._database.read(self._queries["item"], **where, now=self._clock.micros())
        await self._refresh(rows, tenant, refresh)
        return _item(rows[0]) if rows else None

    async def delete(self, namespace: Sequence[str], key: str, *, tenant: str) -> None:
        """It need not be there."""
        where = {"tenant": tenant, "namespace": ns.joined(namespace), "key": ns.checked_key(key)}
        await self._database.write(self._queries["delete_item"], **where)

    async def search(
        self, prefix: Sequence[str] = (), *, tenant: str, query: str | None = None,
        filter: Mapping[str, Any] | None = None, limit: int = 10, offset: int = 0, refresh: bool | None = None,
    ) -> list[Item]:  # fmt: skip
        """Below a prefix: those with any word of `query`, the best first; else those that changed last.

        Raises `InvalidInput` for a filter that is none.
        """
        wanted = as_rows(conditions(filter or {}), self._database.dialect)
        given: dict[str, Any] = {"tenant": tenant, "prefix": ns.prefix(prefix), "now": self._clock.micros(),
                                 "limit": limit, "offset": offset}  # fmt: skip
        if query is None:
            rows = await self._database.read(self._queries["find_items"], wanted, **given)
        elif words := any_of(query, self._database.dialect):
            rows = await self._database.read(self._queries["search_items"], wanted, query=words, **given)
        else:
            return []
        await self._refresh(rows, tenant, refresh)
        return [_item(row) for row in rows]

    async def namespaces(
        self, *, tenant: str, beginning: Sequence[str] = (), ending: Sequence[str] = (), depth: int | None = None,
        limit: int = 100, offset: int = 0,
    ) -> list[tuple[str, ...]]:  # fmt: skip
        """In order; `*` stands for any label. Raises `InvalidInput` for labels that are none."""
        for labels in (beginning, ending):
            ns.prefix(labels)
        after, found = "", list[tuple[str, ...]]()
        while len(found) < limit + offset:
            rows = await self._database.read(
                self._queries["namespaces"], tenant=tenant, after=after, limit=_PAGE, now=self._clock.micros()
            )
            page = [row["namespace"] for row in rows]
            found = list(dict.fromkeys([*found, *ns.fitting(page, beginning=beginning, ending=ending, depth=depth)]))
            if len(page) < _PAGE:
                break
            after = page[-1]
        return found[offset : offset + limit]

    async def sweep(self) -> timedelta | None:
        """A role: what has outlived its time goes, in batches."""
        rows = await self._database.write(self._queries["expire_items"], now=self._clock.micros(), batch=_BATCH)
        if rows:
            self._emit("store_swept", items=len(rows))
        return _AT_ONCE if len(rows) >= _BATCH else None

    async def _refresh(self, rows: Sequence[Row], tenant: str, asked: bool | None) -> None:
        read = [(row["namespace"], row["key"]) for row in rows if row["ttl_us"] is not None]
        if read and (self._settings.refresh_on_read if asked is None else asked):
            await self._database.write(self._queries["refresh_items"], read, tenant=tenant, now=self._clock.micros())


def _text(value: Mapping[str, Any]) -> str:
    try:
        text = written(dict(value))
    except TypeError as error:
        raise NotJson(f"The value of an item must be a JSON object: {error}.") from error
    if "\\u0000" in text:
        raise InvalidInput("The value of an item must not hold NUL characters.")
    return text


def _item(row: Row) -> Item:
    return Item(
        namespace=tuple(ns.split(row["namespace"])),
        key=row["key"],
        value=orjson.loads(row["value"]),
        created_at=from_micros(row["created_at"]),
        updated_at=from_micros(row["updated_at"]),
        score=row["score"],
    )
