"""A lock that many processes see: a file. Apart from SQLite, whose library only those load who use it."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path


class FileLock:
    """An advisory lock on a file, with a note for those who are refused. Falls when the holder dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def take(self, note: str) -> bool:
        """False when somebody else holds it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        self._fd = fd
        with suppress(OSError):  # the lock counts; on a full disk it goes without its note
            os.ftruncate(fd, 0)
            os.write(fd, note.encode())
        return True

    def note(self) -> str:
        """What the holder left."""
        return self._path.read_text() if self._path.exists() else ""

    @property
    def held(self) -> bool:
        return self._fd is not None

    @property
    def fd(self) -> int | None:
        """For a child that is to hold it as well."""
        return self._fd

    def release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
