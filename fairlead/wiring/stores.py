"""What outlives runs and threads, put together from the settings."""

from __future__ import annotations

from fairlead.clock import Clock
from fairlead.config import Settings
from fairlead.database import Database
from fairlead.store import Items, Stores, load_queries
from fairlead.telemetry.emit import Emit


def open_stores(settings: Settings, database: Database, *, clock: Clock, emit: Emit) -> Stores:
    queries = load_queries(database.dialect)
    return Stores(items=Items(database, queries, settings.store, clock=clock, emit=emit))
