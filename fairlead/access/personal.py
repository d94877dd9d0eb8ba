"""What is held of somebody: found, exported and erased, one kind of data after another.

Each part of the product says what its tables hold of people (`Held`), or why that outlives them (`kept`, `EXEMPT`); a
test compares that with the tables there are. Whoever brings a table brings its line.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import orjson

from fairlead.clock import from_micros
from fairlead.database import Blobs, Database, Query, Row
from fairlead.database.sql import parse
from fairlead.errors import Damaged, NotFound

NOBODY = "user:deleted"  # who did it, where that was somebody who is erased
_BATCH = 500
_PIECE = 768 * 1024  # bytes of a blob on one line of an export
_TIME = re.compile(r"(.+_)?at")

Load = Callable[[str], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Subject:
    """A user of a tenant, by the name that keys, tokens and runs call them; or, without one, all of the tenant."""

    tenant: str
    user: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        return {"tenant": self.tenant, "user": self.user}


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing that is held: `data` is JSON."""

    kind: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """What one turn erased. `waits`: something is still in use, and can be erased once it is not."""

    erased: int = 0
    waits: bool = False


class Holding(Protocol):
    """The door to one kind of data."""

    @property
    def kind(self) -> str: ...

    @property
    def tables(self) -> frozenset[str]: ...

    def export(self, of: Subject) -> AsyncIterator[Piece]: ...

    async def erase(self, of: Subject) -> Batch:
        """Some of it, in one transaction or safe to repeat. Nothing erased and nothing that waits: nothing is left."""
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """Rows of a table, which has a column `tenant`.

    `key`: what tells its rows apart within the tenant.
    `theirs`: which rows are a user's, in SQL with `:user` and `:tenant`; empty: only the tenant's.
    `json`: columns that hold JSON, or a reference to it.
    `hidden`: columns that no export shows: secrets, and what only an index needs.
    `blank`: columns, and what they become in a user's rows, which stay.
    `erase`: the statement that erases them, where more goes with them; it answers `erased` and `waiting`.
    `kept`: why they stay whoever goes.
    `told`: False for what no export shows.
    """

    kind: str
    table: str
    key: tuple[str, ...]
    theirs: str = ""
    json: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    blank: Mapping[str, str] = field(default_factory=dict[str, str])
    erase: Query | None = None
    kept: str = ""
    told: bool = True


class HeldRows:
    """A `Holding` made of what is declared."""

    def __init__(self, held: Held, database: Database, *, load: Load | None = None, batch: int = _BATCH) -> None:
        self.held = held
        self._database = database
        self._load = load or _loaded
        self._batch = batch

    @property
    def kind(self) -> str:
        return self.held.kind

    @property
    def tables(self) -> frozenset[str]:
        return frozenset((self.held.table,))

    async def export(self, of: Subject) -> AsyncIterator[Piece]:
        where = self._where(of)
        if where is None or not self.held.told:
            return
        keys = ", ".join(self.held.key)
        after = f"({keys}) > ({', '.join(f':after_{name}' for name in self.held.key)})"
        select, order = f"SELECT * FROM {self.held.table} WHERE {where}", f"ORDER BY {keys} LIMIT {self._batch}"
        first, following = self._query(f"{select} {order}"), self._query(f"{select} AND {after} {order}")
        rows = await self._database.read(first, **of.parameters)
        while rows:
            for row in rows:
                yield Piece(self.held.kind, await self._told(row))
            seen = {f"after_{name}": rows[-1][name] for name in self.held.key}
            rows = await self._database.read(following, **of.parameters, **seen)

    async def erase(self, of: Subject) -> Batch:
        where, held = self._where(of), self.held
        if where is None or held.kept:
            return Batch()
        if held.erase is not None:
            row = (await self._database.write(held.erase, **of.parameters, batch=self._batch))[0]
            return Batch(row["erased"], bool(row["waiting"]))
        keys = ", ".join(("tenant", *held.key))
        chosen = f"({keys}) IN (SELECT {keys} FROM {held.table} WHERE {where} LIMIT {self._batch})"
        if of.user is not None and held.blank:
            blanks = ", ".join(f"{column} = {value}" for column, value in held.blank.items())
            query = self._query(f"UPDATE {held.table} SET {blanks} WHERE {chosen} RETURNING tenant")
        else:
            query = self._query(f"DELETE FROM {held.table} WHERE {chosen} RETURNING tenant")
        return Batch(len(await self._database.write(query, **of.parameters)))

    def _where(self, of: Subject) -> str | None:
        """None: nothing in this table can be theirs."""
        if of.user is None:
            return "tenant = :tenant"
        return f"tenant = :tenant AND ({self.held.theirs})" if self.held.theirs else None

    def _query(self, text: str) -> Query:
        return parse(f"personal_{self.held.table}", text, self._database.dialect)

    async def _told(self, row: Row) -> dict[str, Any]:
        names: Sequence[str] = cast("Any", row).keys()
        return {name: await self._value(name, row[name]) for name in names if name not in self.held.hidden}

    async def _value(self, name: str, value: Any) -> Any:
        if name in self.held.json and isinstance(value, str):
            try:
                return await self._load(value)
            except Damaged as error:  # the rest can still be told
                return {"damaged": error.message}
        if _TIME.fullmatch(name) and isinstance(value, int) and not isinstance(value, bool):
            return from_micros(value)
        return value


