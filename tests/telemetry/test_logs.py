from __future__ import annotations

import asyncio
import logging
import os
import time
import timeit
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson
import pytest
import structlog

from fairlead.config import Environment, LogFormat, LogLevel
from fairlead.telemetry.bound import bound
from fairlead.telemetry.catalogue import EVENTS, Heard
from fairlead.telemetry.emit import Emitter
from fairlead.telemetry.line import as_json
from fairlead.telemetry.logs import Log, renderer, take_over
from fairlead.telemetry.sink import Line, Sink
from fairlead.testing import MovableClock
from tests.telemetry.test_emit import HandClock


@dataclass
class Page:
    """What a sink would have written."""

    written: list[bytes] = field(default_factory=list[bytes])

    def write(self, line: Line, *, urgent: bool = False) -> None:
        self.written.append(line if isinstance(line, bytes) else line())

    def close(self) -> None: ...

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.written]


def log_to(page: Page, level: LogLevel = LogLevel.INFO) -> tuple[Emitter, Log]:
    log = Log(page, clock=HandClock(), level=level)
    emitter = Emitter()
    emitter.subscribe(log, events=log.events)
    return emitter, log


def test_an_event_is_one_line_of_json_with_its_fields() -> None:
    page = Page()
    log_to(page)[0].emit("tool_result", run_id="r", tool="grep", took=timedelta(seconds=1), output="3 lines")
    assert page.lines == [
        {"timestamp": "2026-11-22T00:00:00+00:00", "level": "info", "event": "tool_result", "service": "fairlead",
         "run_id": "r", "tool": "grep", "latency_ms": 1000.0, "output": "3 lines"}
    ]  # fmt: skip


def test_run_events_are_logged_whatever_the_level() -> None:
    page = Page()
    emitter, _ = log_to(page, LogLevel.CRITICAL)
    for name in EVENTS:
        emitter.emit(name)
    assert {line["event"] for line in page.lines} == {
        spec.name for spec in EVENTS.values() if spec.heard is Heard.ALWAYS
    }


def test_the_rest_is_logged_by_level_and_steps_never() -> None:
    page = Page()
    emitter, _ = log_to(page, LogLevel.WARNING)
    for name in ("http_request", "queue_full", "error", "step_recorded"):
        emitter.emit(name)
    assert [line["event"] for line in page.lines] == ["queue_full", "error"]


async def test_ids_that_are_bound_are_in_every_line_of_their_task_and_no_other() -> None:
    page = Page()
    emitter, _ = log_to(page)

    async def speak(number: int) -> None:
        with bound(request_id=f"q{number}"):
            await asyncio.sleep(0)
            await asyncio.create_task(whisper())

    async def whisper() -> None:
        emitter.emit("queue_full", depth=1)

    await asyncio.gather(speak(1), speak(2))
    emitter.emit("queue_full", depth=2)
    assert [line.get("request_id") for line in page.lines] == ["q1", "q2", None]


def test_what_an_event_says_wins_over_what_is_bound() -> None:
    page = Page()
    with bound(run_id="outer"):
        log_to(page)[0].emit("tool_call", run_id="inner")
    assert page.lines[0]["run_id"] == "inner"


@pytest.mark.usefixtures("logging_as_it_was")
@dataclass
class Later(Page):
    """What a sink would write once it comes to it."""

    waiting: list[Line] = field(default_factory=list[Line])
    urgent: list[bool] = field(default_factory=list[bool])

    def write(self, line: Line, *, urgent: bool = False) -> None:
        self.waiting.append(line)
        self.urgent.append(urgent)

    def catch_up(self) -> None:
        for line in self.waiting:
            super().write(line)


def test_a_line_says_what_was_so_when_it_was_said_however_late_it_is_written() -> None:
    page, clock = Later(), MovableClock()
    log = Log(page, clock=clock)
    given: dict[str, Any] = {"path": "/a"}
    with bound(request_id="r1"):
        log("tool_call", {"run_id": "r", "tool": "grep", "input": given})
        log("tool_result", {"run_id": "r", "tool": "grep", "output": [given]})
        log("agent_completed", {"run_id": "r", "error": given})
    given["path"] = "/changed"
    clock.move(timedelta(hours=1))
    with bound(request_id="r2"):
        page.catch_up()
    call, result, completed = page.lines
    assert (call["input"], result["output"], completed["error"]) == ('{"path":"/a"}', '[{"path":"/a"}]', {"path": "/a"})
    assert {line["request_id"] for line in page.lines} == {"r1"}
    assert {line["timestamp"][:13] for line in page.lines} == {"2030-01-01T00"}


