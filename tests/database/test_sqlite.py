from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest

from fairlead.clock import SystemClock
from fairlead.database import Query, Sqlite
from fairlead.database.file_lock import FileLock
from fairlead.database.sql import parse
from fairlead.errors import DatabaseInUse, DatabaseUnavailable, InvalidInput


@pytest.fixture
async def database(tmp_path: Path) -> Sqlite:
    opened = await Sqlite.open(tmp_path / "test.db", clock=SystemClock())
    await opened.script("CREATE TABLE probe (id text PRIMARY KEY, value bigint)")
    yield opened  # pyright: ignore[reportReturnType]
    await opened.close()


def query(text: str) -> Query:
    return parse("probe", text, "sqlite")


INSERT = query("INSERT INTO probe VALUES (:id, :value)")
COUNT = query("SELECT count(*) AS n FROM probe")


async def test_it_is_as_durable_as_sqlite_can_be(database: Sqlite) -> None:
    assert (await database.write(query("PRAGMA journal_mode")))[0][0] == "wal"
    assert (await database.write(query("PRAGMA synchronous")))[0][0] == 2


async def test_writes_that_wait_are_committed_together(database: Sqlite) -> None:
    ids = query("INSERT INTO probe VALUES (:id, 1) RETURNING id")
    begun, go = threading.Event(), threading.Event()

    def hold_up(connection: sqlite3.Connection) -> None:
        begun.set()
        go.wait(5)

    first = asyncio.ensure_future(database._submit(hold_up))
    await asyncio.to_thread(begun.wait, 5)
    writes = [asyncio.ensure_future(database.write(ids, id=str(n))) for n in range(50)]
    await asyncio.sleep(0)
    before = _frames(database.path)
    go.set()
    await asyncio.gather(first, *writes)
    assert _frames(database.path) - before <= 4  # pages of one commit or two, not of fifty


async def test_readers_do_not_wait_for_the_writer(database: Sqlite) -> None:
    begun, go = threading.Event(), threading.Event()

    def hold_up(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO probe VALUES ('a', 1)")
        begun.set()
        go.wait(5)

    writing = asyncio.ensure_future(database._submit(hold_up))
    await asyncio.to_thread(begun.wait, 5)
    assert (await database.read(COUNT))[0]["n"] == 0  # and does not see what is not committed
    go.set()
    await writing
    assert (await database.read(COUNT))[0]["n"] == 1


async def test_a_reader_cannot_write(database: Sqlite) -> None:
    with pytest.raises(DatabaseUnavailable):
        await database.read(INSERT, id="a", value=1)


async def test_a_job_that_raises_whatever_it_is_harms_no_other_and_not_the_writer(database: Sqlite) -> None:
    outcomes = await asyncio.gather(
        database.write(INSERT, id="a", value=1),
        database.write(INSERT, id="\ud800", value=1),
        database.write(INSERT, id="b", value=2**64),
        database.write(INSERT, id="c"),  # a parameter is missing
        database.write(query("SELECT nothing FROM nowhere")),
        database.write(INSERT, id="d", value=1),
        return_exceptions=True,
    )
    kinds = [type(one) for one in outcomes if isinstance(one, Exception)]
    assert kinds == [InvalidInput, InvalidInput, sqlite3.ProgrammingError, sqlite3.OperationalError]
    assert (await database.read(COUNT))[0]["n"] == 2


@pytest.mark.parametrize("number", [0, 1, 5, 20, 85, 150])
async def test_rows_are_set_down_in_pieces_each_once_and_in_order(database: Sqlite, number: int) -> None:
    put = query("-- rows: id text, value int\nINSERT INTO probe SELECT column1, column2 * 2 FROM {piece}")
    await database.write(put, rows=[(f"{one:03}", one) for one in range(number)])
    kept = await database.read(query("SELECT id, value FROM probe ORDER BY rowid"))
    assert [tuple(row) for row in kept] == [(f"{one:03}", 2 * one) for one in range(number)]


async def test_of_pieces_all_are_kept_or_none(database: Sqlite) -> None:
    put = query("-- rows: id text, value int\nINSERT INTO probe SELECT * FROM {piece}")
    rows = [(str(one), one) for one in range(70)]
    with pytest.raises(InvalidInput):
        await database.write(put, rows=[*rows, ("\ud800", 1)])
    with pytest.raises(InvalidInput):
        await database.write(put, rows=[*rows, ("large", 2**63)])
    assert (await database.read(COUNT))[0]["n"] == 0


async def test_a_full_disk_says_so_to_all_and_work_goes_on_when_there_is_room(database: Sqlite) -> None:
    pages = (await database.write(query("PRAGMA page_count")))[0][0]
    await database.write(query(f"PRAGMA max_page_count = {pages + 2}"))
    big = query("INSERT INTO probe VALUES (:id, zeroblob(100000))")
    outcomes = await asyncio.gather(
        database.write(INSERT, id="a", value=1), database.write(big, id="b"), return_exceptions=True
    )
    assert all(isinstance(one, DatabaseUnavailable) and "full" in str(one) for one in outcomes)
    await database.write(query("PRAGMA max_page_count = 1000000"))
    await database.write(big, id="b")
    assert (await database.read(COUNT))[0]["n"] == 1


async def test_who_writes_after_the_end_is_told(database: Sqlite) -> None:
    await database.close()
    with pytest.raises(DatabaseUnavailable):
        await asyncio.wait_for(database.write(INSERT, id="a", value=1), 5)


@pytest.mark.parametrize("content", [b"this is no database" * 100, None], ids=["a text file", "a folder"])
async def test_what_cannot_be_opened_says_so(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "bad.db"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(DatabaseUnavailable) as told:
        await Sqlite.open(path, clock=SystemClock())
    assert str(path) in str(told.value) and told.value.hint


def test_a_file_lock_names_its_holder_to_whoever_is_refused(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert first.take("pid 1") and not second.take("pid 2")
    assert second.note() == "pid 1" and not second.held
    first.release()
    assert second.take("pid 2")
    second.release()


async def test_a_name_held_by_another_process_is_refused(tmp_path: Path) -> None:
    mine = await Sqlite.open(tmp_path / "one.db", clock=SystemClock())
    other = await Sqlite.open(tmp_path / "one.db", clock=SystemClock())
    await mine.presence.hold("w")
    with pytest.raises(DatabaseInUse):
        await other.presence.hold("w")
    assert await other.presence.fallen(["w"]) == []
    await mine.presence.release("w")
    assert await other.presence.fallen(["w"]) == ["w"]
    await mine.close()
    await other.close()


def _frames(path: Path) -> int:
    """Pages in the write-ahead log."""
    return max(0, (path.with_name(path.name + "-wal").stat().st_size - 32) // (4096 + 24))
