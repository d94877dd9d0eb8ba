"""The way back. Until the last step, which is all or nothing, what is there stays as it is.

alone: nobody else uses the database
  safety backup of what is there ──► the backup's files are whole ──► loaded beside the original, compared
  ──► missing blobs put back ──► the new one takes the original's name, which is kept under another
"""

from __future__ import annotations

from dataclasses import dataclass

from fairlead.errors import Damaged
from fairlead.operate.backup.blobs import check_blobs, put_back
from fairlead.operate.backup.manifest import Manifest
from fairlead.operate.backup.original import Found
from fairlead.operate.backup.subject import Subject, Tell, quiet
from fairlead.operate.backup.take import take
from fairlead.operate.backup.verify import check_files, compare


@dataclass(frozen=True, slots=True)
class Restored:
    """`safety`: a verified backup of what was there before; None: nothing was there, or it could not be read.
    `kept_as`: the old database, under another name, to be removed by a person. `blobs`: how many were put back."""

    manifest: Manifest
    safety: str | None
    kept_as: str | None
    blobs: int


async def restore(subject: Subject, id: str, *, tell: Tell = quiet) -> Restored:
    """Whoever calls it has asked a person and stopped the writers.

    Raises `DatabaseInUse` while anybody uses the database, `Damaged` when the backup is not whole, `NotFound`,
    `Conflict`, `BackupFailed` (such as a full disk), `DatabaseUnavailable`, `ConfigurationError`. After each of
    these the database is what it was.
    """
    manifest, folder = subject.archive.whole(id)
    async with subject.database.alone() as found:
        tell("check", f"{manifest.id} checked")
        await check_files(subject, manifest, folder, tell=tell)
        check_blobs(folder, manifest.blobs, sample=0)
        safety = await _save(subject, found, why=f"before {manifest.id} was restored", tell=tell)
        tell("load", f"{manifest.id} restored beside {subject.database.name}")
        async with subject.database.loaded(folder) as loaded:
            compare(manifest, loaded)
            # Before the database that names them, so that they are there when it is.
            tell("blobs", "missing large values put back")
            blobs = await put_back(subject.blobs, folder, tell=tell)
            tell("swap", f"it takes the place of {subject.database.name}")
            kept = await subject.database.replace(loaded, aside=_aside(subject))
    return Restored(manifest, safety, kept, blobs)


async def _save(subject: Subject, found: Found, *, why: str, tell: Tell) -> str | None:
    if found is Found.ABSENT:
        return None
    tell("safety", "what is there now is backed up")
    if found is Found.WHOLE:
        try:
            return (await take(subject, why=why, tell=tell)).id
        except Damaged as error:
            tell("safety", error.message)
    # Who restores because the database is damaged must not be kept from it by that.
    tell("safety", f"{subject.database.name} can't be backed up: it is kept as it is")
    return None


def _aside(subject: Subject) -> str:
    return f"{subject.clock.now():_before_%Y%m%dt%H%M%S_%f}"
