"""Groups of lines, made by DuckDB (the extra `logs`) in one pass, on all cores and in bounded memory.

A file that is neither compressed nor piped is read as it lies there; everything else in pieces, through a file of our
own. Lines that are no JSON are counted: when there are any, the file is read again by a slower reader, because the
fast one may take the line behind a broken one for a part of it.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from fairlead.errors import ConfigurationError, InvalidInput
from fairlead.telemetry.analysis.formats import Format, translated
from fairlead.telemetry.analysis.groups import Group, group_of
from fairlead.telemetry.analysis.sources import CutShort, Source, read

LONGEST_LINE = 1 << 20  # bytes; longer ones are counted as strange
_MEMORY = "200MB"
_PIECE = 8 << 20  # bytes
_OBJECT = 2 * LONGEST_LINE
_TEXTS = ("timestamp", "level", "event", "method", "endpoint", "status_code", "status", "agent", "provider", "model",
          "tool", "message", "code", "request_id", "run_id")  # fmt: skip
_COLUMNS = {**dict.fromkeys(_TEXTS, "VARCHAR"), **dict.fromkeys(("latency_ms", "tokens", "cost_usd"), "DOUBLE")}
_SHAPE = "{" + ", ".join(f'"{name}": "{kind}"' for name, kind in _COLUMNS.items()) + "}"
_TYPED = "{" + ", ".join(f"{name}: '{kind}'" for name, kind in _COLUMNS.items()) + "}"
_FAST = (
    "read_json($file, format = 'newline_delimited', ignore_errors = true, compression = 'uncompressed', "
    f"maximum_object_size = {_OBJECT}, columns = {_TYPED})"
)
_SURE = (
    f"(SELECT unnest(json_transform(json, '{_SHAPE}')) FROM read_ndjson_objects($file, ignore_errors = true, "
    f"compression = 'uncompressed', maximum_object_size = {_OBJECT}))"
)
_GROUP = (Path(__file__).parent / "group.sql").read_text()
_TABLE = """
CREATE TABLE groups (
    part VARCHAR, event VARCHAR, name VARCHAR, status VARCHAR, hour BIGINT, wrong VARCHAR, lines BIGINT, timed BIGINT,
    took DOUBLE, longest DOUBLE, course MAP(SMALLINT, UBIGINT), tokens DOUBLE, cost DOUBLE, first BIGINT, last BIGINT,
    slow STRUCT(id VARCHAR, name VARCHAR, status VARCHAR, moment BIGINT, took DOUBLE)[]
)
"""
_STRANGE = "SELECT coalesce(sum(lines), 0) FROM groups WHERE part = 'strange'"

_TELL_EVERY = 0.2  # seconds

Progress = Callable[[float], None]
"""How much of the file is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Taken:
    """`strange`: lines that are nothing of their format; `cut`: why a compressed file ended early."""

    strange: int
    cut: str | None = None


