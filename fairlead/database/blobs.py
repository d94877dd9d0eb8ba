"""Large values outside the tables: a folder here, an object store in `blobs_s3`, through the same door."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import stat
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import suppress
from datetime import datetime
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from fairlead.errors import Damaged, DatabaseUnavailable, NotFound

_SCOPE = re.compile(r"[A-Za-z0-9-][A-Za-z0-9_-]{0,79}")
_REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,80}/[0-9a-f]{64}")


class Blobs(Protocol):
    """Content-addressed bytes. `put` is durable on return and may be repeated."""

    async def put(self, scope: str, data: bytes) -> str:
        """Keep `data` under `scope` (whose it is); answers its reference. Raises `DatabaseUnavailable`."""
        ...

    async def put_file(self, scope: str, file: BinaryIO) -> str:
        """The same with all that is in a file, which need not fit into memory."""
        ...

    async def get(self, reference: str) -> bytes:
        """Raises `NotFound` when nothing is kept under it, `Damaged` when it is not what was kept, and
        `DatabaseUnavailable`."""
        ...

    async def list_scope(self, scope: str) -> list[str]:
        """References of all that is kept under `scope`. Raises `DatabaseUnavailable`."""
        ...

    def list_all(self) -> AsyncIterator[str]:
        """References of all that is kept, in no order. Raises `DatabaseUnavailable`."""
        ...

    async def put_back(self, reference: str, data: bytes) -> None:
        """Keep once more what was kept under `reference`, from a backup. Raises `Damaged` when it is not that."""
        ...

    async def sweep(self, scope: str, *, keep: Collection[str], before: datetime) -> int:
        """Remove what was put under `scope` before that moment, but for these references; answers how many those were.

        What is put again counts as new: whoever is about to write its reference down need not fear."""
        ...

    async def delete_scope(self, scope: str) -> None:
        """Remove all that was kept under `scope`."""
        ...


class FolderBlobs:
    """Files named by the SHA-256 of their content, written aside, synced and renamed: whole or absent."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count()

    async def put(self, scope: str, data: bytes) -> str:
        return await self.put_file(scope, BytesIO(data))

    async def put_file(self, scope: str, file: BinaryIO) -> str:
        reference = await asyncio.to_thread(reference_of, scope, file)
        await self._keep(reference, file)
        return reference

    async def put_back(self, reference: str, data: bytes) -> None:
        await self._keep(reference, BytesIO(verified(reference, data)))

    async def get(self, reference: str) -> bytes:
        try:
            data = await asyncio.to_thread(self._path(reference).read_bytes)
        except FileNotFoundError:
            raise gone(reference) from None
        except OSError as error:
            said = f"{self._folder} can't be read: {error.strerror or error}."
            raise DatabaseUnavailable(said, hint="Check the folder's rights.") from error
        return verified(reference, data)

    async def list_scope(self, scope: str) -> list[str]:
        return await asyncio.to_thread(self._list, folder_of(scope))

    async def list_all(self) -> AsyncIterator[str]:
        for shelf in await asyncio.to_thread(_names, self._folder):
            for name in await asyncio.to_thread(_names, self._folder / shelf):
                for reference in await asyncio.to_thread(self._list, name):
                    yield reference

    async def sweep(self, scope: str, *, keep: Collection[str], before: datetime) -> int:
        unused = [one for one in await self.list_scope(scope) if one not in keep]
        return await asyncio.to_thread(self._remove_older, unused, before.timestamp())

    async def delete_scope(self, scope: str) -> None:
        await asyncio.to_thread(shutil.rmtree, self._folder_of(folder_of(scope)), ignore_errors=True)

    async def _keep(self, reference: str, file: BinaryIO) -> None:
        try:
            await asyncio.to_thread(self._write, reference, file)
        except OSError as error:
            said = f"A value can't be kept in {self._folder}: {error.strerror or error}."
            raise DatabaseUnavailable(said, hint="Free space, or check the folder's rights.") from error

    def _list(self, name: str) -> list[str]:
        found = _names(self._folder_of(name))
        return [f"{name}/{digest}" for digest in found if is_reference(f"{name}/{digest}")]

    def _remove_older(self, references: Sequence[str], before: float) -> int:
        removed = 0
        for path in map(self._path, references):
            with suppress(FileNotFoundError):  # another has been quicker
                if path.stat().st_mtime < before:
                    path.unlink()
                    removed += 1
        return removed

    def _folder_of(self, name: str) -> Path:
        return self._folder / name[-2:] / name

    def _path(self, reference: str) -> Path:
        scope, digest = parts_of(reference)
        return self._folder_of(scope) / digest

    def _write(self, reference: str, data: BinaryIO) -> None:
        path = self._path(reference)
        if _is_whole(path, data):
            with suppress(FileNotFoundError):
                os.utime(path)
                return
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.{os.getpid()}.{next(self._numbers)}")
        try:
            with aside.open("wb") as file:
                data.seek(0)
                shutil.copyfileobj(data, file)
                file.flush()
                os.fsync(file.fileno())
            aside.rename(path)
        except OSError:
            aside.unlink(missing_ok=True)  # half a file helps nobody, least of all on a full disk
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _names(folder: Path) -> list[str]:
    """Of what is in a folder; of one that is not there, none."""
    try:
        return sorted(path.name for path in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        said = f"{folder} can't be read: {error.strerror or error}."
        raise DatabaseUnavailable(said, hint="Check the folder's rights.") from error


def reference_of(scope: str, file: BinaryIO) -> str:
    """Where what is in a file is kept."""
    file.seek(0)
    readable: Any = file  # of any kind that is opened for bytes
    return f"{folder_of(scope)}/{hashlib.file_digest(readable, 'sha256').hexdigest()}"


def parts_of(reference: str) -> tuple[str, str]:
    """Scope and digest. Raises `NotFound` for what is no reference."""
    if not _REFERENCE.fullmatch(reference):
        raise NotFound(f"No blob {reference!r}.", hint="A reference is a scope, a slash and 64 hexadecimal digits.")
    scope, _, digest = reference.rpartition("/")
    return scope, digest


def is_reference(text: str) -> bool:
    return _REFERENCE.fullmatch(text) is not None


def verified(reference: str, data: bytes) -> bytes:
    """Raises `Damaged` when the data is not what the reference was given for."""
    if hashlib.sha256(data).hexdigest() != parts_of(reference)[1]:
        raise Damaged(f"The blob {reference} is not what was kept: {len(data)} bytes of another digest.",
                      hint="Its disk or store is at fault. Restore it from a backup.")  # fmt: skip
    return data


def gone(reference: str) -> NotFound:
    return NotFound(f"No blob {reference}.", hint="It may have been removed by retention.")


def _is_whole(path: Path, data: BinaryIO) -> bool:
    """A file that is there and of the right length: what is shorter was cut by a disk, and is written again."""
    data.seek(0, os.SEEK_END)
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size == data.tell()


def folder_of(scope: str) -> str:
    """A scope may be any text (a thread's name is its owner's choice); a folder's name may not."""
    if _SCOPE.fullmatch(scope):
        return scope
    return f"_{hashlib.sha256(scope.encode(errors='surrogatepass')).hexdigest()}"
