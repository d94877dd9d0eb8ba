from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fairlead.clock import SystemClock
from fairlead.errors import Conflict, InvalidInput, NotFound, NotJson, QueueFull, UnknownAgent
from fairlead.runs.run import NewRun, Reason, Status
from fairlead.runs.threads import Threads, TimeToLive
from fairlead.testing import MovableClock
from tests.runs.conftest import Gate, OpenEngine

_BAD: list[dict[str, Any]] = [
    {"idempotency_key": ""}, {"idempotency_key": "x" * 256}, {"idempotency_key": "nul\0"}, {"id": "\ud800"},
    {"thread_id": "unit\x1fseparator"}, {"thread_id": ""}, {"release": "\x1e"}, {"priority": 2**40},
    {"budget_nano": 2**70}, {"budget_nano": -1}, {"metadata": {"nul": "\0"}}, {"metadata": ["no", "object"]},
]  # fmt: skip


async def test_one_key_starts_one_run_however_many_ask_at_once(engine: OpenEngine) -> None:
    running = await engine(agent=lambda input: input, workers=0)
    new = NewRun("agent", {"n": 1}, idempotency_key="k")
    answers = await asyncio.gather(*(running.engine.control.submit(new) for _ in range(50)))
    assert len({run.id for run, _ in answers}) == 1
    assert sum(created for _, created in answers) == 1
    assert len(await running.engine.control.list()) == 1
    assert len(await running.events(answers[0][0].id)) == 1


async def test_a_key_used_for_something_else_is_refused(engine: OpenEngine) -> None:
    running = await engine(agent=lambda input: input, other=lambda input: input, workers=0)
    new = NewRun("agent", {"n": 1}, idempotency_key="k")
    await running.engine.control.submit(new)
    for different in (replace(new, input={"n": 2}), replace(new, agent="other")):
        with pytest.raises(Conflict, match="'k'"):
            await running.engine.control.submit(different)
    assert (await running.engine.control.submit(replace(new, tenant="another")))[1]  # keys are each tenant's own


async def test_an_unknown_agent_is_refused_by_name(engine: OpenEngine) -> None:
    running = await engine(agent=lambda input: input, workers=0)
    with pytest.raises(UnknownAgent, match=r"`nobody`.*`agent`"):
        await running.submit("nobody")


async def test_what_cannot_be_kept_is_refused_and_harms_nobody_beside_it(engine: OpenEngine) -> None:
    running = await engine(agent=lambda input: input, workers=0)
    for bad in _BAD:
        asked = [running.submit("agent"), running.submit("agent", **bad)]
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        assert not isinstance(outcomes[0], BaseException), bad
        assert isinstance(outcomes[1], InvalidInput), bad
    assert len(await running.engine.control.list()) == len(_BAD)


async def test_an_input_that_is_no_json_is_refused(engine: OpenEngine) -> None:
    running = await engine(agent=lambda input: input, workers=0)
    for bad in (float("nan"), float("inf"), "\ud800", {1, 2}, b"bytes", 2**70):
        with pytest.raises(NotJson):
            await running.submit("agent", {"deep": [bad]})
    assert await running.engine.control.list() == []


async def test_a_full_queue_refuses_and_says_when_to_come_back(engine: OpenEngine) -> None:
    running = await engine(agent=lambda input: input, workers=0, settings={"queue_limit": 3})
    for _ in range(3):
        await running.submit("agent")
    with pytest.raises(QueueFull) as told:
        await running.submit("agent")
    assert told.value.retry_after == timedelta(seconds=5)
    assert "queue_full" in [event for event, _ in running.said]


async def test_what_is_not_there_is_not_found(engine: OpenEngine) -> None:
    running = await engine(agent=lambda input: input, workers=0)
    control = running.engine.control
    run = await running.submit("agent")
    for asking in (control.get("x"), control.cancel("x"), control.resume("x"), control.retry("x"),
                   control.move("r", run_id="x"), control.answer("x", True, by="me"),
                   control.get(run.id, tenant="other"), control.cancel(run.id, tenant="other")):  # fmt: skip
        with pytest.raises(NotFound):
            await asking
    assert (await control.get(run.id)).status is Status.PENDING


async def test_moves_that_make_no_sense_are_refused(engine: OpenEngine) -> None:
    running = await engine(agent=lambda input: input)
    control = running.engine.control
    run = await running.run("agent")
    for asking in (control.resume(run.id), control.retry(run.id), control.move("other", run_id=run.id)):
        with pytest.raises(Conflict, match=r"success"):
            await asking
    with pytest.raises(InvalidInput):
        await control.move("other")
    assert (await control.cancel(run.id)).status is Status.SUCCESS


