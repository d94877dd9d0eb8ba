from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import Context
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sentry_sdk
import structlog

from fairlead.cli.client import Client
from fairlead.clock import SystemClock
from fairlead.config import LogLevel
from fairlead.errors import ConfigurationError
from fairlead.telemetry import sentry_event
from fairlead.telemetry.bound import bound
from fairlead.telemetry.catalogue import EVENTS
from fairlead.telemetry.emit import Emitter
from fairlead.telemetry.logs import Log, take_over
from fairlead.telemetry.sentry import Pace, Sentry, Storm
from fairlead.testing import MovableClock
from tests.cli.processes import make_project, running
from tests.telemetry.planted import PLANTED
from tests.telemetry.sentry_server import SentryServer, sentry_server
from tests.telemetry.test_planted import REDACTOR, Paper, left_in

RUN = "01932f4a-7b1c-7123-8abc-1234567890ab"
TOOK = timedelta(seconds=3)


class Speaking:
    def __init__(self, dsn: str, *, rate: float = 0.0, clock: Any = None) -> None:
        self.failures: list[str] = []
        self.told: list[dict[str, Any]] = []
        self.emitter = Emitter(report=self.failures.append)
        self.emitter.subscribe(lambda _, fields: self.told.append(fields), events=["sentry_unreachable"])
        self.emit = self.emitter.emit
        self.sentry = Sentry(
            dsn, environment="testing", release="build-7", service="fairlead", sample_rate=rate, redactor=REDACTOR,
            clock=clock or SystemClock(), emit=self.emit,
        )  # fmt: skip
        self.emitter.subscribe(self.sentry, events=self.sentry.events)


@asynccontextmanager
async def speaking(server: SentryServer, **how: Any) -> AsyncIterator[Speaking]:
    said = Speaking(server.dsn, **how)
    try:
        yield said
    finally:
        await asyncio.to_thread(said.sentry.close)
        assert said.failures == []


def fail(said: Speaking, number: int = 0) -> None:
    try:
        raise ValueError("broken")
    except ValueError as error:
        said.emit("error", code="internal", message=repr(error), where=f"place {number}")


def started(said: Speaking, run_id: str = RUN, **more: Any) -> None:
    said.emit("agent_started", run_id=run_id, agent="triage", tenant="acme", attempt=1, intent="general", **more)


def completed(said: Speaking, run_id: str = RUN, status: str = "success", **more: Any) -> None:
    said.emit("agent_completed", run_id=run_id, agent="triage", status=status, took=TOOK, release="build-7", **more)


async def test_a_failed_run_comes_with_what_it_did_before() -> None:
    trace = 'Traceback (most recent call last):\n  File "/home/bob/app/agents.py", line 12, in triage\n    raise X\nX\n'
    async with sentry_server() as server, speaking(server) as said:
        started(said, task="the task itself")
        said.emit("llm_call", run_id=RUN, provider="p", model="m-1", status="ok", took=TOOK, cost_nano=5)
        said.emit("tool_result", run_id=RUN, tool="grep", status="error", took=TOOK, output="the output", error="no")
        said.emit("llm_call", run_id="another", provider="p", model="m-2", status="ok", took=TOOK)
        completed(said, status="error", error={"error": "ValueError", "message": "no such file"}, trace=trace)
        (event,) = await server.until("event")
    assert event["exception"]["values"][0]["type"] == "ValueError"
    assert event["exception"]["values"][0]["value"] == "no such file"
    (frame,) = event["exception"]["values"][0]["stacktrace"]["frames"]
    assert (frame["filename"], frame["lineno"], frame["function"]) == ("app/agents.py", 12, "triage")
    assert (event["release"], event["environment"]) == ("build-7", "testing")
    assert {"run_id": RUN, "agent": "triage", "release": "build-7"}.items() <= event["tags"].items()
    crumbs = event["breadcrumbs"]["values"]
    assert [crumb["category"] for crumb in crumbs] == ["agent_started", "llm_call", "tool_result", "agent_completed"]
    assert crumbs[1]["data"]["model"] == "m-1"
    assert crumbs[1]["data"]["took_ms"] == 3000
    assert b"the task itself" not in b"".join(server.written)
    assert b"the output" not in b"".join(server.written)


async def test_an_error_has_its_stack_and_its_request_and_no_locals() -> None:
    async with sentry_server() as server, speaking(server) as said:
        with bound(request_id="req-12345678"):
            fail(said)
        (event,) = await server.until("event")
    assert event["tags"]["request_id"] == "req-12345678"
    frames = event["exception"]["values"][0]["stacktrace"]["frames"]
    assert frames[-1]["function"] == "fail"
    assert not any("vars" in frame or "abs_path" in frame for frame in frames)
    assert not {"user", "request", "modules", "server_name"} & set(event)


