"""SQLite: one writer thread with group commit, readers beside it.

    write ──► queue ──► writer thread: BEGIN IMMEDIATE · all that is queued · COMMIT (fdatasync) ──► futures
    read  ──► pool of reader threads, each with its own connection (WAL: readers never wait for the writer)

A batch of rows goes in as one JSON parameter and one statement, so that the interpreter lock is taken once per batch
and not once per row.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import orjson

from fairlead.clock import Clock, to_micros
from fairlead.database import sqlite_vec
from fairlead.database.door import Call, Row, Rows
from fairlead.database.file_lock import FileLock
from fairlead.database.signals import Signals
from fairlead.database.sql import PIECE, Query
from fairlead.errors import Conflict, DatabaseInUse, DatabaseUnavailable, InvalidInput

T = TypeVar("T")
_BUSY_TIMEOUT_S = 15.0
_READERS = 4
_UNUSABLE = (
    "unable to open", "disk I/O", "readonly", "read-only", "locked", "busy", "not a database", "malformed", "closed"
)  # fmt: skip
_BATCH = 200  # jobs in one transaction
_PIECES = (64, 16, 4, 1)  # rows: few sizes, so that each statement is prepared once


class FilePresence:
    """A locked file per name; the kernel frees it when its holder dies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, FileLock] = {}

    async def hold(self, name: str) -> None:
        if name in self._held:
            return
        lock = FileLock(self._folder / f"{name}.lock")
        try:
            taken = lock.take(str(os.getpid()))
        except OSError as error:
            raise _translated(error, self._folder) from error
        if not taken:
            raise DatabaseInUse(f"{name} is held by process {lock.note()}.")
        self._held[name] = lock

    async def holding(self, name: str) -> bool:
        return name in self._held

    async def release(self, name: str) -> None:
        if lock := self._held.pop(name, None):
            (self._folder / f"{name}.lock").unlink(missing_ok=True)
            lock.release()

    async def fallen(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if name not in self._held and self._is_free(name)]

    def _is_free(self, name: str) -> bool:
        lock = FileLock(self._folder / f"{name}.lock")
        if not lock.take("taken over"):
            return False
        (self._folder / f"{name}.lock").unlink(missing_ok=True)
        lock.release()
        return True


class Sqlite:
    dialect = "sqlite"

    def __init__(self, path: Path, *, clock: Clock, vectors: bool = False) -> None:
        self.path = path
        self._vectors = vectors
        self.signals = Signals()
        self.presence = FilePresence(path.with_name(path.name + "-workers"))
        self._clock = clock
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="sqlite-reader")
        self._writer = threading.Thread(target=self._write_forever, name="sqlite-writer", daemon=True)

    @classmethod
    async def open(cls, path: Path, *, clock: Clock, vectors: bool = False) -> Sqlite:
        """`vectors`: with what compares them, where it is installed. Raises `DatabaseUnavailable` when the file can't
        be opened as a database."""
        database = cls(path, clock=clock, vectors=vectors)
        if vectors:
            sqlite_vec.make_ready()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            await asyncio.to_thread(lambda: database._connect().close())
        except (OSError, sqlite3.Error) as error:
            raise _translated(error, path) from error
        database._writer.start()
        return database

    async def read(self, query: Query, /, rows: Rows = (), **parameters: Any) -> Sequence[Row]:
        given = _parameters(query, rows, parameters)
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._readers, lambda: _run(self._reader(), query, given))
        except (sqlite3.Error, UnicodeEncodeError, OverflowError) as error:
            raise _translated(error, self.path) from error

    async def write(self, query: Query, /, rows: Rows = (), **parameters: Any) -> Sequence[Row]:
        given = _parameters(query, rows, parameters)
        return await self._submit(lambda connection: _run(connection, query, given))

    async def write_all(self, calls: Sequence[Call]) -> list[Sequence[Row]]:
        prepared = [(call.query, _parameters(call.query, call.rows, call.parameters)) for call in calls]
        return await self._submit(lambda connection: [_run(connection, q, given) for q, given in prepared])

    async def script(self, text: str) -> None:
        statements = list(_statements(text))

        def run(connection: sqlite3.Connection) -> None:
            for statement in statements:
                connection.execute(statement)

        await self._submit(run)

    async def close(self) -> None:
        if self._writer.is_alive():
            self._jobs.put(None)
            await asyncio.to_thread(self._writer.join)
        self._readers.shutdown(wait=True)
        for connection in self._connections:
            connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        connection.row_factory = sqlite3.Row
        connection.create_function("now_us", 0, lambda: to_micros(self._clock.now()))
        if self._vectors:
            sqlite_vec.load(connection)
        try:
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=OFF", "cache_size=-65536"):
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error:  # no database, or no room for one
            connection.close()
            raise
        return connection

    def _reader(self) -> sqlite3.Connection:
        if not hasattr(self._local, "connection"):
            self._local.connection = self._connect()
            self._local.connection.execute("PRAGMA query_only=ON")
            self._connections.append(self._local.connection)
        return self._local.connection

    async def _submit(self, work: Callable[[sqlite3.Connection], T]) -> T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put(_Job(work, loop, future))
        if not self._writer.is_alive():  # closed: nobody else will answer
            self._refuse_the_rest()
        return await future

    def _write_forever(self) -> None:
        connection: sqlite3.Connection | None = None
        while (job := self._jobs.get()) is not None:
            batch, last = self._more(job)
            try:
                connection = connection or self._connect()
                _commit(connection, batch, self.path)
            except (sqlite3.Error, OSError) as error:  # disk full, file gone: nobody in the batch was answered
                _undo(connection)
                for each in batch:
                    each.outcome = _translated(error, self.path)
            _answer(batch)
            if last:
                break
        if connection is not None:
            connection.close()
        self._refuse_the_rest()

    def _refuse_the_rest(self) -> None:
        while not self._jobs.empty():
            if (job := self._jobs.get()) is not None:
                job.outcome = _translated(sqlite3.ProgrammingError("it is closed"), self.path)
                _answer([job])

    def _more(self, first: _Job) -> tuple[list[_Job], bool]:
        batch = [first]
        while len(batch) < _BATCH:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return batch, True
            batch.append(job)
        return batch, False


