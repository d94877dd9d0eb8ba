"""SQLite beside its writers, and closed to them."""

from __future__ import annotations

import gzip
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from fairlead.errors import Damaged, DatabaseInUse
from fairlead.operate.backup.original import Found
from fairlead.operate.backup.sqlite import SqliteOriginal


def connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=15)


def make(path: Path) -> None:
    with closing(connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE ledger (amount integer)")
        database.execute("CREATE TABLE totals (id integer PRIMARY KEY, count integer)")
        database.execute("INSERT INTO totals VALUES (1, 0)")


class Writer(threading.Thread):
    """Adds a row and counts it in one transaction, again and again."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self.stop = threading.Event()
        self.under_way = threading.Event()
        self.written = 0

    def run(self) -> None:
        with closing(connect(self._path)) as database:
            while not self.stop.is_set():
                database.execute("BEGIN IMMEDIATE")
                database.execute("INSERT INTO ledger VALUES (?)", (self.written,))
                database.execute("UPDATE totals SET count = count + 1")
                database.execute("COMMIT")
                self.written += 1
                if self.written > 200:
                    self.under_way.set()


def original(path: Path) -> SqliteOriginal:
    return SqliteOriginal(path, take_lock=lambda: None)


async def test_a_backup_beside_a_writer_is_of_one_moment(tmp_path: Path) -> None:
    path = tmp_path / "fairlead.db"
    make(path)
    writer = Writer(path)
    writer.start()
    try:
        assert writer.under_way.wait(30)
        for number in range(10):
            folder = tmp_path / f"backup-{number}"
            folder.mkdir()
            at_least = writer.written
            snapshot = await original(path).dump(folder)
            async with original(path).loaded(folder, room=folder) as loaded:
                assert loaded.snapshot.contents == snapshot.contents
                with closing(connect(Path(loaded.name))) as database:
                    (rows,) = database.execute("SELECT count(*) FROM ledger").fetchone()
                    (counted,) = database.execute("SELECT count FROM totals").fetchone()
            assert rows == counted == snapshot.contents.tables["ledger"]
            assert rows >= at_least  # what was committed before it began is in it
    finally:
        writer.stop.set()
        writer.join()
    assert writer.written > snapshot.contents.tables["ledger"]  # it was never held up for good


async def test_what_stands_in_the_wal_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "fairlead.db"
    make(path)
    with closing(connect(path)) as writer:
        writer.execute("INSERT INTO ledger VALUES (1)")
        assert path.with_name("fairlead.db-wal").stat().st_size > 0
        assert (await original(path).dump(tmp_path)).contents.tables["ledger"] == 1


async def test_a_page_that_is_not_what_it_was_is_damage(tmp_path: Path) -> None:
    """Even when the file's digest was taken of it: the database says so itself."""
    path, folder = tmp_path / "fairlead.db", tmp_path / "backup"
    folder.mkdir()
    make(path)
    with closing(connect(path)) as writer:
        writer.executemany("INSERT INTO ledger VALUES (?)", [(number,) for number in range(5000)])
    await original(path).dump(folder)
    data = bytearray(gzip.decompress((folder / "database.sqlite.gz").read_bytes()))
    data[3 * 4096 : 3 * 4096 + 64] = b"\xff" * 64
    (folder / "database.sqlite.gz").write_bytes(gzip.compress(data))
    with pytest.raises(Damaged):
        async with original(path).loaded(folder):
            pass
    assert sorted(one.name for one in tmp_path.iterdir()) == ["backup", "fairlead.db"]


OPEN = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1]); database.execute("SELECT count(*) FROM ledger").fetchone()
print("open", flush=True); sys.stdin.read()
"""


async def test_any_program_that_has_it_open_is_in_the_way(tmp_path: Path) -> None:
    path = tmp_path / "fairlead.db"
    make(path)
    other = subprocess.Popen([sys.executable, "-c", OPEN, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with other:
        assert other.stdout is not None and other.stdin is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(DatabaseInUse, match="Another program"):
            async with original(path).alone():
                pass
        other.stdin.close()
    async with original(path).alone() as found:
        assert found is Found.WHOLE
        with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as late, pytest.raises(sqlite3.Error):
            late.execute("INSERT INTO ledger VALUES (1)")


async def test_the_wal_of_a_damaged_database_is_not_read_into_the_new_one(tmp_path: Path) -> None:
    path, folder = tmp_path / "fairlead.db", tmp_path / "backup"
    folder.mkdir()
    make(path)
    await original(path).dump(folder)
    with closing(connect(path)) as writer:
        writer.execute("INSERT INTO ledger VALUES (1)")
        shutil.copy(path.with_name("fairlead.db-wal"), tmp_path / "wal")
    path.write_bytes(b"no database")
    shutil.copy(tmp_path / "wal", path.with_name("fairlead.db-wal"))
    async with original(path).alone() as found, original(path).loaded(folder) as loaded:
        assert found is Found.DAMAGED
        kept = await original(path).replace(loaded, aside="_before")
    assert kept == f"{path}_before" and Path(f"{kept}-wal").exists()
    with closing(connect(path)) as database:
        assert database.execute("SELECT count(*) FROM ledger").fetchone() == (0,)