async def test_what_an_agent_captures_itself_belongs_to_its_run() -> None:
    async def agent(said: Speaking, run_id: str) -> None:
        started(said, run_id)
        await asyncio.sleep(0)
        said.emit("tool_call", run_id=run_id, tool=f"tool of {run_id}")
        await asyncio.create_task(inside(run_id))

    async def inside(run_id: str) -> None:
        await asyncio.sleep(0)
        mail = "bob@example.com"
        try:
            raise KeyError(mail)
        except KeyError:
            sentry_sdk.set_user({"email": mail, "ip_address": ".".join(("10", "1", "2", "3"))})
            sentry_sdk.get_current_scope().add_attachment(bytes=mail.encode(), filename="a.txt")
            sentry_sdk.set_tag("whose", run_id)
            sentry_sdk.add_breadcrumb(message=f"asked {mail}", data={run_id: mail})
            sentry_sdk.capture_exception()

    async with sentry_server() as server, speaking(server) as said:
        loop = asyncio.get_running_loop()
        await asyncio.gather(
            *(loop.create_task(agent(said, run_id), context=Context()) for run_id in ("run-a", "run-b"))
        )
        sentry_sdk.capture_message("of no run")
        events = await server.until("event", 3)
    by_run = {event["tags"].get("run_id") if event.get("tags") else None: event for event in events}
    assert set(by_run) == {"run-a", "run-b", None}
    assert not by_run[None].get("tags")
    for run_id in ("run-a", "run-b"):
        assert by_run[run_id]["tags"]["whose"] == run_id, "what an agent sets is not seen by others"
        assert by_run[run_id]["tags"]["agent"]
        crumbs = by_run[run_id]["breadcrumbs"]["values"]
        assert f"tool of {run_id}" in str(crumbs)
        assert "tool of run-" not in str(crumbs).replace(f"tool of {run_id}", "")
        assert "asked [email]" in str(crumbs)
    assert b"bob@example.com" not in b"".join(server.written)
    assert b"10.1.2.3" not in b"".join(server.written)


async def test_none_of_a_hundred_planted_secrets_gets_to_sentry() -> None:
    async with sentry_server() as server, speaking(server, rate=1.0, clock=(clock := MovableClock())) as said:
        for number, one in enumerate(PLANTED):
            clock.move(timedelta(minutes=2))
            run_id = f"run-{number}"
            started(said, run_id, task=one.text)
            said.emit("tool_call", run_id=run_id, tool=one.text, input=one.text)
            said.emit("tool_result", run_id=run_id, tool="t", status="error", took=TOOK, error=one.text)
            said.emit("log", run_id=run_id, message=one.text, data={"x": one.text})
            try:
                raise ValueError(one.text)
            except ValueError as error:
                said.emit("error", code="internal", message=repr(error), where=one.text, run_id=run_id)
                sentry_sdk.set_tag("about", one.text)
                sentry_sdk.set_extra("about", {"deep": [one.text]})
                sentry_sdk.set_context("about", {"it": one.text, one.text: 1})
                sentry_sdk.add_breadcrumb(message=one.text, data={"it": one.text})
                sentry_sdk.capture_exception()
            with sentry_sdk.start_transaction(name=one.text, op="x") as transaction:
                transaction.set_data("it", one.text)
            error = {"error": "ValueError", "message": one.text}
            completed(said, run_id, status="error", error=error, trace=f"Traceback …\n{one.text}")
            said.emit("http_request", method="GET", endpoint=one.text, status_code=200, took=TOOK, caller=one.text)
            if number % 10 == 9:  # the queue is bounded
                await server.until("event", 3 * (number + 1))
        await server.until("event", 300)
        await server.until("transaction", 300)
    assert left_in(b"\n".join(server.written)) == []


@pytest.mark.parametrize(("rate", "least", "most"), [(0.0, 0, 0), (0.1, 50, 160), (1.0, 1000, 1000)])
async def test_one_in_ten_runs_and_requests_is_timed(rate: float, least: int, most: int) -> None:
    clock = MovableClock()
    async with sentry_server() as server, speaking(server, rate=rate, clock=clock) as said:
        asked = {"method": "GET", "status_code": 200, "took": TOOK, "request_id": "r"}
        for number in range(500):
            clock.move(timedelta(seconds=1))
            completed(said, f"run-{number}")
            said.emit("http_request", endpoint="/runs/{run_id}", **asked)
            said.emit("http_request", endpoint="/health/live", **asked)
            if number % 25 == 24:  # the queue holds a hundred
                await asyncio.to_thread(sentry_sdk.flush, 10)
        timed = server.of("transaction")
        assert least <= len(timed) <= most
        assert {event["transaction"] for event in timed} <= {"triage", "GET /runs/{run_id}"}


