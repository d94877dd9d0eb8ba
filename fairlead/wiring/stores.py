"""What outlives runs and threads, put together from the settings."""

from __future__ import annotations

from collections.abc import Callable

from fairlead.clock import Clock
from fairlead.config import Settings
from fairlead.database import Blobs, Database
from fairlead.store import Files, Items, Knowledge, Stores, load_queries
from fairlead.telemetry.emit import Emit


def open_stores(
    settings: Settings, database: Database, blobs: Blobs, *, new_id: Callable[[], str], clock: Clock, emit: Emit
) -> Stores:
    queries = load_queries(database.dialect)
    return Stores(
        items=Items(database, queries, settings.store, clock=clock, emit=emit),
        knowledge=Knowledge(database, queries, clock=clock, emit=emit),
        files=Files(database, queries, blobs, settings.store, new_id=new_id, clock=clock),
    )