async def test_cancelling_twice_is_cancelling_once(engine: OpenEngine) -> None:
    running = await engine(agent=lambda input: input, workers=0)
    run = await running.submit("agent")
    cancelled = [await running.engine.control.cancel(run.id, by="me") for _ in range(2)]
    assert [(one.status, one.reason) for one in cancelled] == [(Status.INTERRUPTED, Reason.CANCELLED)] * 2
    assert [event.data["by"] for event in await running.events(run.id, "finished")] == ["me"]


async def test_cancel_reaches_a_running_step_at_once(engine: OpenEngine, gate: Gate) -> None:
    stopped = asyncio.Event()

    async def stubborn() -> None:
        try:
            await gate()
        finally:
            stopped.set()

    async def agent(input: Any, ctx: Any) -> None:
        await ctx.step("stubborn", stubborn)

    running = await engine(agent=agent)
    run = await running.submit("agent")
    await gate.reached()
    await running.engine.control.cancel(run.id)
    await asyncio.wait_for(stopped.wait(), 1)
    assert (await running.ended(run.id)).reason is Reason.CANCELLED


async def test_an_agent_that_swallows_its_cancellation_is_cancelled_all_the_same(
    engine: OpenEngine, gate: Gate
) -> None:
    async def agent(input: Any, ctx: Any) -> str:
        try:
            await gate()
        except asyncio.CancelledError:
            await ctx.step("after", lambda: "never recorded")
        return "I go on"

    running = await engine(agent=agent)
    run = await running.submit("agent")
    await gate.reached()
    await running.engine.control.cancel(run.id)
    ended = await running.ended(run.id)
    assert (ended.status, ended.reason, ended.output) == (Status.INTERRUPTED, Reason.CANCELLED, None)
    assert await running.events(run.id, "step") == []


async def test_a_cancelled_run_can_be_resumed(engine: OpenEngine, gate: Gate) -> None:
    done: list[int] = []

    async def agent(input: Any, ctx: Any) -> str:
        await ctx.step("once", done.append, 1)
        await ctx.step("gate", gate)
        return "done"

    running = await engine(agent=agent)
    run = await running.submit("agent")
    await gate.reached()
    await running.engine.control.cancel(run.id)
    await running.ended(run.id)
    gate.open.set()
    await running.engine.control.resume(run.id)
    assert ((await running.ended(run.id)).output, done) == ("done", [1])


async def test_a_retry_keeps_what_succeeded_and_does_again_what_failed(engine: OpenEngine) -> None:
    tried: list[str] = []

    def fragile() -> str:
        tried.append("fragile")
        if len(tried) < 3:
            raise ConnectionError("away")
        return "there"

    async def agent(input: Any, ctx: Any) -> str:
        await ctx.step("solid", tried.append, "solid")
        return await ctx.step("fragile", fragile)

    running = await engine(agent=agent)
    run = await running.run("agent")
    assert (run.status, run.error) == (Status.ERROR, {"error": "ConnectionError", "message": "away"})
    await running.engine.control.retry(run.id)
    ended = await running.ended(run.id)
    assert (ended.status, ended.output, ended.error) == (Status.SUCCESS, "there", None)
    assert tried == ["solid", "fragile", "fragile"]


async def test_lists_page_and_filter(engine: OpenEngine) -> None:
    running = await engine(agent=lambda input: input, other=lambda input: 1 / 0)
    for n in range(5):
        await running.run("agent" if n % 2 else "other", {"n": n}, metadata={"user": f"u{n}"})
    control = running.engine.control
    runs = await control.list()

    async def listed(**wanted: Any) -> list[int]:
        return [run.input["n"] for run in await control.list(**wanted)]

    assert [run.input["n"] for run in runs] == [4, 3, 2, 1, 0]
    assert await listed(before=runs[1].id, limit=2) == [2, 1]
    assert await listed(after=runs[3].id, limit=2) == [3, 2]
    assert await listed(agent="agent") == [3, 1]
    assert await listed(status=Status.ERROR) == [4, 2, 0]
    assert await listed(metadata={"user": "u3"}) == [3]
    assert await listed(text='"n":2') == [2]
    assert await listed(tenant="other") == []


