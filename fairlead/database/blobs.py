"""Large values outside the tables: a folder now, an object store later through the same door."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
from itertools import count
from pathlib import Path
from typing import Protocol

from fairlead.errors import DatabaseUnavailable, NotFound

_SCOPE = re.compile(r"[A-Za-z0-9-][A-Za-z0-9_-]{0,79}")
_REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,80}/[0-9a-f]{64}")


class Blobs(Protocol):
    """Content-addressed bytes. `put` is durable on return and may be repeated."""

    async def put(self, scope: str, data: bytes) -> str:
        """Keep `data` under `scope` (whose it is); answers its reference. Raises `DatabaseUnavailable`."""
        ...

    async def get(self, reference: str) -> bytes:
        """Raises `NotFound` when nothing is kept under it."""
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
        reference = f"{_folder_of(scope)}/{hashlib.sha256(data).hexdigest()}"
        try:
            await asyncio.to_thread(self._write, reference, data)
        except OSError as error:
            said = f"A value can't be kept in {self._folder}: {error.strerror or error}."
            raise DatabaseUnavailable(said, hint="Free space, or check the folder's rights.") from error
        return reference

    async def get(self, reference: str) -> bytes:
        try:
            return await asyncio.to_thread(self._path(reference).read_bytes)
        except FileNotFoundError:
            raise NotFound(f"No blob {reference}.", hint="It may have been removed by retention.") from None

    async def delete_scope(self, scope: str) -> None:
        folder = self._path(f"{_folder_of(scope)}/{'0' * 64}").parent
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    def _path(self, reference: str) -> Path:
        if not _REFERENCE.fullmatch(reference):
            raise NotFound(f"No blob {reference!r}.", hint="A reference is a scope, a slash and 64 hexadecimal digits.")
        scope, _, digest = reference.rpartition("/")
        return self._folder / scope[-2:] / scope / digest

    def _write(self, reference: str, data: bytes) -> None:
        path = self._path(reference)
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.{os.getpid()}.{next(self._numbers)}")
        try:
            with aside.open("wb") as file:
                file.write(data)
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


def _folder_of(scope: str) -> str:
    """A scope may be any text (a thread's name is its owner's choice); a folder's name may not."""
    if _SCOPE.fullmatch(scope):
        return scope
    return f"_{hashlib.sha256(scope.encode(errors='surrogatepass')).hexdigest()}"
