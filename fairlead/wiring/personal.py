"""All that is held of people, in the order in which it is erased."""

from __future__ import annotations

from collections.abc import Mapping

from fairlead.access import Books
from fairlead.access import held as access
from fairlead.access.personal import HeldRows, Holding, Signatures
from fairlead.clock import Clock
from fairlead.database import Database, Query
from fairlead.gateway import held as gateway
from fairlead.gateway.schema import load_queries as gateway_queries
from fairlead.operate.levels import held as levels
from fairlead.runs import held as runs
from fairlead.runs.control import Control
from fairlead.runs.payload import Payloads
from fairlead.runs.threads import Threads
from fairlead.ship import held as ship
from fairlead.store import Stores
from fairlead.store import held as store
from fairlead.store import load_queries as store_queries

EXEMPT = {
    **access.EXEMPT, **gateway.EXEMPT, **store.EXEMPT, **runs.EXEMPT, **ship.EXEMPT, **levels.EXEMPT,
    "schema_migrations": "which migrations were applied",
}  # fmt: skip


def holdings(
    database: Database, queries: Mapping[str, Query], payloads: Payloads, *, books: Books, control: Control,
    threads: Threads, stores: Stores, clock: Clock,
) -> list[Holding]:  # fmt: skip
    dialect = database.dialect
    return [
        # What would bring more goes first.
        runs.schedules(database, payloads),
        access.HeldUsers(database, books),
        runs.HeldRuns(database, queries, payloads, control=control),
        runs.HeldThreads(database, queries, payloads, threads=threads, conversations=stores.conversations),
        *runs.others(database, payloads),
        *store.holdings(
            database, store_queries(dialect), payloads.blobs, files=stores.files, knowledge=stores.knowledge
        ),
        *gateway.holdings(database, gateway_queries(dialect)),
        *ship.holdings(database),
        Signatures((*access.SIGNED, *gateway.SIGNED, *store.SIGNED, *runs.SIGNED, *ship.SIGNED), database),
        HeldRows(access.AUDIT, database),
        # What the others are found by goes last.
        access.HeldKeys(database, clock=clock),
    ]
