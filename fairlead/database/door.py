"""The door to a database: five methods, and one conformance suite for all who go through it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from fairlead.database.signals import Signals
from fairlead.database.sql import Query

Rows = Sequence[Sequence[Any]]


class Row(Protocol):
    """A row of an answer: `row["column"]` or `row[0]`."""

    def __getitem__(self, key: Any, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class Call:
    """A statement with what it needs, for `write_all`."""

    query: Query
    parameters: dict[str, Any] = field(default_factory=dict[str, Any])
    rows: Rows = ()


class Presence(Protocol):
    """Who is alive, known to the moment where locks fall with their holder."""

    async def hold(self, name: str) -> None:
        """Hold `name` until `release` or until this process (or its connection) dies."""
        ...

    async def holding(self, name: str) -> bool:
        """Whether we hold it still; tries to take it again when the connection fell."""
        ...

    async def release(self, name: str) -> None: ...

    async def fallen(self, names: Sequence[str]) -> list[str]:
        """Those nobody holds any more. Never names that might be held."""
        ...


class Database(Protocol):
    """Statements in, rows out. Raises `DatabaseUnavailable` when the database can't be asked."""

    @property
    def dialect(self) -> str:
        """Which folder of `.sql` files speaks its language."""
        ...

    @property
    def signals(self) -> Signals: ...

    @property
    def presence(self) -> Presence: ...

    async def read(self, query: Query, /, rows: Rows = (), **parameters: Any) -> Sequence[Row]: ...

    async def write(self, query: Query, /, rows: Rows = (), **parameters: Any) -> Sequence[Row]:
        """One transaction, durable on return. May be tried again when the connection falls, so it must be
        safe to repeat."""
        ...

    async def write_all(self, calls: Sequence[Call]) -> list[Sequence[Row]]:
        """Several statements in one transaction; each sees what was committed before *it* began."""
        ...

    async def script(self, text: str) -> None:
        """Run a script of several statements in one transaction (migrations)."""
        ...

    async def close(self) -> None: ...
