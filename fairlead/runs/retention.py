"""Old runs go, in batches: first their contents beyond the last checkpoints, then all of them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta

from fairlead.clock import Clock, to_micros
from fairlead.config import EngineSettings
from fairlead.database import Blobs, Database, Query
from fairlead.errors import NotFound
from fairlead.store import Files
from fairlead.telemetry.emit import Emit

_AT_ONCE = timedelta(milliseconds=50)
_TIME_TO_READ = timedelta(minutes=1)  # what came of a run that is not kept
_SUBMITTED_BY = timedelta(hours=1)  # by then a run that uses a file is in its table, or will never be
_FORGET_WORKERS = timedelta(days=1)


class Retention:
    """A role. Several workers may do it at once: each takes rows that nobody else has locked."""

    def __init__(
        self, database: Database, queries: Mapping[str, Query], blobs: Blobs, *, files: Files,
        settings: EngineSettings, clock: Clock, emit: Emit,
    ) -> None:  # fmt: skip
        self._database = database
        self._queries = queries
        self._blobs = blobs
        self._files = files
        self._settings = settings
        self._clock = clock
        self._emit = emit

    async def once(self) -> timedelta | None:
        """One batch of each; at once again while there is more."""
        settings, started = self._settings, self._clock.monotonic()
        batch = settings.retention_batch
        pruned = await self._database.write(
            self._queries["prune"], before=self._before(settings.checkpoint_retention), keep=settings.keep_checkpoints,
            batch=batch,
        )  # fmt: skip
        deleted = await self._database.write(
            self._queries["delete"],
            before=self._before(settings.run_retention),
            batch=batch,
            read_by=self._before(_TIME_TO_READ),
        )
        for row in deleted:
            await self._blobs.delete_scope(row["id"])
        expired = await self._expire_files(batch)
        await self._database.write(self._queries["forget_workers"], before=self._before(_FORGET_WORKERS))
        if pruned or deleted:
            took = timedelta(seconds=self._clock.monotonic() - started)
            self._emit("retention_swept", runs=len(deleted), checkpoints=len(pruned), took=took)
        more = max(len(pruned), len(deleted), expired) >= batch
        return _AT_ONCE if more else None

    async def _expire_files(self, batch: int) -> int:
        """Files past their time that no run needs which has not ended."""
        now = self._clock.micros()
        rows = await self._database.read(
            self._queries["expired_files"], now=now, fresh=self._before(_SUBMITTED_BY), batch=batch
        )
        for row in rows:
            with suppress(NotFound):  # another worker has been quicker
                await self._files.delete(row["id"], tenant=row["tenant"])
        if rows:
            self._emit("files_swept", files=len(rows))
        return len(rows)

    def _before(self, age: timedelta) -> int:
        return to_micros(self._clock.now() - age)