def test_errors_are_urgent_and_the_rest_is_not() -> None:
    page = Later()
    emitter, _ = log_to(page)
    emitter.emit("tool_call", run_id="r", tool="grep")
    emitter.emit("error", code="internal", message="broken", where="w")
    assert page.urgent == [False, True]


def test_libraries_speak_through_the_same_line() -> None:
    page = Page()
    take_over(log_to(page)[1], level=LogLevel.INFO)
    logger = logging.getLogger("asyncpg.pool")
    logger.debug("not heard")
    logger.warning("login of %s failed\n{}", "bob@example.com")
    try:
        raise ValueError("password=hunter2")
    except ValueError:
        logger.exception("broke")
    assert [line["message"] for line in page.lines] == ["login of [email] failed\n{}", "broke"]
    assert page.lines[1]["level"] == "error"
    assert "ValueError" in page.lines[1]["trace"]
    assert b"hunter2" not in b"".join(page.written)


@pytest.mark.usefixtures("logging_as_it_was")
def test_an_agent_that_uses_structlog_gets_run_id_and_redaction_for_nothing() -> None:
    page = Page()
    take_over(log_to(page)[1], level=LogLevel.INFO)
    with bound(run_id="r1"):
        structlog.get_logger().info("charged", card="4111 1111 1111 1111", amount=5)
        structlog.get_logger().debug("not heard")
    (line,) = page.lines
    assert (line["run_id"], line["message"], line["card"], line["amount"]) == ("r1", "charged", "[card]", 5)


@pytest.mark.usefixtures("logging_as_it_was")
def test_a_library_that_speaks_nonsense_harms_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    page = Page()
    take_over(log_to(page)[1], level=LogLevel.INFO)
    logging.getLogger("x").warning("%d", "not a number")
    assert page.lines == []
    assert "not a number" in capsys.readouterr().err


def test_a_line_is_cheap() -> None:
    """Under 20 µs here with a clean line; the bound leaves room for a busy machine."""
    emitter, _ = log_to(Page())
    run = "01932f4a-7b1c-7123-8abc-1234567890ab"

    def speak() -> None:
        emitter.emit(
            "llm_call", run_id=run, agent="log_triage", tenant="default", model="simulated/triage", status="ok",
            took=timedelta(milliseconds=12), tokens_in=512, tokens_out=33, cost_nano=120_000, streamed=True,
        )  # fmt: skip

    assert min(timeit.repeat(speak, timer=time.process_time, number=2000, repeat=5)) / 2000 < 60e-6


def test_a_developer_at_a_terminal_gets_colours_and_machines_get_json() -> None:
    development, production = Environment.DEVELOPMENT, Environment.PRODUCTION
    assert renderer(LogFormat.AUTO, development, terminal=True) is not as_json
    assert renderer(LogFormat.AUTO, development, terminal=False) is as_json
    assert renderer(LogFormat.AUTO, production, terminal=True) is as_json
    assert renderer(LogFormat.JSON, development, terminal=True) is as_json
    assert renderer(LogFormat.CONSOLE, production, terminal=False) is not as_json


def test_a_clock_that_goes_back_loses_no_line_and_shortens_no_duration() -> None:
    page, clock = Page(), MovableClock()
    log = Log(page, clock=clock)
    for hours in (0, -5, 1):
        clock.move(timedelta(hours=hours))
        log("tool_result", {"run_id": "r", "tool": "grep", "took": timedelta(milliseconds=7)})
    assert [line["timestamp"][:13] for line in page.lines] == ["2030-01-01T00", "2029-12-31T19", "2029-12-31T20"]
    assert [line["latency_ms"] for line in page.lines] == [7, 7, 7]


def test_it_writes_through_a_real_sink() -> None:
    reading, writing = os.pipe()
    log = Log(Sink(writing), clock=HandClock())
    log("worker_started", {"worker": "w"})
    log.close()
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert orjson.loads(pipe.read())["worker"] == "w"