class _Job:
    __slots__ = ("future", "loop", "outcome", "work")

    def __init__(
        self, work: Callable[[sqlite3.Connection], Any], loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any]
    ) -> None:
        self.work = work
        self.loop = loop
        self.future = future
        self.outcome: Any = None


def _commit(connection: sqlite3.Connection, batch: list[_Job], path: Path) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for job in batch:
        connection.execute("SAVEPOINT job")
        try:
            job.outcome = job.work(connection)
        except Exception as error:  # the edge of a thread: whatever it is, it is this job's fault alone …
            if not connection.in_transaction or isinstance(_translated(error, path), DatabaseUnavailable):
                raise  # … unless the disk is at fault
            connection.execute("ROLLBACK TO job")
            job.outcome = _translated(error, path)
        connection.execute("RELEASE job")
    connection.execute("COMMIT")


def _undo(connection: sqlite3.Connection | None) -> None:
    if connection is not None and connection.in_transaction:
        try:
            connection.execute("ROLLBACK")
        except sqlite3.Error:  # already rolled back by SQLite itself (disk full does that)
            return


def _answer(batch: list[_Job]) -> None:
    for loop in {job.loop for job in batch}:
        try:
            loop.call_soon_threadsafe(_resolve, [job for job in batch if job.loop is loop])
        except RuntimeError:  # the loop is closed: nobody waits any more
            continue


def _resolve(jobs: list[_Job]) -> None:
    for job in jobs:
        if job.future.done():
            continue
        if isinstance(job.outcome, Exception):
            job.future.set_exception(job.outcome)
        else:
            job.future.set_result(job.outcome)


def _run(connection: sqlite3.Connection, query: Query, parameters: dict[str, Any]) -> list[sqlite3.Row]:
    answer: list[sqlite3.Row] = []
    for statement in query.statements:
        if PIECE in statement:
            _run_in_pieces(connection, statement, parameters["pieces"])
            continue
        cursor = connection.execute(statement, parameters)
        if cursor.description is not None:
            answer = cursor.fetchall()
    return answer


def _run_in_pieces(connection: sqlite3.Connection, statement: str, rows: Sequence[Sequence[Any]]) -> None:
    """Each piece is one statement: to run it for each row would take the interpreter lock once per row."""
    begun = 0
    for size in _PIECES:
        while len(rows) - begun >= size:
            piece = rows[begun : begun + size]
            connection.execute(_with_values(statement, size, len(piece[0])), [*chain.from_iterable(piece)])
            begun += size


@lru_cache(maxsize=64)
def _with_values(statement: str, rows: int, columns: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return statement.replace(PIECE, f"(VALUES {', '.join([row] * rows)})")


def _parameters(query: Query, rows: Rows, parameters: dict[str, Any]) -> dict[str, Any]:
    if not query.columns:
        return parameters
    if any(PIECE in statement for statement in query.statements):
        return {"pieces": list(map(tuple, rows)), **parameters}
    try:
        return {"rows": orjson.dumps(list(map(tuple, rows))).decode(), **parameters}
    except TypeError as error:
        raise InvalidInput(f"The database can't hold a value: {error}.") from error


def _translated(error: Exception, path: Path) -> Exception:
    """What the disk or another process did. Anything else is a mistake of ours and stays what it is."""
    said = str(error)
    if isinstance(error, sqlite3.IntegrityError):
        return Conflict(f"The database refused it: {said}.")
    if isinstance(error, UnicodeEncodeError | OverflowError):  # a lone surrogate, an integer beyond 64 bits
        return InvalidInput(f"The database can't hold a value: {said}.")
    if "is full" in said:
        return DatabaseUnavailable(f"The disk of {path} is full.", hint="Free space; work goes on by itself.")
    if isinstance(error, OSError) or any(sign in said for sign in _UNUSABLE):
        return DatabaseUnavailable(f"The database {path} can't be used: {said}.", hint="Check the path and its rights.")
    return error


def _statements(text: str) -> Iterator[str]:
    """One by one; a trigger has semicolons of its own."""
    begun = ""
    for part in text.split(";"):
        begun += f"{part};"
        if sqlite3.complete_statement(begun):
            if begun.strip(" \n\t;"):
                yield begun
            begun = ""
