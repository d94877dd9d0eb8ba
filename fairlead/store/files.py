"""Files that callers upload for runs to read: the bytes are a blob, what is known of them a row.

    upload ──► blob, then row ──► used by runs ──► expired, and needed by no run that has not ended ──► gone

An upload that is cut short leaves no file: the row is written when the bytes are kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import BinaryIO

from fairlead.clock import Clock, from_micros, to_micros
from fairlead.config import StoreSettings
from fairlead.database import Blobs, Database, Query, Row
from fairlead.errors import InvalidInput, NotFound

_NAME = re.compile(r"[^\x00-\x1f\x7f/\\]{1,255}")
_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,100}")


@dataclass(frozen=True, slots=True)
class File:
    id: str
    name: str
    media_type: str
    size: int
    digest: str  # SHA-256
    blob: str
    user: str | None
    created_by: str
    created_at: datetime
    expires_at: datetime


class Files:
    """The door to files."""

    def __init__(
        self, database: Database, queries: Mapping[str, Query], blobs: Blobs, settings: StoreSettings, *,
        new_id: Callable[[], str], clock: Clock,
    ) -> None:  # fmt: skip
        self._database = database
        self._queries = queries
        self._blobs = blobs
        self._settings = settings
        self._new_id = new_id
        self._clock = clock

    @property
    def limit(self) -> int:
        """Bytes that a file may have."""
        return self._settings.file_limit

    async def add(
        self, file: BinaryIO, *, name: str, media_type: str, size: int, tenant: str, by: str,
        user: str | None = None, keep: timedelta | None = None,
    ) -> File:  # fmt: skip
        """Raises `InvalidInput` for a name or media type that is none."""
        if not _NAME.fullmatch(name) or not _MEDIA_TYPE.fullmatch(media_type):
            raise InvalidInput(f"A file can't be called {name[:100]!a} and be {media_type[:100]!a}.")
        id = self._new_id()
        blob = await self._blobs.put_file(scope_of(tenant, id), file)
        now = self._clock.now()
        await self._database.write(
            self._queries["add_file"], tenant=tenant, id=id, name=name, media_type=media_type, size=size, blob=blob,
            user_id=user, actor=by, now=to_micros(now),
            expires_at=to_micros(now + min(keep or self._settings.file_ttl, self._settings.file_ttl)),
        )  # fmt: skip
        return await self.get(id, tenant=tenant)

    async def get(self, id: str, *, tenant: str) -> File:
        """Raises `NotFound`. One past its time is there until it is collected: a run may need it."""
        rows = await self._database.read(self._queries["file"], tenant=tenant, id=id)
        if not rows:
            raise NotFound(f"There is no file {id}.", hint="It may have expired: upload it again.")
        return _file(rows[0])

    async def list(
        self, *, tenant: str, user: str | None = None, before: str | None = None, limit: int = 100
    ) -> list[File]:
        """Newest first."""
        rows = await self._database.read(
            self._queries["files"], tenant=tenant, user_id=user, before=before, limit=limit
        )
        return [_file(row) for row in rows]

    async def read(self, id: str, *, tenant: str) -> tuple[File, bytes]:
        """Raises `NotFound`, `Damaged`, `DatabaseUnavailable`."""
        file = await self.get(id, tenant=tenant)
        return file, await self._blobs.get(file.blob)

    async def delete(self, id: str, *, tenant: str) -> None:
        """Whoever needs it. Raises `NotFound`."""
        if not await self._database.write(self._queries["delete_file"], tenant=tenant, id=id):
            raise NotFound(f"There is no file {id}.")
        await self._blobs.delete_scope(scope_of(tenant, id))

    async def use(self, ids: Sequence[str], run_id: str, *, tenant: str) -> None:
        """The run needs them until it has ended. Raises `InvalidInput` when one is not there."""
        rows = await self._database.write(
            self._queries["use_files"], [(id,) for id in ids], tenant=tenant, run_id=run_id, now=self._clock.micros()
        )
        if missing := set(ids) - {row["file_id"] for row in rows}:
            raise InvalidInput(f"There is no file {min(missing)[:100]}.", hint="Upload it first: POST /files.")


def media_type_of(header: str | None) -> str:
    """What a `Content-Type` says, without its parameters."""
    return (header or "").partition(";")[0].strip().lower() or "application/octet-stream"


def scope_of(tenant: str, id: str) -> str:
    return f"file {tenant} {id}"


def _file(row: Row) -> File:
    return File(
        id=row["id"],
        name=row["name"],
        media_type=row["media_type"],
        size=row["size"],
        digest=row["blob"].rpartition("/")[2],
        blob=row["blob"],
        user=row["user_id"],
        created_by=row["created_by"],
        created_at=from_micros(row["created_at"]),
        expires_at=from_micros(row["expires_at"]),
    )
