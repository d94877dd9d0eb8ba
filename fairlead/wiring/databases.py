"""The database of the settings. Apart from the engine: commands that only look something up need no more."""

from __future__ import annotations

from pathlib import Path

from fairlead import database
from fairlead.clock import Clock
from fairlead.config import DatabaseSettings
from fairlead.config.secrets import Secret
from fairlead.database import Database


async def open_database(
    settings: DatabaseSettings, *, root: Path, clock: Clock, vectors: bool = False, url: Secret | None = None
) -> Database:
    """`url`: the same as that of the settings, where it may be rotated while the database is open."""
    if settings.is_sqlite:
        return await database.Sqlite.open(root / settings.sqlite_path, clock=clock, vectors=vectors)
    return await database.Postgres.open(url or settings.url, clock=clock, connections=settings.pool_size)
