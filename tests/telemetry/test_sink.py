from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import orjson

from fairlead.cli.client import Client
from fairlead.cli.following import events_of
from fairlead.telemetry.sink import Sink
from tests.cli.processes import make_project, open_gate, running, start_gates
from tests.servers import wait_until


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


def test_a_full_disk_costs_what_does_not_fit_and_says_how_much(tmp_path: Path) -> None:
    path, descriptor = tmp_path / "log", os.open("/dev/full", os.O_WRONLY)
    sink = Sink(descriptor, limit=100)
    for number in range(150):
        sink.write(b"%d\n" % number)
    os.dup2(room := os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)  # there is room again
    os.close(room)
    sink.close(timeout=10)
    os.close(descriptor)
    lines = path.read_bytes().splitlines()
    dropped = sum(orjson.loads(line)["count"] for line in lines if b"log_lines_dropped" in line)
    kept = [line for line in lines if b"log_lines_dropped" not in line]
    assert dropped > 0
    assert kept == [b"%d" % number for number in range(len(kept))]
    assert len(kept) + dropped == 150


def test_a_line_is_made_by_who_writes_it_in_its_turn(tmp_path: Path) -> None:
    path, makers = tmp_path / "log", list[str]()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)

    def made() -> bytes:
        makers.append(threading.current_thread().name)
        return b"second\n"

    sink = Sink(descriptor)
    for line in (b"first\n", made, b"third\n"):
        sink.write(line)
    sink.close()
    os.close(descriptor)
    assert path.read_bytes() == b"first\nsecond\nthird\n"
    assert makers == ["log-sink"]


def test_a_line_that_can_not_be_made_is_counted_and_costs_no_other(tmp_path: Path) -> None:
    path = tmp_path / "log"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)

    def broken() -> bytes:
        raise ValueError("not to be written")

    sink = Sink(descriptor)
    for line in (b"{}\n", broken, b"{}\n"):
        sink.write(line)
    sink.close()
    os.close(descriptor)
    lines = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    assert [line for line in lines if not line] == [{}, {}]
    assert [line["count"] for line in lines if line] == [1]


def test_an_urgent_line_and_the_end_wait_for_no_others(tmp_path: Path) -> None:
    path = tmp_path / "log"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    sink = Sink(descriptor, gather=3600)
    sink.write(b"before\n")
    sink.write(b"urgent\n", urgent=True)
    wait_until(lambda: path.read_bytes() == b"before\nurgent\n", seconds=30)
    sink.write(b"last\n")
    sink.close(timeout=30)
    os.close(descriptor)
    assert path.read_bytes().endswith(b"last\n")


def test_flush_writes_what_waits_and_the_sink_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "log"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    sink = Sink(descriptor, gather=3600)
    assert sink.flush(timeout=30)  # nothing waits: that is written, too
    for number in range(3):
        for line in range(1000):
            sink.write(b"%d\n" % (number * 1000 + line))
        assert sink.flush(timeout=30)
        assert path.read_bytes().split() == [b"%d" % one for one in range((number + 1) * 1000)]
    sink.close()
    os.close(descriptor)


def test_flush_says_that_a_full_disk_took_nothing_and_once_there_is_room_that_it_did(tmp_path: Path) -> None:
    path, descriptor = tmp_path / "log", os.open("/dev/full", os.O_WRONLY)
    sink = Sink(descriptor)
    sink.write(b"line\n")
    assert not sink.flush(timeout=0.3)
    os.dup2(room := os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    os.close(room)
    assert sink.flush(timeout=30)
    assert path.read_bytes() == b"line\n"
    sink.close()
    os.close(descriptor)


def test_what_waits_when_a_process_ends_is_written() -> None:
    ends = "from fairlead.telemetry.sink import Sink; Sink(1, gather=3600).write(b'the last word\\n')"
    done = subprocess.run((sys.executable, "-c", ends), capture_output=True, timeout=60, check=True)
    assert done.stdout == b"the last word\n"


def test_a_service_whose_log_takes_nothing_serves_on(tmp_path: Path) -> None:
    make_project(tmp_path)
    open_gate(tmp_path)
    with running(
        tmp_path, "serve", "--port", "0", log=Path("/dev/full"), FAIRLEAD_LOG_LEVEL="DEBUG",
    ) as serve:  # fmt: skip
        client = Client(serve.until("listening")["url"])
        run_id = start_gates(client, tmp_path)
        list(events_of(client, run_id))
        assert client.get(f"/runs/{run_id}")["output"] == ["first", "open", "second"]
        assert serve.stop() == 0
