"""Large values outside the tables: a folder now, an object store later through the same door."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Protocol

from fairlead.errors import NotFound


class Blobs(Protocol):
    """Content-addressed bytes. `put` is durable on return and may be repeated."""

    async def put(self, data: bytes) -> str:
        """Keep `data`; answers its reference."""
        ...

    async def get(self, reference: str) -> bytes:
        """Raises `NotFound` when nothing is kept under it."""
        ...

    async def delete(self, reference: str) -> None: ...


class FolderBlobs:
    """Files named by the SHA-256 of their content, written aside, synced and renamed: whole or absent."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, data: bytes) -> str:
        reference = hashlib.sha256(data).hexdigest()
        await asyncio.to_thread(self._write, reference, data)
        return reference

    async def get(self, reference: str) -> bytes:
        try:
            return await asyncio.to_thread(self._path(reference).read_bytes)
        except FileNotFoundError:
            raise NotFound(f"No blob {reference}.", hint="It may have been removed by retention.") from None

    async def delete(self, reference: str) -> None:
        await asyncio.to_thread(self._path(reference).unlink, missing_ok=True)

    def _path(self, reference: str) -> Path:
        if len(reference) != 64 or not reference.isalnum():
            raise NotFound(f"No blob {reference!r}.", hint="A reference is 64 hexadecimal digits.")
        return self._folder / reference[:2] / reference

    def _write(self, reference: str, data: bytes) -> None:
        path = self._path(reference)
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{reference}.{os.getpid()}")
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.rename(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