async def test_runs_of_a_thread_and_of_a_parent_are_listed_as_all_are(engine: OpenEngine) -> None:
    async def parent(input: Any, ctx: Any) -> None:
        for n in range(3):
            await ctx.spawn("agent", {"n": n})

    running = await engine(agent=lambda input: input, parent=parent)
    for n in range(6):
        await running.run("agent", {"n": n}, thread_id=f"t{n % 2}", metadata={"odd": n % 3 == 0})
    above = await running.run("parent")
    control = running.engine.control

    async def listed(**wanted: Any) -> list[int]:
        return [run.input["n"] for run in await control.list(**wanted)]

    of_thread = await control.list(thread_id="t1")
    assert [run.input["n"] for run in of_thread] == [5, 3, 1]
    assert await listed(thread_id="t1", before=of_thread[0].id, limit=1) == [3]
    assert await listed(thread_id="t1", after=of_thread[2].id, limit=1) == [3]
    assert await listed(thread_id="t1", metadata={"odd": True}) == [3]
    assert await listed(thread_id="t1", status=Status.ERROR) == []
    assert await listed(thread_id="t1", tenant="other") == []
    children = await control.list(parent_id=above.id)
    assert sorted(run.input["n"] for run in children) == [0, 1, 2]
    assert [run.id for run in children] == sorted((run.id for run in children), reverse=True)
    assert await control.list(parent_id=above.id, after=children[2].id, limit=1) == [children[1]]
    assert await listed(thread_id="t1", parent_id=above.id) == []


async def test_a_child_that_is_started_again_keeps_its_large_input(engine: OpenEngine) -> None:
    """Its parent came back from a crash, and starts under the same id what is there."""
    running = await engine(agent=lambda input: input, workers=0)
    new = NewRun("agent", "x" * 100_000, id=running.engine.ids.new())
    assert [(await running.engine.control.submit(new))[1] for _ in range(3)] == [True, False, False]
    assert (await running.engine.control.get(new.id)).input == "x" * 100_000


async def test_what_came_of_a_key_used_twice_is_not_kept(engine: OpenEngine, tmp_path: Path) -> None:
    running = await engine(agent=lambda input: input, workers=0)
    new = NewRun("agent", "x" * 100_000, idempotency_key="k")
    runs = [(await running.engine.control.submit(new))[0] for _ in range(3)]
    assert (await running.engine.control.get(runs[0].id)).input == "x" * 100_000
    assert len([path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]) == 1


async def test_threads_of_one_name_in_two_tenants_share_nothing(engine: OpenEngine) -> None:
    running = await engine(agent=lambda input: "x" * 100_000)
    threads, names = running.engine.threads, ("acme", "other")
    for tenant in names:
        await threads.create("main", tenant=tenant)
        run = await running.submit("agent", tenant=tenant, thread_id="main")
        await running.engine.feed.ended(run.id, tenant=tenant)
    await threads.delete("main", tenant="acme")
    assert (await threads.get("main", tenant="other")).state["output"] == "x" * 100_000


async def test_large_states_that_a_thread_keeps_no_more_are_collected(engine: OpenEngine, tmp_path: Path) -> None:
    running = await engine(agent=lambda input: input * 100_000)
    inside, clock = running.engine, MovableClock(SystemClock().now())
    threads = Threads(
        inside.database,
        inside.queries,
        inside.payloads,
        conversations=inside.stores.conversations,
        ids=inside.ids,
        clock=clock,
    )
    await threads.create("main")
    for letter in "abc":
        await running.run("agent", letter, thread_id="main")

    def kept() -> int:
        return len([path for path in (tmp_path / "blobs").rglob("*") if path.is_file()])

    all_of_them = kept()
    await threads.prune(["main"], keep_latest=True)
    assert kept() == all_of_them, "they are new, and may be on their way into a row"
    clock.move(timedelta(days=2))
    await threads.prune(["main"], keep_latest=True)
    assert kept() == all_of_them - 2
    assert (await threads.get("main")).state["output"] == "c" * 100_000


async def test_a_new_thread_lives_as_long_as_the_settings_say(engine: OpenEngine) -> None:
    running = await engine(agent=lambda input: input, settings={"thread_ttl": "50ms"})
    threads = running.engine.threads
    await threads.create("short")
    await threads.create("long", ttl=TimeToLive(timedelta(days=1)))
    await asyncio.sleep(0.1)
    await threads.expire()
    assert [thread.id for thread in await threads.search()] == ["long"]
