from __future__ import annotations

import os
from pathlib import Path

from fairlead.telemetry.sink import Sink


def test_what_was_written_is_there_after_close_in_order(tmp_path: Path) -> None:
    path = tmp_path / "log"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    sink = Sink(descriptor)
    for number in range(5000):
        sink.write(b"%d\n" % number)
    sink.close()
    os.close(descriptor)
    assert path.read_bytes().split() == [b"%d" % number for number in range(5000)]


def test_a_reader_that_does_not_read_costs_lines_and_never_time() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    sink = Sink(writing, limit=1000)
    for _ in range(20_000):
        sink.write(b"x" * 1000 + b"\n")
    sink.close(timeout=0.5)
    os.set_blocking(reading, False)
    assert os.read(reading, 10_000_000).startswith(b"x" * 1000)
    os.close(reading)
    os.close(writing)


def test_dropped_lines_are_counted_in_a_line_of_their_own() -> None:
    reading, writing = os.pipe()
    sink = Sink(writing, limit=10)
    for _ in range(5000):
        sink.write(b"line\n")
    sink.close()
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        lines = pipe.read().splitlines()
    told = [line for line in lines if b"log_lines_dropped" in line]
    assert told
    assert len(lines) < 5000


def test_a_closed_descriptor_harms_nobody() -> None:
    reading, writing = os.pipe()
    sink = Sink(writing)
    os.close(reading)
    sink.write(b"into the void\n")
    sink.close()
    os.close(writing)
