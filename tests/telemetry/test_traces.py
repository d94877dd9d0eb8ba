"""What is said becomes spans at a real collector, by the real exporter."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from opentelemetry import trace as otel

from fairlead.clock import SystemClock
from fairlead.config import Secret
from fairlead.telemetry.emit import Emitter
from fairlead.telemetry.otlp import OtlpExporter, parse_headers
from fairlead.telemetry.redact import Redactor
from fairlead.telemetry.span import Draft, Wording
from fairlead.telemetry.span_sender import SpanSender
from fairlead.telemetry.trace_context import TraceContext, current, enter
from fairlead.telemetry.traces import Traces
from tests.telemetry.collector import Collector, collector
from tests.telemetry.test_redact import AWS, GITHUB, JWT, OPENAI, SLACK, STRIPE

RUN = "01932f4a-7b1c-7123-8abc-1234567890ab"
WHO = {"run_id": RUN, "agent": "triage", "tenant": "acme"}


class Clock(SystemClock):
    """A wall clock that tests set back."""

    def __init__(self) -> None:
        self.behind = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) - self.behind

    def micros(self) -> int:
        return super().micros() - self.behind // timedelta(microseconds=1)


@asynccontextmanager
async def tracing(
    at: Collector, *, redactor: Redactor | None = None, headers: str | Secret = "", clock: Clock | None = None,
    limit: int = 20_000, again: float = 0.05, **choices: Any,
) -> AsyncIterator[tuple[Emitter, list[tuple[str, dict[str, Any]]]]]:  # fmt: skip
    """An emitter that traces; and what is said of traces."""
    clock = clock or Clock()
    emitter, said = Emitter(clock), list[tuple[str, dict[str, Any]]]()
    emitter.subscribe(lambda event, fields: said.append((event, fields)), events=("traces_lost", "traces_sent"))
    secret = headers if isinstance(headers, Secret) else Secret(headers)
    exporter = OtlpExporter(at.url, secret, service={"service.name": "test"}, version="1",
                            wording=Wording(redactor or Redactor()))  # fmt: skip
    sender = SpanSender(exporter, clock=clock, emit=emitter.emit, limit=limit, gather=0.02, again=again)
    traces = Traces(sender.put, clock=clock, **choices)
    emitter.subscribe(traces, events=traces.events)
    try:
        yield emitter, said
    finally:
        enter(None)
        await asyncio.to_thread(sender.close)


def begin(emitter: Emitter, **more: Any) -> TraceContext:
    run = TraceContext(0xABC, 0xDEF, 0x123, None, "req-12345678")
    enter(run)
    emitter.emit("agent_started", **WHO, attempt=1, task="t", since=datetime.now(UTC) - timedelta(seconds=2), **more)
    return run


def complete(emitter: Emitter, **more: Any) -> None:
    emitter.emit("agent_completed", **{**WHO, "status": "success", "took": timedelta(seconds=1), "steps": 2,
                                       "cost_nano": 2_500_000, "tokens_in": 10, "tokens_out": 5, "attempt": 1,
                                       **more})  # fmt: skip


def call(emitter: Emitter, **more: Any) -> None:
    model: str = more.pop("model", "openai/gpt-5")
    emitter.emit("llm_call", **{**WHO, "provider": model.partition("/")[0], "model": model, "status": "ok",
                                "took": timedelta(milliseconds=30), "tokens_in": 10, "tokens_out": 5, "tries": 1,
                                "cost_nano": 1_000_000, "streamed": False, "format": "chat", **more})  # fmt: skip


async def test_a_run_is_one_trace_in_the_words_of_the_conventions() -> None:
    async with collector() as at, tracing(at) as (emitter, _):
        begin(emitter, thread_id="th-1")
        emitter.emit("llm_retry", **WHO, provider="openai", model="openai/gpt-5", attempt=1, delay=timedelta(seconds=1),
                     error="model_unavailable", message="503")  # fmt: skip
        call(emitter, tries=2, cached_in=4, first_token=timedelta(milliseconds=5))
        emitter.emit("tool_call", **WHO, tool="search", step="k1", input={"q": "secret question"})
        call(emitter, model="anthropic/claude")
        emitter.emit("tool_result", **WHO, tool="search", step="k1", status="success", took=timedelta(0), output="x")
        emitter.emit("workflow_execution", **WHO, child_run_id="c-1", child_agent="helper")
        complete(emitter)
        spans = await at.until("run triage")
        run, agent, tool = at.one("run triage"), at.one("invoke_agent triage"), at.one("execute_tool search")
        chat, inner, queue = at.one("chat gpt-5"), at.one("chat claude"), at.one("queue")
    assert {span.trace for span in spans} == {f"{0xABC:032x}"}
    assert (run.id, run.parent) == (f"{0xDEF:016x}", f"{0x123:016x}")
    assert (agent.parent, queue.parent, chat.parent, tool.parent, inner.parent) == (
        run.id, run.id, agent.id, agent.id, tool.id
    )  # fmt: skip
    assert chat.kind == "CLIENT"
    assert chat.attributes | {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-5",
        "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5, "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.response.time_to_first_chunk": 0.005, "fairlead.cost_usd": 0.001, "fairlead.tries": 2,
    } == chat.attributes  # fmt: skip
    assert [(name, fields["error.type"]) for name, fields in chat.events] == [("llm_retry", "model_unavailable")]
    assert inner.events == []
    assert agent.attributes["gen_ai.operation.name"] == "invoke_agent"
    assert agent.attributes["gen_ai.conversation.id"] == "th-1"
    assert agent.attributes["gen_ai.usage.input_tokens"] == 10
    assert agent.events == [("workflow_execution", {
        "fairlead.run.id": RUN, "gen_ai.agent.name": "triage", "fairlead.tenant": "acme",
        "fairlead.child_run.id": "c-1", "fairlead.child_run.agent": "helper",
    })]  # fmt: skip
    assert tool.attributes["gen_ai.tool.name"] == "search"
    assert run.attributes["fairlead.request.id"] == "req-12345678"
    assert queue.end - queue.start >= 1_900_000_000
    assert queue.start == run.start
    assert {span.status for span in spans} == {0}
    assert "secret question" not in repr(spans)
    assert spans[0].service["service.name"] == "test"


async def test_previews_are_put_in_where_they_are_asked_for_redacted() -> None:
    async with collector() as at, tracing(at, previews=True) as (emitter, _):
        begin(emitter)
        emitter.emit("tool_call", **WHO, tool="mail", step="k", input={"to": "bob@example.com", "text": "x" * 9000})
        emitter.emit("tool_result", **WHO, tool="mail", step="k", status="success", took=timedelta(0), output="sent it")
        complete(emitter)
        await at.until("run triage")
        tool = at.one("execute_tool mail")
    assert tool.attributes["gen_ai.tool.call.result"] == "sent it"
    assert "bob@example.com" not in tool.attributes["gen_ai.tool.call.arguments"]
    assert len(tool.attributes["gen_ai.tool.call.arguments"]) < 250


async def test_what_failed_says_so() -> None:
    async with collector() as at, tracing(at) as (emitter, _):
        begin(emitter)
        call(emitter, status="model_timeout", message="too slow", tries=0)
        emitter.emit("tool_call", **WHO, tool="broken", step="k", input={})
        emitter.emit("tool_result", **WHO, tool="broken", step="k", status="error", took=timedelta(0), error="no way")
        emitter.emit("tool_call", **WHO, tool="cut", step="k2", input={})
        complete(emitter, status="error", error={"error": "boom", "message": "it broke"})
        await at.until("run triage")
    said = {span.name: (span.status, span.attributes.get("error.type"), span.message) for span in at.spans}
    assert said["chat gpt-5"] == (2, "model_timeout", "too slow")
    assert said["execute_tool broken"] == (2, "error", "no way")
    assert said["execute_tool cut"] == (2, "cancelled", "")
    assert said["invoke_agent triage"] == said["run triage"] == (2, "boom", "it broke")


async def test_a_run_that_waits_is_not_over() -> None:
    async with collector() as at, tracing(at) as (emitter, _):
        begin(emitter)
        emitter.emit("run_parked", **WHO, reason="approval", wake_at=None)
        run = TraceContext(0xABC, 0xDEF, 0x123)
        enter(run)
        emitter.emit("run_resumed", **WHO, attempt=2, steps=1, reason="approval")
        emitter.emit("agent_started", **WHO, attempt=2, task="t", since=datetime.now(UTC))
        complete(emitter, attempt=2)
        await at.until("run triage")
    attempts = [span for span in at.spans if span.name == "invoke_agent triage"]
    assert [(one.attributes["fairlead.attempt"], one.status) for one in attempts] == [(1, 0), (2, 0)]
    assert len({one.id for one in attempts}) == 2
    assert attempts[0].attributes["fairlead.reason"] == "approval"
    assert [span.name for span in at.spans].count("run triage") == 1


async def test_model_calls_side_by_side_keep_what_happened_to_each() -> None:
    async def ask(emitter: Emitter, number: int) -> None:
        for _ in range(number):
            emitter.emit("llm_retry", **WHO, provider="p", model="p/m", attempt=1, delay=timedelta(0), error="e")
            await asyncio.sleep(0)
        call(emitter, model=f"p/m{number}")

    async with collector() as at, tracing(at) as (emitter, _):
        begin(emitter)
        await asyncio.gather(*(ask(emitter, number) for number in range(4)))
        complete(emitter)
        await at.until("run triage")
        agent = at.one("invoke_agent triage")
        assert [len(at.one(f"chat m{number}").events) for number in range(4)] == [0, 1, 2, 3]
        assert {at.one(f"chat m{number}").parent for number in range(4)} == {agent.id}


async def test_what_an_agents_own_libraries_trace_nests_under_ours() -> None:
    def inside() -> str:
        return f"{otel.get_current_span().get_span_context().span_id:016x}"

    async with collector() as at, tracing(at) as (emitter, _):
        begin(emitter)
        around = inside()
        emitter.emit("tool_call", **WHO, tool="t", step="k", input={})
        within = await asyncio.to_thread(inside)
        emitter.emit("tool_result", **WHO, tool="t", step="k", status="success", took=timedelta(0))
        after = inside()
        complete(emitter)
        await at.until("run triage")
        assert around == after == at.one("invoke_agent triage").id
        assert within == at.one("execute_tool t").id


async def test_what_is_not_sampled_is_not_sent() -> None:
    async with collector() as at, tracing(at, ratio=0.0) as (emitter, _):
        begin(emitter)
        call(emitter)
        complete(emitter)
        assert current() is not None
        enter(TraceContext(0xEEE, 1, 2, True))  # a caller that wants its trace
        call(emitter, model="p/wanted")
        await at.until("chat wanted")
    assert [span.name for span in at.spans] == ["chat wanted"]


async def test_requests_are_told_by_their_route_and_never_by_their_query() -> None:
    async with collector() as at, tracing(at) as (emitter, _):
        for method, endpoint, status in (
            ("GET", "/runs/{run_id}", 200), ("FORGED\r\nX: y", "unmatched", 404), ("GET", "/health/live", 200),
            ("GET", "console", 200), ("POST", "/runs", 500),
        ):  # fmt: skip
            enter(TraceContext(5, 6, 7, None, "req-12345678"))
            emitter.emit("http_request", method=method, endpoint=endpoint, status_code=status, took=timedelta(0),
                         request_id="req-12345678", client="203.0.113.9", caller="k", bytes_out=1)  # fmt: skip
        await at.until("POST /runs")
    assert [(span.name, span.kind, span.status) for span in at.spans] == [
        ("GET /runs/{run_id}", "SERVER", 0), ("_OTHER", "SERVER", 0), ("POST /runs", "SERVER", 2)
    ]  # fmt: skip
    assert at.spans[0].attributes == {
        "http.request.method": "GET", "http.route": "/runs/{run_id}", "http.response.status_code": 200,
        "fairlead.request.id": "req-12345678",
    }  # fmt: skip
    assert "203.0.113.9" not in repr(at.spans)


HOSTILE = [
    "line\nbreak\r\nX-Forged: yes",
    "\x1b[31mred\x1b[0m\x07", "a\u202egnp.exe", "x" * 1_000_000, "lone \ud800 surrogate",
    "nul \x00 here", "{\"event\":\"agent_completed\"}", "%s %n {0.__class__}", "\x9b2J", "ünïcödé ∞ 𝄞",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
async def test_no_string_breaks_a_span_or_hides_in_one(text: str) -> None:
    async with collector() as at, tracing(at, previews=True) as (emitter, said):
        enter(TraceContext(1, 2))
        who = {"run_id": text, "agent": text, "tenant": text}
        emitter.emit("agent_started", **who, attempt=1, task=text, thread_id=text, intent=text)
        emitter.emit("llm_retry", **who, provider=text, model=text, attempt=1, error=text, message=text)
        emitter.emit("llm_call", **who, provider=text, model=text, status=text, took=timedelta(0), message=text)
        emitter.emit("tool_call", **who, tool=text, step=text, input={text: text})
        emitter.emit(
            "tool_result", **who, tool=text, step=text, status=text, took=timedelta(0), output=text, error=text
        )
        emitter.emit("agent_completed", **who, status="error", error={"error": text, "message": text}, attempt=1)
        spans = await at.until(count=5)
    assert len(spans) == 5 and said == []
    everything = [value for span in spans for value in (span.name, span.message, *map(str, span.attributes.values()))]
    assert not [one for one in everything if re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e]", one)]
    assert all("\n" not in span.name and len(span.name) <= 200 for span in spans)
    assert sum(map(len, everything)) < 200_000


PLANTED = [
    (f"key {OPENAI}", OPENAI), (f"key={STRIPE}", STRIPE), (f"({GITHUB})", GITHUB), (f"{AWS},", AWS), (SLACK, SLACK),
    (f"jwt {JWT}", JWT), ("card 4111 1111 1111 1111", "4111 1111 1111 1111"), ("ssn 123-45-6789", "123-45-6789"),
    ("write to bob@example.com", "bob@example.com"), ("postgresql://app:hunter2@db/x", "hunter2"),
    ("our own: correct-horse-battery", "correct-horse-battery"), ("customer K-1234567", "K-1234567"),
    ("x" * 3990 + " " + OPENAI, OPENAI),
]  # fmt: skip


@pytest.mark.parametrize(("text", "secret"), PLANTED)
async def test_no_secret_leaves_in_any_field(text: str, secret: str) -> None:
    redactor = Redactor(literals=("correct-horse-battery",), patterns=(re.compile(r"K-\d{7}"),))
    async with collector() as at, tracing(at, redactor=redactor, previews=True, steps=True) as (emitter, _):
        enter(TraceContext(1, 2))
        who = {**WHO, "agent": text, "tenant": text, "release": text}
        emitter.emit("agent_started", **who, attempt=1, task={"said": text}, thread_id=text, intent=text)
        emitter.emit("llm_fallback", **who, model=text, instead=text, error=text, message=text)
        emitter.emit("llm_call", **who, provider=text, model=text, status=text, took=timedelta(0), message=text)
        emitter.emit("step_recorded", run_id=RUN, agent=text, kind="step", name=text, took=timedelta(0))
        emitter.emit("tool_call", **who, tool=text, step="k", input=[text])
        emitter.emit("tool_result", **who, tool=text, step="k", status=text, took=timedelta(0), output=text, error=text)
        emitter.emit("agent_completed", **who, status="error", error={"error": text, "message": text}, attempt=1)
        emitter.emit("http_request", method=text, endpoint=text, status_code=500, took=timedelta(0), request_id=text)
        spans = await at.until(count=7)
    assert secret not in repr(spans)
    assert secret[: len(secret) // 2] not in repr(spans) or len(secret) < 16


async def test_a_clock_that_goes_back_makes_no_span_of_negative_length() -> None:
    clock = Clock()
    async with collector() as at, tracing(at, clock=clock) as (emitter, _):
        begin(emitter)
        emitter.emit("tool_call", **WHO, tool="t", step="k", input={})
        clock.behind = timedelta(hours=3)
        call(emitter)
        emitter.emit("tool_result", **WHO, tool="t", step="k", status="success", took=timedelta(0))
        complete(emitter)
        spans = await at.until("run triage")
    assert len(spans) == 5
    assert all(0 <= span.end - span.start < 60 * 10**9 for span in spans)
    run = at.one("run triage")
    assert run.end - run.start >= 1_900_000_000


async def test_a_span_that_cannot_be_written_is_told_and_harms_none_beside_it() -> None:
    clock = Clock()
    async with collector() as at, tracing(at, clock=clock) as (emitter, said):
        enter(TraceContext(1, 2))
        call(emitter, model="p/first")
        clock.behind = timedelta(days=100 * 365)  # before 1970: OTLP has no such time
        call(emitter, model="p/lost")
        clock.behind = timedelta(0)
        call(emitter, model="p/last")
        await at.until("chat first", "chat last")
        await wait_for(lambda: bool(said))
    assert [span.name for span in at.spans] == ["chat first", "chat last"]
    assert said[0][1]["count"] == 1


async def test_a_lost_attempt_is_told_by_whoever_goes_on() -> None:
    began = datetime.now(UTC) - timedelta(seconds=9)
    async with collector() as at, tracing(at) as (emitter, _):
        run = TraceContext(0xABC, 0xDEF, 0x123)
        enter(run)
        emitter.emit("run_resumed", **WHO, attempt=2, steps=3, reason="lost", began=began,
                     ended=began + timedelta(seconds=4))  # fmt: skip
        emitter.emit("agent_started", **WHO, attempt=2, task="t", since=began)
        complete(emitter, attempt=2)
        await at.until("run triage")
    lost, went_on = [span for span in at.spans if span.name == "invoke_agent triage"]
    assert (lost.end - lost.start, lost.attributes["error.type"], lost.attributes["fairlead.attempt"]) == (
        4 * 10**9, "worker_lost", 1
    )  # fmt: skip
    assert lost.parent == went_on.parent == f"{0xDEF:016x}"


async def wait_for(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_a_collector_that_is_away_for_a_while_loses_nothing(status: int) -> None:
    clock = Clock()
    async with collector() as at:
        at.status = status
        async with tracing(at, clock=clock, again=1) as (emitter, said):
            enter(TraceContext(1, 2))
            started = clock.monotonic()
            for _ in range(100):
                call(emitter)
            assert clock.monotonic() - started < 0.5
            await wait_for(lambda: len(at.requests) > 1)
            at.status = 200
            call(emitter, model="p/later")
            await at.until("chat later")
    assert said == []
    assert len(at.spans) == 101


async def test_what_no_try_could_send_is_lost_and_told_once_and_so_is_the_end_of_it() -> None:
    async with collector() as at:
        at.status = 400
        async with tracing(at) as (emitter, said):
            enter(TraceContext(1, 2))
            for _ in range(100):
                call(emitter)
            await wait_for(lambda: bool(said))
            call(emitter)
            await wait_for(lambda: len(at.requests) >= 2)
            at.status = 200
            call(emitter, model="p/later")
            await at.until("chat later")
            await wait_for(lambda: len(said) > 1)
    assert [event for event, _ in said] == ["traces_lost", "traces_sent"]
    assert [fields["count"] for _, fields in said] == [100, 1]


async def test_a_collector_that_is_gone_or_hangs_makes_nobody_wait() -> None:
    clock = Clock()
    async with collector() as at:
        at.pause = 60
        async with tracing(at, clock=clock, limit=200) as (emitter, said):
            enter(TraceContext(1, 2))
            call(emitter)
            await wait_for(lambda: bool(at.requests))
            started = clock.monotonic()
            for _ in range(5000):
                call(emitter)
            assert clock.monotonic() - started < 2
            started = clock.monotonic()
        assert clock.monotonic() - started < 6  # to leave is bounded too
    assert {event for event, _ in said} == {"traces_lost"}  # on a slow machine again at the end
    assert sum(fields["count"] for _, fields in said) >= 4800
    started = clock.monotonic()
    async with tracing(Collector(port=1), clock=clock) as (emitter, said):
        enter(TraceContext(1, 2))
        call(emitter)
    assert clock.monotonic() - started < 6
    assert [(event, fields["count"]) for event, fields in said] == [("traces_lost", 1)]


@asynccontextmanager
async def sending(at: Collector, **how: Any) -> AsyncIterator[tuple[SpanSender, list[tuple[str, dict[str, Any]]]]]:
    """Spans that wait for others as long as they can; and what is said of them."""
    clock, said = Clock(), list[tuple[str, dict[str, Any]]]()
    exporter = OtlpExporter(at.url, Secret(""), service={"service.name": "test"}, version="1",
                            wording=Wording(Redactor()))  # fmt: skip
    sender = SpanSender(
        exporter, clock=clock, emit=lambda event, **fields: said.append((event, fields)), gather=3600, **how
    )
    try:
        yield sender, said
    finally:
        await asyncio.to_thread(sender.close)


def span(number: int) -> Draft:
    return Draft(TraceContext(1, number), f"span {number}", "internal", 1, 2, {})


async def test_flush_sends_what_waits_and_the_sender_goes_on() -> None:
    async with collector() as at, sending(at) as (sender, said):
        assert await asyncio.to_thread(sender.flush, timedelta(seconds=30))  # nothing waits: that is sent, too
        for number in range(1, 4):
            sender.put(span(number))
            assert await asyncio.to_thread(sender.flush, timedelta(seconds=30))
            assert [one.name for one in at.spans] == [f"span {one}" for one in range(1, number + 1)]
    assert said == []
    assert len(at.requests) == 3


async def test_flush_waits_no_longer_than_it_may_and_says_that_it_was_not_enough() -> None:
    clock = Clock()
    async with collector() as at, sending(at, again=0.05) as (sender, said):
        at.pause = 60
        sender.put(span(1))
        began = clock.monotonic()
        assert not await asyncio.to_thread(sender.flush, timedelta(seconds=0.3))
        assert 0.3 <= clock.monotonic() - began < 3
        assert at.spans == []
    await wait_for(lambda: bool(said))  # by the thread that had sent it, which nobody waits for
    assert [(event, fields["count"]) for event, fields in said] == [("traces_lost", 1)]


async def test_flush_has_what_a_collector_refused_tried_again() -> None:
    async with collector() as at, sending(at, again=0.05) as (sender, said):
        at.status = 503
        sender.put(span(1))
        flushed = asyncio.create_task(asyncio.to_thread(sender.flush, timedelta(seconds=30)))
        await wait_for(lambda: len(at.requests) > 1)
        at.status = 200
        assert await flushed
        assert [one.name for one in at.spans] == ["span 1"]
    assert said == []


async def test_the_collectors_key_is_sent_and_one_that_is_rotated_with_the_next_spans() -> None:
    secret = Secret("api-key=first%20one, x-scope=a")
    async with collector() as at, tracing(at, headers=secret) as (emitter, _):
        enter(TraceContext(1, 2))
        call(emitter)
        await at.until(count=1)
        secret.put("api-key=second")
        call(emitter)
        await at.until(count=2)
    assert [one.get("api-key") for one in at.requests] == ["first one", "second"]
    assert at.requests[0]["x-scope"] == "a"
    assert at.requests[0][""] == "POST /v1/traces HTTP/1.1"


def test_headers_are_read_as_the_standard_writes_them() -> None:
    assert parse_headers(" A=b=c ,, nothing, d = e%2Cf ,=x") == {"a": "b=c", "d": "e,f"}
