"""Old usage goes, in batches: the rows of single tries first, what the cost report reads much later."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from fairlead.clock import Clock, to_micros
from fairlead.database import Database, Query
from fairlead.gateway.costs import hour_of
from fairlead.telemetry.emit import Emit

_AT_ONCE = timedelta(milliseconds=50)
_BATCH = 5000


class UsageRetention:
    """A role. Several processes may do it at once: each takes rows that nobody else has locked."""

    def __init__(
        self, database: Database, queries: Mapping[str, Query], *, rows_for: timedelta, sums_for: timedelta,
        clock: Clock, emit: Emit, batch: int = _BATCH,
    ) -> None:  # fmt: skip
        self._database = database
        self._queries = queries
        self._rows_for = rows_for
        self._sums_for = sums_for
        self._clock = clock
        self._emit = emit
        self._batch = batch

    async def once(self) -> timedelta | None:
        """One batch of each; at once again while there is more."""
        started, now = self._clock.monotonic(), self._clock.now()
        oldest_hour = hour_of(now - self._sums_for)
        deleted = [
            await self._forget("forget_usage", to_micros(now - self._rows_for)),
            await self._forget("forget_usage_hours", oldest_hour),
            await self._forget("forget_usage_runs", oldest_hour),
        ]
        if any(deleted):
            took = timedelta(seconds=self._clock.monotonic() - started)
            self._emit("usage_swept", rows=sum(deleted), took=took)
        return _AT_ONCE if max(deleted) >= self._batch else None

    async def _forget(self, name: str, before: int) -> int:
        (row,) = await self._database.write(self._queries[name], before=before, batch=self._batch)
        return row["deleted"]
