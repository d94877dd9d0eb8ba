"""A backup, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import fairlead
from fairlead.operate.backup.blobs import INDEX, copy_blobs
from fairlead.operate.backup.manifest import Manifest
from fairlead.operate.backup.packing import describe
from fairlead.operate.backup.subject import Subject, Tell, quiet
from fairlead.operate.backup.verify import verify

_SAMPLE = 200  # blobs unpacked and digested of those just written; `verify` on its own looks at all


async def take(subject: Subject, *, why: str = "", check: bool = True, tell: Tell = quiet) -> Manifest:
    """Back up beside running writers, and restore it into scratch to see that it is good.

    Raises `BackupFailed` (such as a full disk; nothing is left of it), `Damaged` (the database, or what could be
    restored of the backup, which then is marked so), `DatabaseUnavailable`, `ConfigurationError`.
    """
    with subject.archive.making(subject.clock.now()) as (id, folder):
        manifest = await _copy(subject, id, folder, why=why, tell=tell)
        subject.archive.finish(manifest)
    if check:
        await verify(subject, id, sample=_SAMPLE, tell=tell)
    return manifest


async def _copy(subject: Subject, id: str, folder: Path, *, why: str, tell: Tell) -> Manifest:
    made_at = subject.clock.now()
    # The database first. A blob is kept before a row names it, so at the moment of the copy every blob that it names is
    # there. The other way round, rows would come into the copy whose blobs had not been there yet.
    tell("database", f"{subject.database.name} copied")
    snapshot = await subject.database.dump(folder)
    tell("blobs", "large values copied")
    blobs = await copy_blobs(
        subject.blobs, folder, named=snapshot.named, before=subject.archive.before(id), tell=tell
    )  # fmt: skip
    return Manifest(
        id=id, made_at=made_at, environment=subject.environment, why=why, kind=subject.database.kind,
        database=subject.database.name, fairlead=fairlead.__version__, contents=snapshot.contents,
        files=tuple(describe(folder / name) for name in (subject.database.file, INDEX)), blobs=blobs,
    )  # fmt: skip
