"""The short-lived state of a conversation, as agents use it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from fairlead.agents import Context
from fairlead.runs.run import Status
from fairlead.testing import Running
from tests.runs.conftest import Gate, OpenEngine
from tests.servers import RedisServer


async def cart(input: Any, ctx: Context) -> Any:
    items = await ctx.conversation.get("items", [])
    await ctx.conversation.put("items", [*items, input])
    return await ctx.conversation.all()


async def new_thread(running: Running, name: str) -> str:
    return (await running.engine.threads.create(name)).id


async def test_the_runs_of_a_thread_share_it_and_others_do_not(engine: OpenEngine) -> None:
    running = await engine(cart=cart)
    for thread in ("t1", "t2"):
        await new_thread(running, thread)
    assert (await running.run("cart", "milk", thread_id="t1")).output == {"items": ["milk"]}
    assert (await running.run("cart", "tea", thread_id="t1")).output == {"items": ["milk", "tea"]}
    assert (await running.run("cart", "ink", thread_id="t2")).output == {"items": ["ink"]}


async def test_it_goes_with_its_thread(engine: OpenEngine) -> None:
    running = await engine(cart=cart)
    await new_thread(running, "t1")
    await running.run("cart", "milk", thread_id="t1")
    await running.engine.threads.delete("t1")
    await new_thread(running, "t1")
    assert (await running.run("cart", "tea", thread_id="t1")).output == {"items": ["tea"]}


async def test_a_resumed_run_reads_what_it_read_before(engine: OpenEngine) -> None:
    gate = Gate()

    async def slow(input: Any, ctx: Context) -> Any:
        seen = await ctx.conversation.get("n", 0)
        await ctx.conversation.put("n", seen + 1)
        await gate()
        return seen

    running = await engine(slow=slow)
    await new_thread(running, "t1")
    run = await running.submit("slow", None, thread_id="t1")
    await gate.reached()
    await running.crash(running.workers[0])
    gate.open.set()
    await running.start_worker()
    assert (await running.ended(run.id)).output == 0
    assert await running.engine.stores.conversations.all("t1", tenant="default") == {"n": 1}
    assert [event.name for event in await running.events(run.id, "step")] == ["conversation.get", "conversation.put"]


async def test_a_run_without_a_thread_is_told(engine: OpenEngine) -> None:
    running = await engine(cart=cart)
    ended = await running.run("cart", "milk")
    assert ended.status is Status.ERROR
    assert "no conversation" in str(ended.error)


async def test_a_sync_agent_has_it_too(engine: OpenEngine) -> None:
    def count(input: Any, ctx: Any) -> Any:
        ctx.conversation.put("n", ctx.conversation.get("n", 0) + 1)
        return ctx.conversation.get("n")

    running = await engine(count=count)
    await new_thread(running, "t1")
    assert [(await running.run("count", None, thread_id="t1")).output for _ in range(2)] == [1, 2]


async def test_with_redis_all_processes_share_it_and_a_run_waits_for_one_that_is_away(
    engine: OpenEngine, tmp_path: Path
) -> None:
    folder = tmp_path / "redis"
    folder.mkdir()
    redis = RedisServer(folder)
    url = redis.start()
    try:
        running = await engine(cart=cart, settings={"redis_url": url, "rate_limit": 0})
        await new_thread(running, "t1")
        await running.run("cart", "milk", thread_id="t1")
        redis.stop()
        run = await running.submit("cart", "tea", thread_id="t1")
        async with asyncio.timeout(20):
            while not any(event == "database_unreachable" for event, _ in running.said):
                await asyncio.sleep(0.05)
        redis.start()
        assert (await running.ended(run.id)).output == {"items": ["tea"]}, "what it kept went with that Redis"
        told = [fields["database"] for event, fields in running.said if event == "database_recovered"]
        assert told == ["redis"]
    finally:
        redis.stop()