def test_a_busy_service_sends_ten_durations_a_second() -> None:
    clock = MovableClock()
    pace = Pace(clock)
    assert sum(pace.admit() for _ in range(1000)) == 10
    clock.move(timedelta(seconds=1))
    assert pace.admit()


async def test_how_long_a_run_took_is_a_transaction() -> None:
    async with sentry_server() as server, speaking(server, rate=1.0) as said:
        completed(said, steps=4)
        (timed,) = await server.until("transaction")
    assert timed["transaction"] == "triage"
    assert timed["contexts"]["trace"]["op"] == "agent.run"
    assert timed["contexts"]["fairlead"]["steps"] == 4
    assert timed["tags"]["run_id"] == RUN


async def test_durations_are_sent_together_and_none_that_waits_is_lost_at_the_end() -> None:
    async with sentry_server() as server, speaking(server, rate=1.0) as said:
        for number in range(5):
            completed(said, f"run-{number}")
        assert server.requests == 0
        await asyncio.to_thread(said.sentry.close)
        assert {timed["tags"]["run_id"] for timed in server.of("transaction")} == {f"run-{n}" for n in range(5)}


async def test_a_duration_that_can_not_be_told_costs_no_other_and_is_counted() -> None:
    class Odd:
        def __str__(self) -> str:
            raise ValueError("not to be told")

    async with sentry_server() as server, speaking(server, rate=1.0) as said:
        completed(said, "run-1", steps=Odd())
        completed(said, "run-2")
        (timed,) = await server.until("transaction")
    assert timed["tags"]["run_id"] == "run-2"
    assert said.told == [{"reason": "ValueError", "count": 1}]


@pytest.mark.usefixtures("logging_as_it_was")
async def test_what_libraries_log_as_errors_is_sent_and_the_rest_is_not() -> None:
    async with sentry_server() as server, speaking(server) as said:
        take_over(Log(Paper(), clock=MovableClock()), level=LogLevel.INFO, others=[said.sentry.heard])
        logging.getLogger("asyncpg").warning("only a warning")
        logging.getLogger("sentry_sdk.errors").error("it does not answer")
        try:
            raise ConnectionError("of bob@example.com")
        except ConnectionError:
            logging.getLogger("asyncpg").exception("lost %s", "bob@example.com")
        structlog.get_logger().error("an agent is unhappy")
        events = await server.until("event", 2)
        await asyncio.to_thread(said.sentry.close)
    assert [event["exception"]["values"][0]["type"] for event in server.of("event")] == ["ConnectionError", "structlog"]
    assert events[0]["exception"]["values"][0]["value"] == "lost [email]"


async def test_a_sentry_that_does_not_answer_slows_nobody_and_is_told() -> None:
    async with sentry_server(silent=True) as server:
        said = Speaking(server.dsn, rate=1.0)
        began = time.monotonic()
        for _ in range(300):
            sentry_sdk.capture_message("an agent says it again and again")
        fail(said)
        assert time.monotonic() - began < 3
        began = time.monotonic()
        await asyncio.to_thread(said.sentry.close)
        assert time.monotonic() - began < 5
    assert said.told[0] == {"reason": "full_queue", "count": 1}
    assert len(said.told) == 1
    assert said.failures == []


@pytest.mark.parametrize("status", [b"429 Too Many Requests\r\nretry-after: 60", b"500 No", b"413 Too Large"])
async def test_a_sentry_that_refuses_harms_nobody(status: bytes) -> None:
    async with sentry_server(status=status) as server, speaking(server) as said:
        for number in range(30):
            fail(said, number)
        await server.until("event")
    assert server.requests < 60
    assert said.told


async def test_a_sentry_that_is_not_there_harms_nobody() -> None:
    said = Speaking("http://abc@127.0.0.1:1/1")
    fail(said)
    await asyncio.to_thread(said.sentry.close)
    assert said.told == [{"reason": "network", "count": 1}]


def test_the_same_error_is_sent_five_times_a_minute() -> None:
    clock = MovableClock()
    storm = Storm(clock)
    one = ("error", "internal", "here")
    assert [storm.admit(one) for _ in range(8)] == [0, 0, 0, 0, 0, None, None, None]
    assert storm.admit(("error", "internal", "there")) == 3
    clock.move(timedelta(hours=-5))
    assert storm.admit(one) is None
    clock.move(timedelta(minutes=1))
    assert storm.admit(one) == 1
    assert sum(storm.admit(("error", str(n), "")) is not None for n in range(1000)) == 59


