"""A backup is good when it has been restored: into scratch, and found to be what the manifest says."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fairlead.errors import Conflict, Damaged
from fairlead.operate.backup.blobs import INDEX, check_blobs
from fairlead.operate.backup.manifest import Manifest, Verification, differences, digest_of
from fairlead.operate.backup.original import Loaded
from fairlead.operate.backup.packing import check, disk
from fairlead.operate.backup.subject import Subject, Tell, quiet


async def verify(subject: Subject, id: str, *, sample: int | None = None, tell: Tell = quiet) -> Verification:
    """Restore it into scratch and compare; what was found is written beside the manifest.

    `sample`: so many blobs are digested, None: all. Raises `Damaged` when the backup is at fault; anything else
    (`DatabaseUnavailable`, `ConfigurationError`, `BackupFailed`, `NotFound`, `Conflict`) means that it could not be
    tried, and changes nothing of what is known of it.
    """
    manifest, folder = subject.archive.whole(id)
    try:
        said = await _try(subject, manifest, folder, sample=sample, tell=tell)
    except Damaged as error:
        _note(subject, manifest, passed=False, said=error.message)
        raise
    return _note(subject, manifest, passed=True, said=said)


async def check_files(subject: Subject, manifest: Manifest, folder: Path, *, tell: Tell) -> None:
    """Raises `Damaged`, and `Conflict` for a database of another kind."""
    if manifest.kind != subject.database.kind:
        said = f"{manifest.id} is of a {manifest.kind} database, and DATABASE_URL names one of {subject.database.kind}."
        raise Conflict(said, hint="Set DATABASE_URL to a database of that kind.")
    for name in (subject.database.file, INDEX):
        manifest.file(name)
    with disk(folder):
        for file in manifest.files:
            tell("check", f"{file.name}, {file.size / 1024**2:.1f} MB")
            await asyncio.to_thread(check, folder, file)


def compare(manifest: Manifest, loaded: Loaded) -> None:
    """Raises `Damaged`."""
    if said := differences(manifest.contents, loaded.snapshot.contents):
        raise Damaged(f"{manifest.id} does not restore to what was backed up: {'; '.join(said[:5])}.")


async def _try(subject: Subject, manifest: Manifest, folder: Path, *, sample: int | None, tell: Tell) -> str:
    await check_files(subject, manifest, folder, tell=tell)
    tell("verify", "restored into scratch")
    with subject.archive.scratch() as room:
        async with subject.database.loaded(folder, room=room) as loaded:
            compare(manifest, loaded)
    tell("verify_blobs", f"{manifest.blobs.count} large values looked at")
    digested = await asyncio.to_thread(check_blobs, folder, manifest.blobs, sample=sample)
    rows = sum(manifest.contents.tables.values())
    return (f"restored into scratch: {len(manifest.contents.tables)} tables, {rows} rows; "
            f"{digested} of {manifest.blobs.count} large values digested")  # fmt: skip


def _note(subject: Subject, manifest: Manifest, *, passed: bool, said: str) -> Verification:
    verification = Verification(subject.clock.now(), passed, said, digest_of(manifest))
    subject.archive.note(manifest.id, verification)
    return verification
