"""What is noted is told a moment later: all of it, in order, once, whoever fails and whatever stands still."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
from prometheus_client import CollectorRegistry

from fairlead.clock import SystemClock
from fairlead.config import Secret
from fairlead.telemetry.bound import bound
from fairlead.telemetry.emit import Emitter
from fairlead.telemetry.logs import URGENT, Log
from fairlead.telemetry.metrics import Metrics
from fairlead.telemetry.notes import Note, Notes
from fairlead.telemetry.otlp import OtlpExporter
from fairlead.telemetry.redact import Redactor
from fairlead.telemetry.sentry import Sentry
from fairlead.telemetry.sink import Sink
from fairlead.telemetry.span import Wording
from fairlead.telemetry.span_sender import SpanSender
from fairlead.telemetry.trace_context import TraceContext, current_in, enter
from fairlead.telemetry.traces import Traces
from tests.servers import wait_until
from tests.telemetry.collector import collector
from tests.telemetry.sentry_server import sentry_server

RUN = "01932f4a-7b1c-7123-8abc-1234567890ab"


class Teller:
    """Tells when the test says so."""

    def __init__(self) -> None:
        self.asked: list[Callable[[], None]] = []
        self.hurried = 0

    def ask(self, do: Callable[[], None], /) -> None:
        self.asked.append(do)

    def hurry(self) -> None:
        self.hurried += 1


def noting(teller: Any, **more: Any) -> tuple[Emitter, Notes, list[str]]:
    failures: list[str] = []
    emitter = Emitter(report=failures.append)
    notes = Notes(teller, clock=SystemClock(), settled=dict, failed=emitter.failed, **more)
    return emitter, notes, failures


def test_what_is_noted_is_told_once_in_order_when_the_teller_comes_to_it() -> None:
    heard: list[Note] = []
    teller = Teller()
    emitter, notes, _ = noting(teller)
    notes.tell(heard.append, events=("log", "run_parked"))
    emitter.subscribe(notes, events=notes.events)
    for number in range(3):
        emitter.emit("log", message=number)
    emitter.emit("run_parked", reason="timer")
    assert heard == []
    assert len(teller.asked) == 1
    teller.asked.pop()()
    assert [(one[0], one[1]) for one in heard] == [
        *(("log", {"message": number}) for number in range(3)),
        ("run_parked", {"reason": "timer"}),
    ]
    emitter.emit("log", message="later")
    assert len(teller.asked) == 1
    teller.asked.pop()()
    assert len(heard) == 5


def test_an_error_makes_the_teller_hurry() -> None:
    teller = Teller()
    emitter, notes, _ = noting(teller, urgent=URGENT)
    notes.tell(lambda _: None, events=("log", "error"))
    emitter.subscribe(notes, events=notes.events)
    emitter.emit("log", message="nothing")
    assert teller.hurried == 0
    emitter.emit("error", code="internal")
    assert teller.hurried == 1


def test_who_fails_is_reported_and_the_others_are_told() -> None:
    def broken(_: Note) -> None:
        raise ValueError("broken")

    heard: list[Note] = []
    emitter, notes, failures = noting(Teller())
    notes.tell(broken, events=("log",))
    notes.tell(heard.append, events=("log", "listener_failed"))
    emitter.subscribe(notes, events=notes.events)
    for _ in range(3):
        emitter.emit("log", message="it")
    notes.catch_up()
    assert [one[0] for one in heard] == ["log", "log", "log", "listener_failed"]
    assert len(failures) == 1
    assert "broken" in failures[0] and "ValueError" in failures[0]


def test_what_waits_does_not_grow_where_the_teller_stands_still() -> None:
    heard: list[Note] = []
    emitter, notes, _ = noting(Teller())
    notes.tell(heard.append, events=("step_recorded",), with_task=False)
    emitter.subscribe(notes, events=notes.events)
    for number in range(10_000):
        emitter.emit("step_recorded", name=str(number))
        assert number + 1 - len(heard) < 500
    notes.catch_up()
    assert [one[1]["name"] for one in heard] == [str(number) for number in range(10_000)]


def test_all_threads_may_speak_and_look_at_once() -> None:
    registry = CollectorRegistry()
    emitter, notes, failures = noting(Teller())
    metrics = Metrics(registry, catch_up=notes.catch_up)
    notes.tell(metrics.later, events=metrics.events, with_task=False)
    emitter.subscribe(notes, events=notes.events)

    def speak() -> None:
        for _ in range(3000):
            emitter.emit("database_query", query="claim", took=timedelta(milliseconds=1))

    threads = [threading.Thread(target=speak) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        metrics.render()
    assert b'database_query_seconds_count{query="claim"} 12000.0' in metrics.render()
    assert failures == []


async def test_a_note_belongs_to_the_task_and_the_moment_that_said_it() -> None:
    heard: list[Note] = []
    emitter, notes, _ = noting(Teller())
    notes.tell(heard.append, events=("log",))
    emitter.subscribe(notes, events=notes.events)
    data = ["as it was"]

    async def speak(number: int) -> None:
        enter(TraceContext(number, 1))
        emitter.emit("log", message=number, data=tuple(data))
        enter(None)

    await asyncio.gather(speak(1), speak(2))
    notes.catch_up()
    assert [current_in(one[4]) for one in heard] == [TraceContext(1, 1), TraceContext(2, 1)]
    assert heard[0][5] != heard[1][5]


def test_the_log_and_the_metrics_of_what_was_noted_are_those_of_what_was_said(tmp_path: Path) -> None:
    path = tmp_path / "log"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    sink = Sink(descriptor)
    log = Log(sink, clock=SystemClock())
    emitter = Emitter()
    notes = Notes(sink, clock=SystemClock(), settled=log.settled, failed=emitter.failed, urgent=URGENT)
    notes.tell(log.later, events=log.events)
    emitter.subscribe(notes, events=notes.events)
    given = {"to": ["bob@example.com"]}
    with bound(request_id="req-12345678"):
        emitter.emit("tool_call", run_id=RUN, tool="mail", step="k", input=given)
        given["to"].append("what came later")
        emitter.emit("error", code="internal", message="of bob@example.com")
    wait_until(lambda: path.read_bytes().count(b"\n") == 2, seconds=30)
    sink.close()
    os.close(descriptor)
    called, error = (orjson.loads(line) for line in path.read_bytes().splitlines())
    assert (called["event"], called["request_id"], called["run_id"]) == ("tool_call", "req-12345678", RUN)
    assert called["input"] == '{"to":["[email]"]}'
    assert (error["level"], error["message"]) == ("error", "of [email]")


async def test_spans_of_what_was_noted_are_sent_also_where_the_teller_stands_still() -> None:
    async with collector() as at:
        emitter, notes, failures = noting(Teller())
        exporter = OtlpExporter(at.url, Secret(""), service={"service.name": "test"}, version="1",
                                wording=Wording(Redactor()))  # fmt: skip
        sender = SpanSender(exporter, clock=SystemClock(), emit=emitter.emit, gather=0.02, catch_up=notes.catch_up)
        traces = Traces(sender.put, clock=SystemClock())
        emitter.subscribe(traces, events=traces.at_once)
        notes.tell(traces.later, events=traces.calls)
        emitter.subscribe(notes, events=notes.events)
        enter(TraceContext(0xABC, 0xDEF, 0x123))
        emitter.emit("agent_started", run_id=RUN, agent="a", tenant="t", attempt=1, task="x")
        emitter.emit("llm_retry", run_id=RUN, provider="p", model="p/m", attempt=1, error="model_unavailable")
        emitter.emit("llm_call", run_id=RUN, provider="p", model="p/m", status="ok", took=timedelta(milliseconds=30))
        emitter.emit("agent_completed", run_id=RUN, agent="a", status="success", attempt=1)
        enter(None)
        await at.until("chat m", "run a")
        call, attempt = at.one("chat m"), at.one("invoke_agent a")
        await asyncio.to_thread(sender.close)
    assert call.parent == attempt.id
    assert [name for name, _ in call.events] == ["llm_retry"]
    assert failures == []


async def test_what_was_noted_of_a_run_comes_with_its_failure_and_of_no_other() -> None:
    async with sentry_server() as server:
        emitter, notes, failures = noting(Teller())
        sentry = Sentry(
            server.dsn, environment="testing", release="b", service="s", sample_rate=1.0, redactor=Redactor(),
            clock=SystemClock(), emit=emitter.emit, catch_up=notes.catch_up,
        )  # fmt: skip
        emitter.subscribe(sentry.hear_at_once, events=sentry.at_once)
        notes.tell(sentry.later, events=sentry.events, with_task=False)
        emitter.subscribe(notes, events=notes.events)
        for run_id in (RUN, "another"):
            emitter.emit("agent_started", run_id=run_id, agent="a", attempt=1)
            emitter.emit("llm_call", run_id=run_id, provider="p", model=f"model of {run_id}", status="ok")
        emitter.emit("agent_completed", run_id="another", agent="a", status="success", took=timedelta(seconds=1))
        error = {"error": "ValueError", "message": "no such file"}
        emitter.emit("agent_completed", run_id=RUN, agent="a", status="error", error=error, took=timedelta(seconds=1))
        emitter.emit("error", code="internal", message="of no run", where="here")
        failed, of_no_run = await server.until("event", 2)
        notes.catch_up()
        await asyncio.to_thread(sentry.close)
    crumbs = failed["breadcrumbs"]["values"]
    assert [crumb["category"] for crumb in crumbs] == ["agent_started", "llm_call", "agent_completed"]
    assert crumbs[1]["data"]["model"] == f"model of {RUN}"
    assert [crumb["category"] for crumb in of_no_run["breadcrumbs"]["values"]] == ["error"]
    assert {timed["tags"]["run_id"] for timed in server.of("transaction")} == {RUN, "another"}
    assert failures == []


def test_a_log_that_takes_nothing_holds_up_no_metrics_and_keeps_its_bounds() -> None:
    reading, writing = os.pipe()
    sink = Sink(writing, limit=1000)
    log = Log(sink, clock=SystemClock())
    emitter = Emitter()
    notes = Notes(sink, clock=SystemClock(), settled=log.settled, failed=emitter.failed)
    metrics = Metrics(CollectorRegistry(), catch_up=notes.catch_up)
    notes.tell(log.later, events=log.events)
    notes.tell(metrics.later, events=metrics.events)
    emitter.subscribe(notes, events=notes.events)
    for number in range(5000):
        emitter.emit("llm_call", run_id=RUN, provider="p", model="p/m", status="ok", message="x" * 100, tries=number)
    assert b'ai_requests_total{service="p",status="ok"} 5000.0' in metrics.render()
    sink.close(timeout=0.1)
    os.close(reading)
    os.close(writing)