async def test_hostile_fields_are_sent_and_break_nothing() -> None:
    async with sentry_server() as server, speaking(server) as said:
        for number, text in enumerate(("\ud800", "\x1b[31m\n{}", "x" * 1_000_000, "\x00", "%s%n${jndi}")):
            started(said, text[:50])
            said.emit("tool_call", run_id=text[:50], tool=text)
            said.emit("error", code="internal", message=text, where=f"{number}{text}", run_id=text[:50])
        await server.until("event", 5)
    assert max(map(len, server.written)) < 200_000


def test_a_wrong_dsn_is_refused_at_the_start() -> None:
    for dsn in ("nonsense", "https://example.com/1", "https://key@example.com"):
        with pytest.raises(ConfigurationError, match="SENTRY_DSN"):
            Speaking(dsn)


def test_it_hears_what_exists() -> None:
    said = Speaking("http://abc@127.0.0.1:1/1")
    said.sentry.close()
    assert set(said.sentry.events) <= set(EVENTS)
    assert {"error", "agent_completed", "agent_started", "http_request"} <= set(said.sentry.events)
    assert not sentry_sdk.is_initialized()


SCRIPT = """
import sys
from pathlib import Path
{before}
from fairlead.clock import SystemClock
from fairlead.config import load_settings
from fairlead.wiring.telemetry import open_telemetry
open_telemetry(load_settings(root=Path(".")), SystemClock()).close()
print("sentry_sdk" in sys.modules)
"""


def open_in_process(tmp_path: Path, before: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-c", SCRIPT.format(before=before)), cwd=tmp_path, capture_output=True, text=True,
        env={"PYTHONPATH": ":".join(sys.path), **env}, check=False,
    )  # fmt: skip


def test_without_a_dsn_the_sdk_is_never_imported(tmp_path: Path) -> None:
    assert open_in_process(tmp_path).stdout == "False\n"


def test_a_dsn_without_the_extra_says_what_to_install(tmp_path: Path) -> None:
    done = open_in_process(tmp_path, "sys.modules['sentry_sdk'] = None", SENTRY_DSN="http://abc@127.0.0.1:1/1")
    assert "pip install 'fairlead[sentry]'" in done.stderr
    assert done.returncode == 1


AGENT = """
import logging
import sentry_sdk


async def gates(input, ctx):
    logging.getLogger("library").error("logged by bob@example.com")
    try:
        raise KeyError("captured by bob@example.com")
    except KeyError:
        sentry_sdk.capture_exception()
    raise ValueError("raised by bob@example.com")
"""


async def test_a_service_sends_what_fails_in_it(tmp_path: Path) -> None:
    make_project(tmp_path)
    (tmp_path / "gates.py").write_text(AGENT)
    async with sentry_server() as server:
        with running(tmp_path, "serve", "--port", "0", SENTRY_DSN=server.dsn, SENTRY_TRACES_SAMPLE_RATE="1") as serve:
            client = Client((await asyncio.to_thread(serve.until, "listening"))["url"])
            run = await asyncio.to_thread(
                client.post, "/runs", {"assistant_id": "gates", "input": {"x": "bob@example.com"}}
            )
            events = await server.until("event", 3)
            await server.until("transaction", 2)
    told = {event["exception"]["values"][-1]["type"]: event for event in events}
    assert set(told) == {"library", "KeyError", "ValueError"}
    assert {event["tags"]["run_id"] for event in events} == {run["run_id"]}
    assert told["ValueError"]["exception"]["values"][0]["stacktrace"]["frames"][-1]["function"] == "gates"
    assert {timed["transaction"] for timed in server.of("transaction")} >= {"gates", "POST /runs"}
    assert b"bob@example.com" not in b"".join(server.written)


@pytest.mark.parametrize("planted", PLANTED, ids=lambda one: one.text[:20])
def test_durations_leave_as_clean_as_everything_else(planted: Any) -> None:
    fields = {"run_id": "r-1", "agent": planted.text, "tenant": planted.text, "reason": planted.text, "model": "m"}
    made = sentry_event.transaction(planted.text, "agent.run", fields, at=MovableClock().now(), status="ok")
    made |= {"release": planted.text}
    cleaned = sentry_event.clean_transaction(made, REDACTOR)
    for part in ("transaction", "release", "tags"):
        assert cleaned[part] == sentry_event.clean(made, REDACTOR)[part]
    assert cleaned["contexts"]["fairlead"] == sentry_event.clean(made, REDACTOR)["contexts"]["fairlead"]
