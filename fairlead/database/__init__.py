"""SQLite and PostgreSQL behind one door, blobs, signals and presence; it knows no domain word.

Main path: a part loads its named `.sql` files (`sql.load`), hands statements to `Database.read`
or `Database.write`, and tells others with `Database.signals.publish` once they are durable.
May import: config, errors, clock. `Sqlite` and `Postgres` are looked up when first used: a process has one of them,
and the library of the other is megabytes.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from fairlead.database.blobs import Blobs, FolderBlobs
from fairlead.database.door import Call, Database, Presence, Row, Rows
from fairlead.database.gather import Gather
from fairlead.database.migrate import Migrations, migrate
from fairlead.database.signals import Signals
from fairlead.database.sql import Queries, Query
from fairlead.database.timed import Timed

if TYPE_CHECKING:
    from fairlead.database.postgres import Postgres as Postgres
    from fairlead.database.sqlite import Sqlite as Sqlite

_LATE = {"Postgres": "fairlead.database.postgres", "Sqlite": "fairlead.database.sqlite"}
__all__ = [
    "Blobs",
    "Call",
    "Database",
    "FolderBlobs",
    "Gather",
    "Migrations",
    "Postgres",
    "Presence",
    "Queries",
    "Query",
    "Row",
    "Rows",
    "Signals",
    "Sqlite",
    "Timed",
    "migrate",
]


def __getattr__(name: str) -> object:
    if name not in _LATE:
        raise AttributeError(f"module 'fairlead.database' has no attribute {name!r}")
    return getattr(import_module(_LATE[name]), name)
