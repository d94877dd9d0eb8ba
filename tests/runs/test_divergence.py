"""What happens when a resumed run takes another path than it took before."""

from __future__ import annotations

import asyncio
from typing import Any

from fairlead import testing
from fairlead.agents import tool
from fairlead.runs.run import Reason, Run, Status
from tests.runs.conftest import Gate, OpenEngine


async def crash_at(running: testing.Running, run: Run, gate: Gate) -> None:
    await gate.reached()
    await running.crash(running.workers[0])
    await running.start_worker()


class Effects:
    """A tool that must not be repeated, and how often it was used."""

    def __init__(self) -> None:
        self.charged: list[int] = []

        @tool
        def charge(amount: int) -> int:
            """Charge."""
            self.charged.append(amount)
            return amount

        self.charge = charge


async def test_another_path_is_told_and_safe_steps_go_on(engine: OpenEngine, gate: Gate) -> None:
    async def agent(input: Any, ctx: Any) -> list[str]:
        first = await ctx.step("old" if ctx.attempt == 1 else "new", lambda: "x")
        if ctx.attempt == 1:
            await ctx.step("gate", gate)
        return [first, await ctx.step("last", lambda: "y")]

    running = await engine(agent=agent)
    run = await running.submit("agent")
    await crash_at(running, run, gate)
    assert (await running.ended(run.id)).output == ["x", "y"]
    told = await running.events(run.id, "diverged")
    assert [(event.name, event.data["expected"]) for event in told] == [("new", "old")]
    assert "run_diverged" in [event for event, _ in running.said]


async def test_a_path_that_comes_back_finds_what_it_had_recorded(engine: OpenEngine, gate: Gate) -> None:
    effects, done = Effects(), list[str]()

    async def agent(input: Any, ctx: Any) -> list[Any]:
        if ctx.attempt > 1:
            await ctx.step("detour", lambda: None)
        answers = [await ctx.step(name, lambda name=name: done.append(name) or name) for name in "ab"]
        answers.append(await ctx.use_tool(effects.charge, {"amount": 5}))
        await ctx.step("gate", gate)
        return answers

    running = await engine(agent=agent)
    run = await running.submit("agent")
    await crash_at(running, run, gate)
    gate.open.set()
    ended = await running.ended(run.id)
    assert (ended.status, ended.output) == (Status.SUCCESS, ["a", "b", 5])
    assert (done, effects.charged) == (["a", "b"], [5])
    assert len(await running.events(run.id, "diverged")) == 1


async def test_an_unsafe_tool_on_another_path_waits_for_a_person(engine: OpenEngine, gate: Gate) -> None:
    effects = Effects()

    async def agent(input: Any, ctx: Any) -> int:
        if ctx.attempt == 1:
            await ctx.step("old", lambda: 1)
            await ctx.step("gate", gate)
        await ctx.step("safe", lambda: 1)
        return await ctx.use_tool(effects.charge, {"amount": 7})

    running = await engine(agent=agent)
    run = await running.submit("agent")
    await crash_at(running, run, gate)
    stopped = await running.ended(run.id)
    assert (stopped.status, stopped.reason, effects.charged) == (Status.INTERRUPTED, Reason.DIVERGED, [])
    assert stopped.error is not None and "charge" in stopped.error["message"] and stopped.finished_at is None
    await running.engine.control.resume(run.id, by="me")
    assert (await running.ended(run.id)).output == 7
    assert effects.charged == [7]


async def test_branches_that_finish_in_another_order_have_not_diverged(engine: OpenEngine, gate: Gate) -> None:
    async def branch(ctx: Any, name: str, first: asyncio.Event | None = None) -> str:
        if first is not None and ctx.attempt == 1:
            await first.wait()
        for turn in range(3):
            await ctx.step("same", int, turn)
        return await ctx.step("mine", lambda: name)

    async def agent(input: Any, ctx: Any) -> list[str]:
        b_done = asyncio.Event()

        async def b() -> str:
            answer = await branch(ctx, "b")
            b_done.set()
            return answer

        answers = await asyncio.gather(branch(ctx, "a", b_done), b(), ctx.step("gate", gate))
        return answers[:2]

    running = await engine(agent=agent)
    run = await running.submit("agent")
    await running.until(run.id, "step", name="mine", times=2)
    await crash_at(running, run, gate)
    gate.open.set()
    assert (await running.ended(run.id)).output == ["a", "b"]
    assert await running.events(run.id, "diverged") == []
    assert len(await running.events(run.id, "step")) == 9


async def test_a_failed_step_done_again_on_retry_has_not_diverged(engine: OpenEngine) -> None:
    effects, broken = Effects(), [True]

    @tool
    def fragile() -> str:
        """Fails once."""
        if broken.pop() if broken else False:
            raise RuntimeError("broken")
        return "mended"

    async def agent(input: Any, ctx: Any) -> list[Any]:
        try:
            first = await ctx.use_tool(fragile, {})
        except Exception:
            first = None
        second = await ctx.use_tool(effects.charge, {"amount": 3})
        if first is None:
            raise RuntimeError("not all of it worked")
        return [first, second]

    running = await engine(agent=agent)
    run = await running.run("agent")
    assert run.status is Status.ERROR
    await running.engine.control.retry(run.id)
    ended = await running.ended(run.id)
    assert (ended.status, ended.output) == (Status.SUCCESS, ["mended", 3])
    assert effects.charged == [3]
