"""The role that counts runs after they have ended: at the end of a run nothing is done for it.

           behind_at ◄── what is old, when there was no counting yet          ahead_at ──► what ends
    ───────────┴─────────────────────── counted ─────────────────────────────────┴───────────── read from `runs`

Each batch is put together with the mark that it is counted, if the mark is where it was: whoever comes second, or
again, puts nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from fairlead.clock import Clock, to_micros
from fairlead.database import Database, Query
from fairlead.runs.figures import DAY, FINE, HOUR, KEPT_FINE, MICROS, Ended, Used, fold
from fairlead.telemetry.emit import Emit

_AT_ONCE = timedelta(milliseconds=50)
EVERY = timedelta(seconds=10)
_SETTLED = timedelta(seconds=30)  # a transaction that ends a run takes less
_BATCH = 2000
_ALL = 10**9


class _Marks(NamedTuple):
    """What is counted ended after `behind` and until `ahead`; 0: there is nothing behind."""

    ahead: int
    behind: int


class FigureFolding:
    """A role. Several processes may do it at once."""

    def __init__(
        self, database: Database, queries: Mapping[str, Query], *, keep: timedelta, clock: Clock, emit: Emit,
        settled: timedelta = _SETTLED, batch: int = _BATCH,
    ) -> None:  # fmt: skip
        self._database = database
        self._queries = queries
        self._keep = keep
        self._clock = clock
        self._emit = emit
        self._settled = settled // timedelta(microseconds=1)
        self._batch = batch

    async def once(self) -> timedelta | None:
        """A batch in both directions; at once again while there is more."""
        marks = await self._marks()
        if marks is None:
            await self._database.write(self._queries["start_folds"], settled=self._settled)
            return _AT_ONCE
        if await self._count_ahead(marks) >= self._batch:
            return _AT_ONCE
        marks = await self._marks()
        return _AT_ONCE if marks is not None and marks.behind and await self._count_behind(marks) else None

    async def sweep(self) -> timedelta | None:
        """A role: what is older than kept goes. In batches."""
        now = self._clock.now()
        oldest = to_micros(now - self._keep) // MICROS
        deleted = [
            await self._forget(FINE, to_micros(now) // MICROS - KEPT_FINE),
            await self._forget(HOUR, oldest),
            await self._forget(DAY, oldest // DAY * DAY),
        ]
        return _AT_ONCE if max(deleted) >= _BATCH else None

    async def _forget(self, grain: int, before: int) -> int:
        (row,) = await self._database.write(self._queries["forget_figures"], grain=grain, before=before, batch=_BATCH)
        return row["deleted"]

    async def _marks(self) -> _Marks | None:
        rows = await self._database.read(self._queries["folds"])
        return _Marks(rows[0]["ahead_at"], rows[0]["behind_at"]) if rows else None

    async def _count_ahead(self, marks: _Marks) -> int:
        given: dict[str, Any] = {"after": marks.ahead, "settled": self._settled, "batch": self._batch}
        (found,) = await self._database.read(self._queries["fold_ahead"], **given)
        if found["bound"] is None:
            return 0
        return await self._put(marks.ahead, found["bound"], marks, _Marks(found["bound"], marks.behind))

    async def _count_behind(self, marks: _Marks) -> int:
        """What ended before there was any counting, the latest first."""
        given: dict[str, Any] = {
            "until": marks.behind,
            "oldest": to_micros(self._clock.now() - self._keep),
            "batch": self._batch,
        }
        (found,) = await self._database.read(self._queries["fold_behind"], **given)
        if found["bound"] is None:
            return await self._put(0, 0, marks, _Marks(marks.ahead, 0))
        after = found["bound"] - 1
        return await self._put(after, marks.behind, marks, _Marks(marks.ahead, after))

    async def _put(self, after: int, until: int, marks: _Marks, moved: _Marks) -> int:
        """Answers how many runs were counted."""
        started = self._clock.monotonic()
        ended = await self._database.read(self._queries["ended_runs"], after=after, until=until, most=_ALL)
        used = await self._database.read(self._queries["ended_tools"], after=after, until=until)
        figures = fold(
            [Ended(*(row[name] for name in Ended._fields)) for row in ended],
            [Used(*(row[name] for name in Used._fields)) for row in used],
            fine_from=self._clock.micros() // MICROS - KEPT_FINE,
        )
        put = await self._database.write(
            self._queries["put_figures"], figures, ahead=marks.ahead, behind=marks.behind, new_ahead=moved.ahead,
            new_behind=moved.behind,
        )  # fmt: skip
        if not put:
            return 0
        if ended:
            took = timedelta(seconds=self._clock.monotonic() - started)
            self._emit("runs_counted", runs=len(ended), took=took)
        return len(ended)
