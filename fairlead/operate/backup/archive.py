"""The folder of backups: one folder each.

BACKUP_DIR/
  backup_20261127T020000_314159/
    database.sqlite.gz | database.dump
    blobs/3f/3f9a….gz · blobs.jsonl.gz
    manifest.json          written last, whole or absent: without it, it is half a backup and never offered
    verification.json      once it was restored into scratch
  .scratch-…/              where it is, for as long as that takes
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from fairlead.database.file_lock import FileLock
from fairlead.errors import Conflict, Damaged, FairleadError, NotFound
from fairlead.operate.backup.manifest import (
    Manifest,
    Verification,
    digest_of,
    parse_manifest,
    parse_verification,
    write_manifest,
    write_verification,
)
from fairlead.operate.backup.packing import disk, sync, write_whole

_ID = re.compile(r"backup_\d{8}T\d{6}_\d{6}")  # to the microsecond: they sort by when they were made
_MANIFEST, _VERIFICATION, _LOCK, _SCRATCH = "manifest.json", "verification.json", ".lock", ".scratch-"


class State(StrEnum):
    VERIFIED = "verified"
    UNVERIFIED = "unverified"  # whole, and nobody has tried to restore it
    DAMAGED = "damaged"
    HALF = "half"  # whoever made it died
    BEING_MADE = "being_made"


@dataclass(frozen=True, slots=True)
class Entry:
    """`said`: what is wrong with it, or what was found when it was verified."""

    id: str
    state: State
    manifest: Manifest | None = None
    verification: Verification | None = None
    said: str = ""


class Archive:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def making(self, now: datetime) -> Generator[tuple[str, Path]]:
        """A new backup's id and folder; when it comes to nothing, nothing is left. Raises `BackupFailed`."""
        id = f"backup_{now:%Y%m%dT%H%M%S_%f}"
        folder = self.folder / id
        with disk(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # everybody's data is in it
            folder.mkdir(mode=0o700)
        lock = FileLock(folder / _LOCK)
        try:
            with disk(self.folder):
                lock.take("")
                yield id, folder
                if not (folder / _MANIFEST).exists():
                    raise AssertionError(f"{id} was left without a manifest")
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            lock.release()

    def finish(self, manifest: Manifest) -> None:
        write_whole(self.folder / manifest.id / _MANIFEST, write_manifest(manifest))
        sync(self.folder)

    def note(self, id: str, verification: Verification) -> None:
        with disk(self.folder):
            write_whole(self.folder / id / _VERIFICATION, write_verification(verification))

    def list(self) -> list[Entry]:
        """Newest first; also what is no whole backup, and says so."""
        with disk(self.folder):
            if not self.folder.is_dir():
                return []
            ids = [path.name for path in self.folder.iterdir() if _ID.fullmatch(path.name)]
            return [self._entry(id) for id in sorted(ids, reverse=True)]

    def find(self, id: str) -> Entry:
        """`latest`: the newest verified one. Raises `NotFound`."""
        if id == "latest":
            good = [one for one in self.list() if one.state is State.VERIFIED]
            if not good:
                raise NotFound(f"There is no verified backup in {self.folder}.", hint="See `fairlead backup list`.")
            return good[0]
        if not _ID.fullmatch(id) or not (self.folder / id).is_dir():
            raise NotFound(f"There is no backup {id} in {self.folder}.", hint="See `fairlead backup list`.")
        return self._entry(id)

    def whole(self, id: str) -> tuple[Manifest, Path]:
        """One that may be restored. Raises `NotFound`, `Conflict` for half a one, `Damaged`."""
        entry = self.find(id)
        if entry.manifest is None:
            if entry.state is State.DAMAGED:
                raise Damaged(entry.said, hint="Use another one: fairlead backup list.")
            raise Conflict(f"{entry.id} is no whole backup: {entry.said}.",
                           hint="Use another one: fairlead backup list.")  # fmt: skip
        return entry.manifest, self.folder / entry.id

    def before(self, id: str) -> Path | None:
        """The folder of the newest whole one that is older: what is equal in it need not be copied again."""
        older = [one for one in self.list() if one.id < id and one.state in (State.VERIFIED, State.UNVERIFIED)]
        return self.folder / older[0].id if older else None

    @contextmanager
    def scratch(self) -> Generator[Path]:
        """A folder that is gone afterwards."""
        with disk(self.folder), tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=self.folder) as made:
            lock = FileLock(Path(made) / _LOCK)
            lock.take("")
            try:
                yield Path(made)
            finally:
                lock.release()

    def remove(self, name: str) -> None:
        """A backup, or what is forsaken.

        The manifest goes first: what dies in the middle of this leaves half a backup, not one that lies."""
        folder = self.folder / name
        with disk(self.folder):
            (folder / _MANIFEST).unlink(missing_ok=True)
            shutil.rmtree(folder)

    def forsaken(self) -> Sequence[str]:
        """Names of folders whose makers died: halves of backups, and scratch."""
        halves = [one.id for one in self.list() if one.state is State.HALF]
        scratch = [path.name for path in self.folder.glob(f"{_SCRATCH}*") if not _is_held(path / _LOCK)]
        return halves + sorted(scratch)

    def _entry(self, id: str) -> Entry:
        folder = self.folder / id
        try:
            data = (folder / _MANIFEST).read_bytes()
        except FileNotFoundError:
            if _is_held(folder / _LOCK):
                return Entry(id, State.BEING_MADE, said="it is being made")
            return Entry(id, State.HALF, said="whoever made it died before it was whole")
        try:
            manifest = parse_manifest(data, named=str(folder / _MANIFEST))
            if manifest.id != id:
                raise Damaged(f"{folder} holds the manifest of {manifest.id}.")
        except FairleadError as error:
            return Entry(id, State.DAMAGED, said=error.message)
        return self._judged(manifest)

    def _judged(self, manifest: Manifest) -> Entry:
        path = self.folder / manifest.id / _VERIFICATION
        if not path.exists():
            return Entry(manifest.id, State.UNVERIFIED, manifest)
        try:
            verification = parse_verification(path.read_bytes(), named=str(path))
        except Damaged as error:
            return Entry(manifest.id, State.UNVERIFIED, manifest, said=error.message)
        if verification.of != digest_of(manifest):
            return Entry(manifest.id, State.UNVERIFIED, manifest, said=f"{path} is of another manifest")
        state = State.VERIFIED if verification.passed else State.DAMAGED
        return Entry(manifest.id, state, manifest, verification, verification.said)


def _is_held(path: Path) -> bool:
    if not path.exists():
        return False
    lock = FileLock(path)
    if not lock.take(""):
        return True
    lock.release()
    return False
