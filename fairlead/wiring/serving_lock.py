"""Who serves a SQLite file: one process, which says where it can be reached."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import orjson

from fairlead.config import Settings
from fairlead.database.file_lock import FileLock
from fairlead.errors import DatabaseInUse


@dataclass(frozen=True, slots=True)
class Server:
    """The process that serves a database. `url` is empty when it takes no calls (`fairlead run` on its own)."""

    pid: int
    url: str = ""


def take_serving_lock(settings: Settings, url: str = "") -> FileLock | None:
    """Ours until released or dead; None on PostgreSQL, which many may serve. Raises `DatabaseInUse`."""
    if not settings.database.is_sqlite:
        return None
    lock = FileLock(_path(settings))
    if lock.take(orjson.dumps({"pid": os.getpid(), "url": url}).decode()):
        return lock
    other = _read(lock)
    where = f" at {other.url}" if other and other.url else ""
    hint = (
        f"Use it there: fairlead run, fairlead runs list and the rest find it. Or stop it: kill {other.pid}."
        if other
        else ""
    )
    raise DatabaseInUse(
        f"Process {other.pid if other else '(unknown)'} serves {settings.database.sqlite_path} already{where}.",
        hint=hint,
    )


def serving(settings: Settings) -> Server | None:
    """The living process that holds the lock of this project's SQLite file, if any."""
    if not settings.database.is_sqlite:
        return None
    found = _read(FileLock(_path(settings)))
    return found if found and _lives(found.pid) else None


def _path(settings: Settings) -> Path:
    path = settings.root / settings.database.sqlite_path
    return path.with_name(path.name + ".serving")


def _read(lock: FileLock) -> Server | None:
    with suppress(ValueError, TypeError):
        return Server(**orjson.loads(lock.note()))
    return None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
