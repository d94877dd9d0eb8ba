"""Runs as A2A lists them: by the state of a task, by its context, by when that was last changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fairlead.clock import to_micros
from fairlead.database import Database, Query
from fairlead.runs.payload import Payloads
from fairlead.runs.rows import run_of
from fairlead.runs.run import Run, Status

MOST_COUNTED = 10_000
# Of runs in a state; an index knows them, and no state of A2A.
_STATUSES = {
    "TASK_STATE_SUBMITTED": (Status.PENDING, Status.PENDING),
    "TASK_STATE_WORKING": (Status.PENDING, Status.RUNNING),
    "TASK_STATE_COMPLETED": (Status.SUCCESS, Status.SUCCESS),
    "TASK_STATE_FAILED": (Status.ERROR, Status.TIMEOUT),
    "TASK_STATE_CANCELED": (Status.INTERRUPTED, Status.INTERRUPTED),
    "TASK_STATE_INPUT_REQUIRED": (Status.INTERRUPTED, Status.INTERRUPTED),
}


@dataclass(frozen=True, slots=True)
class WantedTasks:
    """None: any. `state` is in A2A's words; `since`: the status is from after that."""

    agent: str
    context_id: str | None = None
    state: str | None = None
    since: datetime | None = None


class Tasks:
    def __init__(self, database: Database, queries: Mapping[str, Query], payloads: Payloads) -> None:
        self._database = database
        self._queries = queries
        self._payloads = payloads

    async def list(self, wanted: WantedTasks, *, tenant: str, before: str | None = None, limit: int) -> list[Run]:
        """Newest first."""
        rows = await self._database.read(
            self._queries["tasks"], tenant=tenant, before=before, limit=limit, **_parameters(wanted)
        )
        load = self._payloads.load
        return [run_of(row, input=await load(row["input"]), output=await load(row["output"])) for row in rows]

    async def count(self, wanted: WantedTasks, *, tenant: str) -> int:
        """On all pages, up to `MOST_COUNTED`."""
        query = self._queries["count_tasks"]
        rows = await self._database.read(query, tenant=tenant, most=MOST_COUNTED, **_parameters(wanted))
        return rows[0]["count"]


def _parameters(wanted: WantedTasks) -> dict[str, Any]:
    status, other = _STATUSES[wanted.state] if wanted.state else (None, None)
    return {
        "agent": wanted.agent, "context_id": wanted.context_id, "state": wanted.state, "status": status,
        "other_status": other,
        "since": None if wanted.since is None else to_micros(wanted.since),
    }  # fmt: skip
