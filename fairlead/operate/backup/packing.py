"""Files on their way into a backup and out of it: compressed, digested, synced; and what disks say, in our words."""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import secrets
import shutil
import zlib
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from fairlead.errors import BackupFailed, Damaged
from fairlead.operate.backup.manifest import File

_LEVEL = 3  # of gzip: half the time of its default, for a tenth more space
_CHUNK = 1024**2


def pack(source: Path, target: Path) -> None:
    with source.open("rb") as plain, gzip.open(target, "wb", compresslevel=_LEVEL) as packed:
        shutil.copyfileobj(plain, packed, _CHUNK)
    sync(target)


def pack_bytes(data: bytes, target: Path) -> int:
    """Whole or absent, and on the disk; answers how many bytes it has there."""
    packed = gzip.compress(data, compresslevel=_LEVEL, mtime=0)
    write_whole(target, packed)
    return len(packed)


def unpack(packed: Path, target: Path) -> None:
    """Raises `Damaged`."""
    with _whole(packed), gzip.open(packed, "rb") as file, target.open("wb") as plain:
        shutil.copyfileobj(file, plain, _CHUNK)
        plain.flush()
        os.fsync(plain.fileno())


def unpack_bytes(packed: Path) -> bytes:
    """Raises `Damaged`."""
    with _whole(packed):
        return gzip.decompress(packed.read_bytes())


def describe(path: Path) -> File:
    with path.open("rb") as file:
        return File(path.name, path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def check(folder: Path, file: File) -> None:
    """Raises `Damaged` when it is not what was written."""
    path = folder / file.name
    try:
        found = describe(path)
    except FileNotFoundError:
        raise Damaged(f"{path} is missing.") from None
    if found.size != file.size:
        raise Damaged(f"{path} has {found.size} bytes, not {file.size}: it is cut or was changed.")
    if found.sha256 != file.sha256:
        raise Damaged(f"{path} is not what was written: its digest is of something else.")


def write_whole(path: Path, data: bytes) -> None:
    """Written aside, synced and renamed."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.rename(path)
    except OSError:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise
    sync(path.parent)


def sync(path: Path) -> None:
    """A file's bytes, or a folder's names, are on the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@contextmanager
def disk(folder: Path) -> Generator[None]:
    """What the disk refuses is `BackupFailed`, with what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise full(folder) from error
        raise BackupFailed(f"{error.filename or folder} can't be used: {error.strerror or error}.",
                           hint="Check the folder and its rights.") from error  # fmt: skip


def full(folder: Path) -> BackupFailed:
    return BackupFailed(f"The disk of {folder} is full.",
                        hint="Free space, have BACKUP_DIR on a larger disk, or: fairlead backup prune.")  # fmt: skip


@contextmanager
def _whole(packed: Path) -> Generator[None]:
    try:
        yield
    except FileNotFoundError as error:
        if error.filename != str(packed):
            raise
        raise Damaged(f"{packed} is missing.") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise Damaged(f"{packed} can't be unpacked: {error}.") from error
