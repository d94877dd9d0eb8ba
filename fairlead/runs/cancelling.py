"""Stopping runs from outside, and removing what nobody wants kept.

cancel ──► waits: it has ended now              ──► rolled back? removed
       └─► runs: its worker is told, and ends it ──► rolled back? removed by its worker, else by retention
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.database import Blobs, Call, Database, Query, Row
from fairlead.runs.announcer import Announcer
from fairlead.runs.run import Discard, Status
from fairlead.runs.turns import Turns
from fairlead.telemetry.emit import Emit


class Cancelling:
    def __init__(
        self, database: Database, queries: Mapping[str, Query], blobs: Blobs, *, turns: Turns, announcer: Announcer,
        emit: Emit,
    ) -> None:  # fmt: skip
        self._database = database
        self._queries = queries
        self._blobs = blobs
        self._turns = turns
        self._announcer = announcer
        self._emit = emit

    async def run(self, tenant: str, run_id: str, *, by: str, rollback: bool = False) -> None:
        """The run and everything it started. One that has ended stays as it is."""
        call = self.call(tenant, by=by, rollback=rollback, run_id=run_id)
        rows = await self._database.write(call.query, **call.parameters)
        await self.stopped(tenant, rows, by=by)

    def call(
        self, tenant: str, *, by: str, rollback: bool, run_id: str | None = None, thread_id: str | None = None,
        beside: str | None = None,
    ) -> Call:  # fmt: skip
        """A run by its id; or whoever is under way in a thread, except the new run that comes in their place."""
        return Call(self._queries["cancel"], {
            "tenant": tenant, "id": run_id, "thread_id": thread_id, "beside": beside, "actor": by,
            "discard": Discard.ROLLBACK.value if rollback else None,
        })  # fmt: skip

    async def stopped(self, tenant: str, rows: Sequence[Row], *, by: str) -> None:
        """After the commit: tell workers and watchers, free threads, and remove what was rolled back."""
        signals = self._database.signals
        for row in rows:
            signals.publish("cancel", row["id"])
            signals.publish(f"run:{row['id']}")
            self._announcer.changed(row["id"])
            waited = row["status"] != Status.RUNNING
            if row["thread_id"] and waited:
                await self._turns.free(tenant, row["thread_id"], row["id"])
            self._emit("run_cancelled", run_id=row["id"], tenant=tenant, by=by)
            if waited and row["discard"] == Discard.ROLLBACK:
                await self.remove(tenant, row["id"], only=Discard.ROLLBACK)

    async def remove(self, tenant: str, run_id: str, *, only: Discard | None = None) -> bool:
        """A run that has ended, and all that is known of it; with `only` when it is to be discarded like that."""
        wanted: dict[str, Any] = {"tenant": tenant, "id": run_id, "only": only.value if only else None}
        if not await self._database.write(self._queries["remove"], **wanted):
            return False
        await self._blobs.delete_scope(run_id)
        self._database.signals.publish(f"run:{run_id}")
        self._announcer.changed(run_id)
        return True