@dataclass(frozen=True, slots=True)
class Signed:
    """Columns of a table that say who did something to what is not theirs: the deed stays, the name goes."""

    table: str
    key: tuple[str, ...]
    columns: tuple[str, ...]


class Signatures:
    """A `Holding` of names in others' data. Whoever's they are is exported with the audit log."""

    kind = "signature"

    def __init__(self, signed: Sequence[Signed], database: Database, *, batch: int = _BATCH) -> None:
        self._database = database
        self._queries = [parse(f"personal_{one.table}", _unsign(one, batch), database.dialect) for one in signed]

    @property
    def tables(self) -> frozenset[str]:
        return frozenset()  # each is somebody's already

    async def export(self, of: Subject) -> AsyncIterator[Piece]:
        for _ in ():
            yield _

    async def erase(self, of: Subject) -> Batch:
        if of.user is None:
            return Batch()
        given = {"tenant": of.tenant, "name": f"user:{of.user}", "nobody": NOBODY}
        return Batch(sum([len(await self._database.write(query, **given)) for query in self._queries]))


def done_by(column: str) -> str:
    """In SQL: the user did it, by themselves or with a key of theirs."""
    theirs = "SELECT 'key:' || k.name FROM api_keys k WHERE k.tenant = :tenant AND k.owner = :user"
    return f"{column} = 'user:' || :user OR {column} IN ({theirs})"


def _unsign(signed: Signed, batch: int) -> str:
    keys = ", ".join(("tenant", *signed.key))
    named = " OR ".join(f"{column} = :name" for column in signed.columns)
    changes = ", ".join(f"{one} = CASE WHEN {one} = :name THEN :nobody ELSE {one} END" for one in signed.columns)
    chosen = f"SELECT {keys} FROM {signed.table} WHERE tenant = :tenant AND ({named}) LIMIT {batch}"
    return f"UPDATE {signed.table} SET {changes} WHERE ({keys}) IN ({chosen}) RETURNING tenant"


async def _loaded(text: str) -> Any:
    return orjson.loads(text)


async def pieces_of(blobs: Blobs, reference: str) -> AsyncIterator[Piece]:
    """The bytes of a blob, some at a time: `part` of `parts`, in base64. None when it is gone."""
    try:
        data = await blobs.get(reference)
    except (NotFound, Damaged):
        return
    parts = max(1, -(-len(data) // _PIECE))
    for part in range(parts):
        text = b64encode(data[part * _PIECE : (part + 1) * _PIECE]).decode()
        yield Piece("content", {"reference": reference, "part": part + 1, "parts": parts, "base64": text})
