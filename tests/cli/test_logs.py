"""`fairlead logs analyse` as a user types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from fairlead.cli.exits import Exit
from tests.cli.processes import fairlead
from tests.telemetry.test_analysis import call, request, text


def test_the_report_is_a_page_of_text_json_or_html(tmp_path: Path) -> None:
    hostile = "/\x1b]0;owned\x07\x1b[31m"
    lines = [request(1), request(70, 500, 9000.0, endpoint=hostile), call(), b"broken"]
    (tmp_path / "app.log").write_bytes(text(lines))
    done = fairlead(tmp_path, "logs", "analyse", "app.log", "--html", "report.html")
    assert done.code == Exit.OK, done.err
    assert "2 requests, 50.00% answered with 5xx" in done.out and "1 line is nothing of it" in done.out
    assert "slower than 5.0 s: 1" in done.out and "openai/gpt-5" in done.out and "\x1b" not in done.out
    assert "<!doctype html>" in (tmp_path / "report.html").read_text()
    report = fairlead(tmp_path, "logs", "analyse", "app.log", "--json").json
    assert (report["requests"]["count"], report["error_rate"], report["files"][0]["strange"]) == (2, 0.5, 1)


def test_standard_input_and_the_last_hours(tmp_path: Path) -> None:
    words = (sys.executable, "-m", "fairlead", "logs", "analyse", "-", "--json")
    given = text([request(1), request(2)])
    done = subprocess.run(words, cwd=tmp_path, input=given, capture_output=True, check=True)
    assert json.loads(done.stdout)["requests"]["count"] == 2
    (tmp_path / "app.log").write_bytes(text([{**request(1), "timestamp": "2020-01-01T00:00:00+00:00"}]))
    old = fairlead(tmp_path, "logs", "analyse", "app.log", "--hours", "2")
    assert old.code == Exit.OK and "The newest line is of 2020-01-01 00:00:00 UTC" in old.out


def test_what_is_no_log_ends_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "words.log").write_text("hello\nworld\n")
    for name, code, words in (("none.log", Exit.NOT_FOUND, "There is no none.log"),
                              ("words.log", Exit.USAGE, "neither JSON lines nor an access log"),
                              (".", Exit.USAGE, "is a folder")):  # fmt: skip
        done = fairlead(tmp_path, "logs", "analyse", name)
        assert (done.code, words in done.err) == (code, True), done.err
