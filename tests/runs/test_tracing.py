"""Which trace a run is in, wherever it goes: kept with it, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from fairlead.agents.context import Context
from fairlead.agents.tool import tool
from fairlead.clock import SystemClock
from fairlead.runs.run import NewRun
from fairlead.telemetry.trace_context import current
from tests.api.serving import Serving, serving
from tests.telemetry.collector import Collector, collector
from tests.telemetry.test_traces import tracing

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
MODEL = "simulated/gpt-5.4-mini"
ID = "my-request-0001"


@tool(safe_to_repeat=True)
async def look(word: str) -> str:
    """Look it up."""
    return word


async def child(input: Any, ctx: Context) -> Any:
    return (await ctx.model([{"role": "user", "content": "hi"}], model=MODEL)).text


async def parent(input: Any, ctx: Context) -> Any:
    await asyncio.gather(*(ctx.use_tool(look, {"word": word}) for word in ("a", "b")))
    await ctx.model([{"role": "user", "content": "hello"}], model=MODEL)
    await ctx.call("child", {})
    return "done"


@asynccontextmanager
async def traced(database_url: str, root: Path, **agents: Any) -> AsyncIterator[tuple[Serving, Collector]]:
    async with collector() as at, tracing(at) as (emitter, _):
        quick = {"poll_every": timedelta(milliseconds=100), "worker_concurrency": 20, "max_concurrent_agents": 100}
        async with serving(
            agents, database_url=database_url, root=root, also=emitter.emit, database_pool_size=10, **quick
        ) as on:
            yield on, at


async def start(on: Serving, agent: str, **headers: str) -> dict[str, Any]:
    return await on.json("POST", "/runs", {"assistant_id": agent, "input": {}}, headers=headers)


async def test_a_run_its_child_and_its_request_are_one_trace_in_the_callers(database_url: str, tmp_path: Path) -> None:
    async with traced(database_url, tmp_path, parent=parent, child=child) as (on, at):
        run = await start(on, "parent", traceparent=PARENT, **{"X-Request-ID": ID})
        await on.running.ended(run["run_id"])
        await at.until("run parent", "run child", "POST /runs")
        shown = await on.json("GET", f"/runs/{run['run_id']}")
    request, ours, theirs = at.one("POST /runs"), at.one("run parent"), at.one("run child")
    attempts = [span for span in at.spans if span.name == "invoke_agent parent"]  # it waits for its child
    [inner] = [span for span in at.spans if span.name == "invoke_agent child"]
    run_spans = [span for span in at.spans if not span.name.startswith("GET")]
    assert {span.trace for span in run_spans} == {TRACE}
    assert request.parent == SPAN
    assert ours.parent == request.id
    assert {one.parent for one in attempts} == {ours.id}
    assert theirs.parent == attempts[0].id
    assert inner.parent == theirs.id
    assert {span.parent for span in at.spans if span.name == "execute_tool look"} == {attempts[0].id}
    chats = [span for span in at.spans if span.name == "chat gpt-5.4-mini"]
    assert {span.parent for span in chats} == {attempts[0].id, inner.id}
    assert len({span.id for span in at.spans}) == len(at.spans)
    known = {span.id for span in at.spans} | {SPAN}
    assert [span.name for span in run_spans if span.parent not in known] == []
    assert (shown["trace_id"], shown["request_id"]) == (TRACE, ID)
    assert {span.attributes["fairlead.request.id"] for span in (request, ours, theirs)} == {ID}


async def test_without_a_callers_trace_a_request_begins_one_and_its_run_is_in_it(
    database_url: str, tmp_path: Path
) -> None:
    async with traced(database_url, tmp_path, child=child) as (on, at):
        run = await start(on, "child", traceparent="00-nonsense")
        await on.running.ended(run["run_id"])
        await at.until("run child", "POST /runs")
    assert at.one("run child").trace == at.one("POST /runs").trace == run["trace_id"]
    assert at.one("POST /runs").parent == ""
    assert run["request_id"] is not None


async def test_a_run_goes_on_elsewhere_in_its_trace(database_url: str, tmp_path: Path) -> None:
    come, gone = asyncio.Event(), asyncio.Event()

    async def stuck(input: Any, ctx: Context) -> Any:
        await ctx.use_tool(look, {"word": "before"})
        come.set()
        await ctx.step("gate", gone.wait)
        return "done"

    async with traced(database_url, tmp_path, stuck=stuck) as (on, at):
        run = await start(on, "stuck", traceparent=PARENT)
        await asyncio.wait_for(come.wait(), 10)
        await on.running.crash(on.running.workers[0])
        gone.set()
        await on.running.start_worker()
        await on.running.ended(run["run_id"])
        await at.until("run stuck")
        resumed = on.said("run_resumed")
    attempts = {span.attributes["fairlead.attempt"]: span for span in at.spans if span.name == "invoke_agent stuck"}
    assert {span.trace for span in at.spans} == {TRACE}
    assert attempts[1].attributes["error.type"] == "worker_lost"
    assert attempts[2].status == 0
    assert attempts[1].parent == attempts[2].parent == at.one("run stuck").id
    tool_span = at.one("execute_tool look")
    assert tool_span.parent == attempts[1].id
    assert attempts[1].start <= tool_span.end
    assert (resumed[0]["attempt"], resumed[0]["reason"]) == (2, "lost")


async def test_a_run_that_nobody_asked_for_is_found_by_its_own_id(database_url: str, tmp_path: Path) -> None:
    async with traced(database_url, tmp_path, parent=parent, child=child) as (on, at):
        run, _ = await on.running.engine.control.submit(NewRun("parent", {}))
        await on.running.ended(run.id)
        await at.until("run parent")
    assert {span.trace for span in at.spans} == {run.id.replace("-", "")}
    assert at.one("run parent").parent == ""
    assert run.trace.request_id is None


async def test_a_request_sent_again_keeps_the_first_trace(database_url: str, tmp_path: Path) -> None:
    async with traced(database_url, tmp_path, child=child) as (on, _):
        first = await start(on, "child", traceparent=PARENT, **{"Idempotency-Key": "k1"})
        again = await start(on, "child", **{"Idempotency-Key": "k1"})
    assert first["run_id"] == again["run_id"]
    assert first["trace_id"] == again["trace_id"] == TRACE


async def test_calls_of_the_gateway_are_in_the_trace_of_their_request(database_url: str, tmp_path: Path) -> None:
    async with traced(database_url, tmp_path, child=child) as (on, at):
        body = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}]}
        await on.json("POST", "/v1/chat/completions", body, headers={"traceparent": PARENT})
        await at.until("POST /v1/chat/completions", "chat gpt-5.4-mini")
    call = at.one("chat gpt-5.4-mini")
    assert (call.trace, call.parent) == (TRACE, at.one("POST /v1/chat/completions").id)


async def test_an_agent_sees_the_request_it_works_for(database_url: str, tmp_path: Path) -> None:
    seen: list[Any] = []

    @tool(safe_to_repeat=True)
    def note() -> str:
        """Note it."""
        seen.append(current())
        return ""

    async def noting(input: Any, ctx: Context) -> Any:
        return await ctx.use_tool(note, {})

    async def outer(input: Any, ctx: Context) -> Any:
        return await ctx.call("noting", {})

    async with traced(database_url, tmp_path, outer=outer, noting=noting) as (on, _):
        run = await start(on, "outer", traceparent=PARENT, **{"X-Request-ID": ID})
        await on.running.ended(run["run_id"])
    assert [(one.request_id, one.trace_hex) for one in seen] == [(ID, TRACE)]


async def test_a_tool_that_was_cut_off_does_not_keep_what_follows(tmp_path: Path) -> None:
    @tool(safe_to_repeat=True)
    async def slow() -> str:
        """Never ends."""
        await SystemClock().sleep(timedelta(minutes=1))
        return ""

    async def impatient(input: Any, ctx: Context) -> Any:
        try:
            async with asyncio.timeout(0.05):
                await ctx.use_tool(slow, {})
        except TimeoutError:
            return await ctx.use_tool(look, {"word": "after"})

    async with traced(f"sqlite:///{tmp_path}/test.db", tmp_path, impatient=impatient) as (on, at):
        run = await start(on, "impatient")
        await on.running.ended(run["run_id"])
        await at.until("run impatient")
    agent = at.one("invoke_agent impatient")
    assert at.one("execute_tool slow").attributes["error.type"] == "cancelled"
    assert at.one("execute_tool look").parent == agent.id


async def test_what_a_run_waited_for_is_a_span_between_its_attempts(database_url: str, tmp_path: Path) -> None:
    async def sleeper(input: Any, ctx: Context) -> Any:
        await ctx.sleep(timedelta(seconds=1.2))
        await ctx.approve("Sure?")
        return "done"

    async with traced(database_url, tmp_path, sleeper=sleeper) as (on, at):
        run = await start(on, "sleeper", traceparent=PARENT)
        async with asyncio.timeout(30):
            while len(on.said("run_parked")) < 2:  # for the time, and for the person
                await asyncio.sleep(0.02)
        [asked] = await on.json("GET", "/approvals")
        await on.json("POST", f"/approvals/{asked['id']}", {"approved": True})
        await on.running.ended(run["run_id"])
        await at.until("run sleeper")
    slept, asked_for = sorted((span for span in at.spans if span.name == "wait"), key=lambda span: span.end)
    attempts = {span.attributes["fairlead.attempt"]: span for span in at.spans if span.name == "invoke_agent sleeper"}
    assert slept.parent == asked_for.parent == at.one("run sleeper").id
    assert slept.end - slept.start > 10**9
    assert slept.end <= attempts[2].start
    assert attempts[2].start < asked_for.end <= attempts[3].start
