"""A run from a step of another: what came before is not done or paid again, and nothing is half there."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fairlead import Context
from fairlead.agents import Agent
from fairlead.database.sql import parse
from fairlead.errors import Conflict, InvalidInput, NotFound
from fairlead.runs.forking import Fork
from fairlead.runs.run import NewRun, Run, Status
from fairlead.testing import Running
from tests.runs.conftest import Gate, OpenEngine


async def _fork(running: Running, run: Run, fork: Fork, **changed: Any) -> Run:
    new = NewRun(
        **{"agent": run.agent, "input": run.input, "release": run.release, "thread_id": run.thread_id} | changed
    )
    return (await running.engine.control.fork(run, new, fork, by="me"))[0]


async def test_what_came_before_the_step_is_not_done_again(engine: OpenEngine) -> None:
    done: list[str] = []

    async def work(input: str, ctx: Context) -> list[Any]:
        return [await ctx.step(name, lambda name=name: done.append(name) or f"{name}!") for name in ("a", "b", "c")]

    running = await engine(work=work)
    run = await running.run("work", "x")
    second = (await running.events(run.id, "step"))[1]
    forked = await running.ended((await _fork(running, run, Fork(second.key or ""))).id)
    assert (forked.status, forked.output, done) == (Status.SUCCESS, ["a!", "b!", "c!"], ["a", "b", "c", "b", "c"])
    assert forked.terms["forked_from"] == {"run_id": run.id, "step": second.seq, "name": "b"}
    assert [event.seq for event in await running.events(forked.id)] == list(range(1, forked.seq + 1))
    assert (await running.engine.control.get(run.id)).seq == run.seq


async def test_a_result_may_be_set(engine: OpenEngine) -> None:
    async def work(input: str, ctx: Context) -> str:
        if await ctx.step("decide", lambda: "no") == "yes":
            return await ctx.step("act", lambda: "acted")
        raise ValueError("nothing to do")

    running = await engine(work=work)
    run = await running.run("work", "x")
    seq = (await running.events(run.id, "step"))[0].seq
    forked = await running.ended((await _fork(running, run, Fork(seq, result=("yes",)))).id)
    assert (run.status, forked.status, forked.output) == (Status.ERROR, Status.SUCCESS, "acted")


async def test_a_run_that_is_under_way_can_be_forked(engine: OpenEngine, gate: Gate) -> None:
    count: list[str] = []

    async def work(input: str, ctx: Context) -> str:
        await ctx.step("first", lambda: count.append("first"))
        await ctx.step("second", lambda: count.append("second"))
        return await ctx.step("held", gate, input)

    running = await engine(work=work)
    run = await running.submit("work", "x")
    await gate.reached()
    second = (await running.events(run.id, "step"))[1]
    forked = await _fork(running, run, Fork(second.seq, other_path=True), input="y")
    gate.open.set()
    ended = await asyncio.gather(running.ended(run.id), running.ended(forked.id))
    assert [one.output for one in ended] == ["x", "y"]
    assert count == ["first", "second", "second"]


async def test_what_is_no_step_and_whose_result_cant_be_set_is_refused(engine: OpenEngine) -> None:
    async def work(input: str, ctx: Context) -> str:
        await ctx.step("first", lambda: 1)
        return (await ctx.now()).isoformat()

    running = await engine(work=work)
    run = await running.run("work", "x")
    before = len(await running.engine.control.list())
    for step in ("none", 999_999, 1, "1"):
        with pytest.raises(NotFound, match="no step"):
            await _fork(running, run, Fork(step))
    last = (await running.events(run.id, "step"))[-1]
    with pytest.raises(InvalidInput, match="of a value step"):
        await _fork(running, run, Fork(last.seq, result=(1,)))
    assert len(await running.engine.control.list()) == before


async def test_a_fork_in_a_thread_begins_with_what_the_thread_kept_then(engine: OpenEngine) -> None:
    running = await engine(chat=Agent("chat", "simulated/echo"))
    await running.engine.threads.create("t")
    first, second = [await running.run("chat", said, thread_id="t") for said in ("one", "two")]
    step = (await running.events(second.id, "step"))[0]
    forked = await running.ended((await _fork(running, second, Fork(step.seq))).id)
    assert (forked.status, forked.terms["checkpoint"]) == (Status.SUCCESS, first.id)
    state = (await running.engine.threads.get("t")).state
    assert [one["content"] for one in state["messages"] if one["role"] == "user"] == ["one", "two"]


async def test_a_model_call_that_was_paid_is_not_paid_again(engine: OpenEngine) -> None:
    async def work(input: str, ctx: Context) -> str:
        said = await ctx.model([{"role": "user", "content": input}], model="simulated/x")
        await ctx.step("after", lambda: None)
        return str(said.body["choices"][0]["message"]["content"])

    running = await engine(work=work)
    run = await running.run("work", "hello")
    after = (await running.events(run.id, "step"))[-1]
    forked = await running.ended((await _fork(running, run, Fork(after.seq))).id)
    assert run.cost_nano > 0 and forked.cost_nano == 0
    assert (forked.status, forked.output, forked.steps) == (Status.SUCCESS, run.output, run.steps)
    assert sum(event == "llm_call" for event, _ in running.said) == 1


@pytest.mark.parametrize("thread_id", [None, "main"])
async def test_those_who_fork_at_once_with_one_key_get_one_run(
    engine: OpenEngine, thread_id: str | None, tmp_path: Path
) -> None:
    async def work(input: str, ctx: Context) -> int:
        await ctx.model([{"role": "user", "content": input}], model="simulated/x")
        return len([await ctx.step(name, lambda: "x" * 100_000) for name in ("a", "b")])

    running = await engine(work=work)
    control, database = running.engine.control, running.engine.database
    run = await running.run("work", "x", thread_id=thread_id)
    third = (await running.events(run.id, "step"))[2]
    new = NewRun("work", "x", release=run.release, thread_id=thread_id, idempotency_key="once")
    forks = await asyncio.gather(*(control.fork(run, new, Fork(third.seq)) for _ in range(5)))
    [forked] = {one.id for one, _ in forks}
    assert sorted(fresh for _, fresh in forks) == [False] * 4 + [True]
    assert (await running.ended(forked)).output == 2
    assert {one.id for one in await control.list()} == {run.id, forked}
    for table in ("events", "messages"):
        query = parse("kept", f"SELECT DISTINCT run_id FROM {table}", database.dialect)
        assert {row["run_id"] for row in await database.read(query)} == {run.id, forked}
    kept = [path.parent.name for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    assert sorted(kept) == sorted([run.id, forked])


async def test_the_same_key_finds_the_fork_when_what_it_took_over_is_gone(engine: OpenEngine) -> None:
    async def work(input: str, ctx: Context) -> list[Any]:
        return [await ctx.step(name, lambda name=name: name) for name in ("a", "b", "c")]

    brief = {"checkpoint_retention": timedelta(microseconds=1), "retention_every": timedelta(hours=1)}
    running = await engine(work=work, settings={**brief, "keep_checkpoints": 1})
    control, run = running.engine.control, await running.run("work", "x")
    second, third = (await running.events(run.id, "step"))[1:]
    new = NewRun("work", "x", release=run.release, idempotency_key="once")
    forked = await running.ended((await control.fork(run, new, Fork(third.seq)))[0].id)
    await asyncio.sleep(0.01)
    await running.engine.retention.once()
    again, fresh = await control.fork(run, new, Fork(third.seq))
    assert (again.id, fresh) == (forked.id, False)
    for other in (Fork(second.seq), Fork(third.seq, result=("C",))):
        with pytest.raises(Conflict, match="idempotency key"):
            await control.fork(run, new, other)
    with pytest.raises(Conflict, match="gone"):
        await control.fork(run, replace(new, idempotency_key="another"), Fork(third.seq))
