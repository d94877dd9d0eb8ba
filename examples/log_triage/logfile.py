"""Read a log of any size, plain or gzipped, in constant memory."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Small enough that one search through a chunk never holds the interpreter for long.
CHUNK = 256 * 1024
LONGEST_LINE = 1024 * 1024  # a longer one is read in pieces


@dataclass(frozen=True)
class Shape:
    """How the lines of a log look. `time` finds a timestamp; its group is cut to `minute` bytes."""

    name: str
    time: re.Pattern[bytes] | None
    minute: int = 16
    hour: int = 13
    offset: int | None = None  # where the timestamp stands in nearly every line, if it does

    def minute_of(self, line: bytes) -> str:
        found = self.time.search(line[:400]) if self.time else None
        return found[1][: self.minute].decode("ascii", "replace").replace("T", " ") if found else ""

    def time_of(self, line: bytes) -> str:
        found = self.time.search(line[:400]) if self.time else None
        return found[1].decode("ascii", "replace").replace("T", " ") if found else ""


_ISO = re.compile(rb"(\d{4}-\d\d-\d\d[T ][ \d]\d:\d\d(?::\d\d)?)")
_TIMES = (  # pattern, bytes to the minute, bytes to the hour
    (_ISO, 16, 13),
    (re.compile(rb"(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d)"), 16, 13),
    (re.compile(rb"\[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d)"), 17, 14),
    (re.compile(rb"(\d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d)"), 17, 14),
    (re.compile(rb"((?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d \d\d:\d\d:\d\d)"), 12, 9),
)
_ACCESS = re.compile(rb'^\S+ \S+ \S+ \[[^\]]+\] "[^"]*" \d{3} ')
_DPKG = re.compile(
    rb"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (?:status|install|upgrade|configure|remove|purge|trigproc|startup) "
)
_SYSLOG = re.compile(rb"^(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+) \S+ [\w./-]+(?:\[\d+\])?: ")


def chunks(path: Path) -> Iterator[bytes]:
    """The log in pieces of whole lines."""
    with path.open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
    rest = b""
    with gzip.open(path, "rb") if zipped else path.open("rb", buffering=0) as file:
        while block := file.read(CHUNK):
            end = block.rfind(b"\n") + 1
            if not end and len(rest) + len(block) < LONGEST_LINE:
                rest += block
                continue
            end = end or len(block)
            yield rest + block[:end]
            rest = block[end:]
    if rest:
        yield rest


def shape_of(path: Path) -> Shape:
    """What the first few hundred lines have in common."""
    first = next(chunks(path), b"").split(b"\n")[:300]
    lines = [line for line in first if line.strip()]
    if not lines:
        return Shape("empty", None)
    found = [(sum(bool(p.search(line[:400])) for line in lines), p, minute, hour) for p, minute, hour in _TIMES]
    hits, time, minute, hour = max(found, key=lambda one: one[0])
    if hits * 3 < len(lines):
        return Shape(_kind(lines), None)
    return Shape(_kind(lines), time, minute, hour, _offset(lines, time))


def line_at(chunk: bytes, position: int) -> tuple[int, int]:
    """Where the line that holds the position begins and ends."""
    end = chunk.find(b"\n", position)
    return chunk.rfind(b"\n", 0, position) + 1, len(chunk) if end < 0 else end


def show(line: bytes, limit: int = 240) -> str:
    """A line as text that is safe to print, cut to the limit."""
    text = line[: limit * 4].decode("utf-8", "replace").strip("\r\n")
    text = "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in text)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _kind(lines: list[bytes]) -> str:
    tests = (
        ("JSON lines", lambda line: line.startswith(b"{") and line.rstrip().endswith(b"}")),
        ("access log", lambda line: _ACCESS.match(line[:4000]) is not None),
        ("dpkg log", lambda line: _DPKG.match(line) is not None),
        ("alternatives log", lambda line: line.startswith(b"update-alternatives ")),
        ("syslog", lambda line: _SYSLOG.match(line[:400]) is not None),
    )
    for name, test in tests:
        if sum(map(test, lines)) * 3 >= len(lines) * 2:
            return name
    return "text"


def _offset(lines: list[bytes], time: re.Pattern[bytes]) -> int | None:
    starts = [found.start(1) for line in lines if (found := time.search(line[:400]))]
    common = max(set(starts), key=starts.count)
    return common if starts.count(common) * 10 >= len(lines) * 9 else None
