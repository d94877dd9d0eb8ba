"""A SQLite file, copied beside its writers and replaced by a rename.

`cp` would lose what stands in the WAL; SQLite's own backup reads one moment in one pass, while writers go on.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import sqlite3
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path

from fairlead.database.file_lock import FileLock
from fairlead.errors import BackupFailed, Damaged, DatabaseInUse, DatabaseUnavailable
from fairlead.operate.backup.manifest import Contents
from fairlead.operate.backup.original import LONGEST_REFERENCE, Found, Loaded, Snapshot, named_in
from fairlead.operate.backup.packing import disk, full, pack, sync, unpack

_BUSY_TIMEOUT_S = 15.0
_ALONE_TIMEOUT_S = 2.0
_HEADER = b"SQLite format 3\0"
_TABLES = """
SELECT name FROM sqlite_master
WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name
"""
_SHORT_TEXTS = f"""
SELECT {{column}} FROM {{table}}
WHERE typeof({{column}}) = 'text' AND length({{column}}) <= {LONGEST_REFERENCE} AND {{column}} LIKE '%/%'
"""


class SqliteOriginal:
    kind = "sqlite"
    file = "database.sqlite.gz"

    def __init__(self, path: Path, *, take_lock: Callable[[], FileLock | None]) -> None:
        """`take_lock`: as whoever serves the file does it; raises `DatabaseInUse` when somebody does."""
        self.path = path
        self._take_lock = take_lock

    @property
    def name(self) -> str:
        return self.path.name

    async def dump(self, folder: Path) -> Snapshot:
        return await asyncio.to_thread(self._dump, folder)

    @asynccontextmanager
    async def loaded(self, folder: Path, *, room: Path | None = None) -> AsyncGenerator[Loaded]:
        # Beside the original: only within a file system a rename is all or nothing.
        place = room or self.path.parent
        path = place / f"{self.path.name}.restoring-{secrets.token_hex(3)}"
        try:
            yield Loaded(str(path), await asyncio.to_thread(_load, folder / self.file, path))
        finally:
            path.unlink(missing_ok=True)

    @asynccontextmanager
    async def alone(self) -> AsyncGenerator[Found]:
        lock = self._take_lock()
        try:
            self._unless_workers_live()
            self._sweep()
            if not self.path.exists():
                yield Found.ABSENT
                return
            if not _has_header(self.path):  # not opened: SQLite would tidy away what it finds beside it
                yield Found.DAMAGED
                return
            with closing(await asyncio.to_thread(_closed_to_others, self.path)) as held:
                yield Found.WHOLE if held.whole else Found.DAMAGED
        finally:
            if lock is not None:
                lock.release()

    async def replace(self, loaded: Loaded, *, aside: str) -> str | None:
        return await asyncio.to_thread(self._replace, Path(loaded.name), aside)

    async def sweep(self) -> list[str]:
        try:
            lock = self._take_lock()
        except DatabaseInUse:  # whoever restores holds it
            return []
        try:
            return self._sweep()
        finally:
            if lock is not None:
                lock.release()

    def _dump(self, folder: Path) -> Snapshot:
        if not self.path.exists():
            raise DatabaseUnavailable(f"There is no database {self.path}.", hint="Check DATABASE_URL.")
        raw = folder / "database.sqlite"
        with _translated(self.path, folder), closing(_connect(self.path)) as source:
            source.execute("PRAGMA query_only=ON")
            with closing(sqlite3.connect(raw, isolation_level=None)) as copy:
                source.backup(copy)
                copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a WAL beside it
                snapshot = _look(copy, self.path)
        with disk(folder):
            pack(raw, folder / self.file)
            raw.unlink()
        return snapshot

    def _replace(self, new: Path, aside: str) -> str | None:
        kept = self.path.with_name(self.path.name + aside)
        there = self.path.exists()
        with disk(self.path.parent):
            if there:
                _second_name(self.path, kept)
            # Of a whole database they are gone by now. Those of a damaged one must not be read into the new one.
            for suffix in ("-wal", "-shm", "-journal"):
                with suppress(FileNotFoundError):
                    self.path.with_name(self.path.name + suffix).rename(kept.with_name(kept.name + suffix))
            new.replace(self.path)
            sync(self.path.parent)
        return str(kept) if there else None

    def _unless_workers_live(self) -> None:
        for path in sorted(self.path.with_name(self.path.name + "-workers").glob("*.lock")):
            lock = FileLock(path)
            if not lock.take(""):
                raise DatabaseInUse(f"Worker {path.stem} (process {lock.note()}) works on {self.path}.",
                                    hint="Stop it first; see `fairlead workers`.")  # fmt: skip
            lock.release()

    def _sweep(self) -> list[str]:
        """What restores that died have left; nobody else restores, for we hold the lock."""
        found = sorted(self.path.parent.glob(f"{self.path.name}.restoring-*"))
        for path in found:
            path.unlink(missing_ok=True)
        return [str(path) for path in found]


class _Held:
    def __init__(self, connection: sqlite3.Connection | None) -> None:
        self._connection = connection
        self.whole = connection is not None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


def _closed_to_others(path: Path) -> _Held:
    """No other program writes into it until this is closed. Raises `DatabaseInUse`.

    Leaving WAL needs the file for oneself: where that succeeds, nobody else has it open, and no WAL is left behind.
    """
    connection = _connect(path, timeout=_ALONE_TIMEOUT_S)
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.DatabaseError as error:
        connection.close()
        if "malformed" in str(error) or "not a database" in str(error):
            return _Held(None)
        if "locked" in str(error) or "busy" in str(error):
            raise DatabaseInUse(f"Another program has {path} open.", hint="Stop it first.") from error
        raise DatabaseUnavailable(f"{path} can't be used: {error}.", hint="Check the file and its rights.") from error
    return _Held(connection)


def _has_header(path: Path) -> bool:
    with disk(path.parent), path.open("rb") as file:
        return file.read(len(_HEADER)) in (_HEADER, b"")


def _connect(path: Path, *, timeout: float = _BUSY_TIMEOUT_S) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=timeout, isolation_level=None, check_same_thread=False)


def _load(packed: Path, path: Path) -> Snapshot:
    with disk(path.parent):
        unpack(packed, path)
    with _translated(packed, path.parent), closing(_connect(path)) as connection:
        connection.execute("PRAGMA query_only=ON")
        return _look(connection, packed)


def _look(connection: sqlite3.Connection, named: Path) -> Snapshot:
    """Raises `Damaged` when it is not whole."""
    found = [row[0] for row in connection.execute("PRAGMA integrity_check(5)")]
    if found != ["ok"]:
        raise Damaged(f"{named} is damaged: {'; '.join(found)[:500]}.", hint="Restore a backup: fairlead backup list.")
    if broken := connection.execute("PRAGMA foreign_key_check").fetchone():
        raise Damaged(f"{named}: a row of {broken[0]} belongs to one of {broken[2]} that is not there.")
    tables = [row[0] for row in connection.execute(_TABLES)]
    rows = {name: connection.execute(f"SELECT count(*) FROM {_quoted(name)}").fetchone()[0] for name in tables}
    schema: dict[str, int] = {}
    if "schema_migrations" in rows:
        schema = dict(connection.execute("SELECT part, max(number) FROM schema_migrations GROUP BY part").fetchall())
    contents = Contents(f"SQLite {sqlite3.sqlite_version}", schema, rows)
    return Snapshot(contents, frozenset(_named(connection, tables)))


def _named(connection: sqlite3.Connection, tables: list[str]) -> Iterator[str]:
    for table in tables:
        for column in [row[1] for row in connection.execute(f"PRAGMA table_info({_quoted(table)})")]:
            asked = _SHORT_TEXTS.format(column=_quoted(column), table=_quoted(table))
            for (text,) in connection.execute(asked):
                if reference := named_in(text):
                    yield reference


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _second_name(path: Path, other: Path) -> None:
    try:
        os.link(path, other)
    except FileExistsError as error:
        raise BackupFailed(f"{other} is there already.", hint="Move it away, and try again.") from error
    except OSError:  # a file system without links
        shutil.copy2(path, other)


@contextmanager
def _translated(path: Path, folder: Path) -> Generator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        said = str(error)
        if "is full" in said:
            raise full(folder) from error
        if "malformed" in said or "not a database" in said:
            raise Damaged(f"{path} is damaged: {said}.", hint="Restore a backup: fairlead backup list.") from error
        raise DatabaseUnavailable(f"{path} can't be read: {said}.", hint="Check the file and its rights.") from error