class Engine:
    """Use it as a context: its files go with it. `cutoff`: the oldest that counts, in ms since 1970; None: all."""

    def __init__(self, *, cutoff: int | None, slow: timedelta) -> None:
        self._library = _duckdb()
        self._given = {"cutoff": cutoff, "slow": slow / timedelta(milliseconds=1)}

    def __enter__(self) -> Engine:
        self._folder = tempfile.TemporaryDirectory(prefix="fairlead-logs-")
        folder = Path(self._folder.name)
        self._piece = folder / "piece.json"
        self._database: Any = self._library.connect(config={
            "memory_limit": _MEMORY, "preserve_insertion_order": "false", "temp_directory": str(folder / "spilled"),
            "autoinstall_known_extensions": "false", "autoload_known_extensions": "false",
        })  # fmt: skip
        self._database.execute(_TABLE)
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()
        self._folder.cleanup()

    def take(self, source: Source, format: Format, tell: Progress) -> Taken:
        """Count the lines of a file. Raises `InvalidInput` when it can't be read."""
        if source.plain and source.path is not None and format is Format.JSON:
            for lines in (_FAST, _SURE):
                strange = self._group(lines, source.path, tell)
                if strange == 0 or (strange and lines is _SURE):
                    self._database.execute("COMMIT")
                    return Taken(strange)
                self._database.execute("ROLLBACK")
        return self._take_pieces(source, format, tell)

    def groups(self) -> Iterator[Group]:
        found = self._database.execute("SELECT * FROM groups")
        while rows := found.fetchmany(1000):
            yield from map(group_of, rows)

    def _take_pieces(self, source: Source, format: Format, tell: Progress) -> Taken:
        """All of it, or nothing."""
        strange, done = 0, 0
        pieces = Pieces(source)
        self._database.execute("BEGIN TRANSACTION")
        for lines in pieces:
            done += sum(map(len, lines)) + len(lines)
            short = [line for line in lines if len(line) <= LONGEST_LINE]
            strange += len(lines) - len(short)
            if format is not Format.JSON:
                short, other = translated(short, format)
                strange += other
            self._put(b"\n".join(short) + b"\n")
            strange += self._insert(_SURE, self._piece, lambda _: None)
            if source.plain and source.size:
                tell(min(1.0, done / source.size))
        self._database.execute("COMMIT")
        return Taken(strange + pieces.endless, pieces.cut)

    def _put(self, piece: bytes) -> None:
        try:
            self._piece.write_bytes(piece)
        except OSError as error:
            raise InvalidInput(
                f"{self._piece.parent.parent} takes no files: {error.strerror}.",
                hint="What is packed or piped is read through files there: free space, or set TMPDIR to another place.",
            ) from None

    def _group(self, lines: str, file: Path, tell: Progress) -> int | None:
        """How many of them are strange; None: it could not be read to its end. The transaction is open afterwards."""
        self._database.execute("BEGIN TRANSACTION")
        try:
            return self._insert(lines, file, tell)
        except InvalidInput:
            return None

    def _insert(self, lines: str, file: Path, tell: Progress) -> int:
        before = self._strange()
        self._run(_GROUP.replace("{lines}", lines.replace("$file", _quoted(file))), tell)
        return self._strange() - before

    def _run(self, sql: str, tell: Progress) -> None:
        """On a thread of its own, so that its progress can be told, and Ctrl-C ends it. Raises `InvalidInput`."""
        failed: list[Exception] = []

        def work() -> None:
            try:
                self._database.execute(sql, self._given)
            except self._library.Error as error:
                failed.append(error)

        thread = threading.Thread(target=work, name="logs")
        thread.start()
        try:
            while thread.is_alive():
                thread.join(_TELL_EVERY)
                tell(max(0.0, self._database.query_progress()) / 100)
        except BaseException:
            self._database.interrupt()
            thread.join()
            raise
        if failed:
            raise InvalidInput(f"The log can't be read: {str(failed[0]).partition(chr(10))[0]}.") from failed[0]

    def _strange(self) -> int:
        return self._database.execute(_STRANGE).fetchone()[0]


class Pieces:
    """The lines of a file, so many at a time as fit into a piece. `cut`: why it ended early, known at the end;
    `endless`: how many lines were longer than a piece, and left out."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.cut: str | None = None
        self.endless = 0

    def __iter__(self) -> Iterator[list[bytes]]:
        held, skipping = b"", False
        try:
            for chunk in read(self._source):
                if skipping:
                    _, newline, chunk = chunk.partition(b"\n")
                    skipping = not newline
                held += chunk
                if len(held) < _PIECE:
                    continue
                whole, newline, held = held.rpartition(b"\n")
                if newline:
                    yield whole.split(b"\n")
                if len(held) >= _PIECE:
                    held, skipping, self.endless = b"", True, self.endless + 1
        except CutShort as error:
            self.cut = str(error)
        if held:
            yield held.removesuffix(b"\n").split(b"\n")


def _quoted(file: Path) -> str:
    return "'" + str(file).replace("'", "''") + "'"


def _duckdb() -> Any:
    try:
        return import_module("duckdb")
    except ImportError:
        raise ConfigurationError(
            "Logs are read by DuckDB, and it is not here.", hint="pip install 'fairlead[logs]'"
        ) from None
