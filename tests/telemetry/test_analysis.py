"""Logs of every kind, whole and broken, as files on disk; what is said of them is counted by hand."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import zstandard

from fairlead.errors import InvalidInput, NotFound
from fairlead.telemetry.analysis import Report, Wanted, analyse
from fairlead.telemetry.analysis.formats import Format, format_of, translated
from fairlead.telemetry.analysis.page import page_of, write_page

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
COMBINED = b'10.0.0.7 - bob [27/Nov/2026:13:00:00 +0100] "GET /runs/42?key=s HTTP/1.1" 200 512 "-" "curl/8" 0.250'


def request(minute: int = 0, status: int = 200, took: float | None = 20.0, **more: Any) -> dict[str, Any]:
    at = (NOON + timedelta(minutes=minute)).isoformat()
    line = {"timestamp": at, "level": "info", "event": "http_request", "method": "GET", "endpoint": "/runs",
            "status_code": status, "request_id": f"r{minute}", **more}  # fmt: skip
    return line if took is None else {**line, "latency_ms": took}


def call(model: str = "gpt-5", status: str = "ok", **more: Any) -> dict[str, Any]:
    return {"timestamp": NOON.isoformat(), "level": "info", "event": "llm_call", "provider": "openai", "model": model,
            "status": status, "latency_ms": 900.0, "tokens": 100, "cost_usd": 0.5, **more}  # fmt: skip


def text(lines: Iterable[dict[str, Any] | bytes]) -> bytes:
    return b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in lines)


def said(path: Path, content: bytes, **wanted: Any) -> Report:
    path.write_bytes(content)
    return analyse([str(path)], Wanted(**wanted))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "app.log"


def test_requests_are_counted_by_status_route_and_hour(log: Path) -> None:
    lines = [request(minute, 500 if minute == 70 else 200, 10.0 * minute + 1) for minute in range(100)]
    report = said(log, text([*lines, request(3, 404, 7000.0, endpoint="/slow")]))
    assert (report.lines, report.requests.count, report.error_rate) == (101, 101, 1 / 101)
    assert dict(report.statuses) == {"200": 99, "404": 1, "500": 1}
    assert [(one.at.hour, one.requests, one.errors) for one in report.hours] == [(12, 61, 0), (13, 40, 1)]
    assert [(one.name, one.count, one.failed) for one in report.routes] == [("GET /runs", 100, 1), ("GET /slow", 1, 0)]
    assert [(one.name, one.took, one.id, one.status) for one in report.slowest] == [("GET /slow", 7000.0, "r3", "404")]
    assert (report.slow, report.first, report.last) == (1, NOON, NOON + timedelta(minutes=99))
    latency = report.routes[0].latency
    assert latency.p50 is not None and latency.p95 is not None and latency.mean is not None
    assert abs(latency.p50 / 491 - 1) < 0.03 and abs(latency.p95 / 941 - 1) < 0.03
    assert (round(latency.mean), latency.max) == (496, 991.0)


def test_runs_models_tools_and_errors_are_told(log: Path) -> None:
    at = NOON.isoformat()
    ended = {
        "timestamp": at,
        "level": "info",
        "event": "agent_completed",
        "agent": "desk",
        "latency_ms": 50,
        "tokens": 9,
    }
    tool = {"timestamp": at, "level": "info", "event": "tool_result", "tool": "search", "latency_ms": 5}
    wrong = {"timestamp": at, "level": "error", "event": "error", "code": "internal"}
    report = said(log, text([
        {**ended, "status": "success"}, {**ended, "status": "error"}, {**ended, "status": "success"}, call(), call(),
        call("haiku", "error"), {**tool, "status": "ok"}, {**tool, "status": "error"},
        {**wrong, "message": "row 17 of 9f3c2a is gone"}, {**wrong, "message": "row 4 of 11aa0b is gone"},
    ]))  # fmt: skip
    assert dict(report.runs) == {"success": 2, "error": 1}
    assert [(one.name, one.count, one.failed) for one in report.agents] == [("desk", 3, 1)]
    assert [(one.name, one.count, one.failed, one.tokens, one.cost_usd) for one in report.models] == [
        ("openai/gpt-5", 2, 0, 200, 1.0), ("openai/haiku", 1, 1, 100, 0.5),
    ]  # fmt: skip
    assert [(one.name, one.count, one.failed) for one in report.tools] == [("search", 2, 1)]
    assert [(one.said, one.count) for one in report.wrongs] == [("internal: row # of # is gone", 2)]
    assert report.error_rate is None, "without a request there is no rate"


@pytest.mark.parametrize(
    "strange",
    [
        b'{"event":', b'{"event":"http_requ', b"{", b"[1,", b"not json", b'"text"', b"[]", b'{"other": 1}',
        b"\xff\xfe\x00",
        b'{"event": "nul\x00"}', b'{"event": "\xff"}', b'{"event": "a"}{"event": "b"}', b"[" * 100_000,
        b'{"event": "' + b"x" * 3_000_000 + b'"',
    ],
)  # fmt: skip
@pytest.mark.parametrize("packed", [False, True])
def test_a_line_that_is_nothing_of_its_format_is_counted_and_costs_no_other(
    log: Path, strange: bytes, packed: bool
) -> None:
    content = text([request(1), strange, request(2), request(3, 500)])
    report = said(log, gzip.compress(content) if packed else content)
    assert (report.lines, report.strange, report.requests.count, report.requests.failed) == (3, 1, 3, 1)
    assert report.files[0].strange == 1


def test_what_has_not_the_type_it_should_have_is_left_out_of_figures(log: Path) -> None:
    odd = [request(1, took=None, latency_ms="soon"), request(2, took=None, latency_ms=-5), request(3, took=1e300),
           request(4, took=None, latency_ms={"a": 1}), {**request(5), "timestamp": "yesterday"},
           {**request(6), "timestamp": 17}, {**request(7), "timestamp": "9999999-01-01T00:00:00Z"}]  # fmt: skip
    report = said(log, text([*odd, request(8)]))
    assert (report.requests.count, report.strange) == (8, 0)
    assert report.last == NOON + timedelta(minutes=8)


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress])
def test_packed_files_are_unpacked_and_cut_ones_give_what_is_there(log: Path, pack: Any) -> None:
    content = text(request(minute, request_id=f"{minute * 7919 % 10007:x}" * 8) for minute in range(3000))
    whole = said(log, pack(content))
    assert (whole.requests.count, whole.files[0].note) == (3000, "")
    cut = said(log, pack(content)[:-200])
    assert 0 < cut.requests.count < 3000 and cut.strange <= 1
    assert "ends before its end" in cut.files[0].note or "damaged" in cut.files[0].note


def test_two_packed_parts_in_one_file_are_both_read(log: Path) -> None:
    assert said(log, gzip.compress(text([request(1)])) + gzip.compress(text([request(2)]))).requests.count == 2


def test_rotated_files_are_read_with_the_one_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "app.log").write_bytes(text([request(3)]))
    (tmp_path / "app.log.1").write_bytes(text([request(2)]))
    (tmp_path / "app.log.2.gz").write_bytes(gzip.compress(text([request(1)])))
    (tmp_path / "app.log-20261126.zst").write_bytes(zstandard.ZstdCompressor().compress(text([request(0)])))
    for other in ("app.log.bak", "app.logs", "other.log.1"):
        (tmp_path / other).write_bytes(text([request(9)]))
    names = [str(tmp_path / "app.log")]
    assert analyse(names, Wanted()).requests.count == 1
    report = analyse(names, Wanted(), rotated=True)
    assert (report.requests.count, len(report.files), report.first) == (4, 4, NOON)


def test_what_is_older_is_left_out_and_said(log: Path) -> None:
    lines = text([request(minute) for minute in range(60)] + [{**request(1), "timestamp": None}])
    report = said(log, lines, since=NOON + timedelta(minutes=50))
    assert (report.requests.count, report.older, report.timeless) == (10, 50, 1)
    none = said(log, lines, since=NOON + timedelta(days=1))
    assert (none.lines, none.older, none.newest) == (0, 60, NOON + timedelta(minutes=59))


def test_access_logs_are_read_and_ids_and_queries_left_out(log: Path) -> None:
    report = said(log, text([
        COMBINED,
        b'::1 - - [27/Nov/2026:12:30:00 +0000] "POST /a/9f0c1d2e-1111-2222-3333-444455556666/b HTTP/2.0" 503 -',
        b"garbage", b'1.2.3.4 - - [27/Nov/2026:12:31:00 +0000] "GET /x HTTP/1.1" 404 7 "-" "a \\"quoted\\" agent"',
    ]))  # fmt: skip
    assert (report.files[0].format, report.strange) == (Format.ACCESS, 1)
    assert {one.name for one in report.routes} == {"GET /runs/{id}", "POST /a/{id}/b", "GET /x"}
    assert (report.first, report.requests.latency.max, dict(report.statuses)) == (
        NOON, 250.0, {"200": 1, "404": 1, "503": 1},
    )  # fmt: skip


def test_what_a_container_wrote_is_taken_out_of_what_docker_wraps_it_in(log: Path) -> None:
    def wrapped(line: str) -> dict[str, Any]:
        return {"log": f"{line}\n", "stream": "stdout", "time": NOON.isoformat()}

    report = said(log, text([
        wrapped(json.dumps(request(1, 500))), wrapped('INFO:     127.0.0.1:5 - "GET /docs HTTP/1.1" 200 OK'),
        wrapped("just words"), b"broken",
    ]))  # fmt: skip
    assert (report.files[0].format, report.requests.count, report.lines, report.strange) == (Format.DOCKER, 2, 3, 1)
    assert report.hours[0].requests == 2


@pytest.mark.parametrize(
    ("content", "format"),
    [
        (b"", Format.EMPTY), (b"\n\n", Format.EMPTY), (b"hello\nworld\n", Format.UNKNOWN),
        (b"\x00" * 500, Format.BINARY),
        (b"\x7fELF\x02\x01" + b"\x00\x01" * 300, Format.BINARY), (b'{"event": "a"}', Format.JSON),
        (COMBINED, Format.ACCESS), (b'127.0.0.1:5 - "GET / HTTP/1.1" 200 OK', Format.UVICORN),
    ],
)  # fmt: skip
def test_a_format_is_known_by_its_lines(content: bytes, format: Format) -> None:
    assert format_of(content) is format


def test_hostile_lines_take_no_time() -> None:
    hostile = [
        b'a b c [27/Nov/2026:13:00:00 +0100] "GET ' + b"/" * 9000,
        COMBINED + b' "' + b"\\" * 500_000,
        b"[" * 10**6,
    ]
    made, other = translated(hostile, Format.ACCESS)
    assert (len(made), other) == (1, 2)


def test_what_can_not_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "words").write_text("hello\nworld\n")
    (tmp_path / "empty").touch()
    with pytest.raises(NotFound, match="There is no"):
        analyse([str(tmp_path / "none.log")], Wanted())
    with pytest.raises(InvalidInput, match="is a folder"):
        analyse([str(tmp_path)], Wanted())
    with pytest.raises(InvalidInput, match="neither JSON lines nor an access log"):
        analyse([str(tmp_path / "words")], Wanted())
    assert [one.note for one in analyse([str(tmp_path / "empty")], Wanted()).files] == ["it is empty"]
    (tmp_path / "app.log").write_bytes(text([request()]))
    both = analyse([str(tmp_path / "words"), str(tmp_path / "app.log")], Wanted())
    assert both.requests.count == 1 and "nothing of it was counted" in both.files[0].note


def test_a_page_holds_what_logs_say_as_text_and_is_written_whole(log: Path) -> None:
    hostile = "<script>alert(1)</script>"
    report = said(log, text([request(1, 500, endpoint=f"/{hostile}"), call(hostile), request(70)]))
    page = page_of(report)
    assert hostile not in page and "&lt;script&gt;" in page and "50.00 %" in page
    write_page(log.with_suffix(".html"), report)
    assert log.with_suffix(".html").read_text() == page
    with pytest.raises(InvalidInput, match="can't be written"):
        write_page(log / "no" / "page.html", report)
