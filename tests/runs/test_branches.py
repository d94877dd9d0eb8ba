"""Whatever the tree of branches, and wherever it is cut off: no answer is swapped, and no step done twice."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from typing import Any

import pytest

from tests.runs.conftest import OpenEngine


class Tree:
    """A random program of branches whose steps are all equal. Each step answers with a number of its own."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.count = itertools.count()
        self.answers: dict[str, Any] = {}  # by path: what a step there has answered, in whichever attempt
        self.swapped: list[str] = []
        self.budget = 0
        self.cut = asyncio.Event()

    async def __call__(self, input: Any, ctx: Any) -> list[Any]:
        return await self.branch(ctx, "", random.Random(self.seed), 0)

    async def branch(self, ctx: Any, path: str, rng: random.Random, depth: int) -> list[Any]:
        answers: list[Any] = []
        for turn in range(rng.randint(1, 4)):
            here, jitter = f"{path}.{turn}", random.Random(f"{self.seed}{path}{turn}{ctx.attempt}")
            kind = rng.choice(("step", "step", "value", "gather", "group", "wait_for")) if depth < 3 else "step"
            seeds = [rng.random() for _ in range(rng.randint(2, 3))]
            for _ in range(jitter.randint(0, 3)):
                await asyncio.sleep(0)
            match kind:
                case "step":
                    answers.append(self.same(here, await ctx.step("same", self.draw)))
                case "value":
                    answers.append(self.same(here, await ctx.uuid()))
                case "wait_for":
                    inner = self.branch(ctx, f"{here}w", random.Random(seeds[0]), depth + 1)
                    answers.append(await asyncio.wait_for(inner, 30))
                case "gather":
                    answers.append(await asyncio.gather(*self.below(ctx, here, seeds, depth)))
                case _:
                    async with asyncio.TaskGroup() as group:
                        tasks = [group.create_task(one) for one in self.below(ctx, here, seeds, depth)]
                    answers.append([task.result() for task in tasks])
        return answers

    def below(self, ctx: Any, here: str, seeds: list[float], depth: int) -> list[Any]:
        return [self.branch(ctx, f"{here}/{n}", random.Random(seed), depth + 1) for n, seed in enumerate(seeds)]

    async def draw(self) -> int:
        self.budget -= 1
        if self.budget == 0:
            self.cut.set()
            await asyncio.Event().wait()
        return next(self.count)

    def same(self, here: str, answer: Any) -> Any:
        if self.answers.setdefault(here, answer) != answer:
            self.swapped.append(here)
        return answer


@pytest.mark.parametrize("seed", range(10))
async def test_no_answer_is_swapped_whatever_is_cut_off(engine: OpenEngine, seed: int) -> None:
    tree = Tree(seed)
    running = await engine(tree=tree, settings={"max_attempts": 100})
    run = await running.submit("tree")
    for cut in range(3):
        tree.budget = random.Random(seed * 10 + cut).randint(1, 9)
        ended = asyncio.ensure_future(running.ended(run.id))
        cutting = asyncio.ensure_future(tree.cut.wait())
        await asyncio.wait([ended, cutting], return_when=asyncio.FIRST_COMPLETED)
        cutting.cancel()
        if ended.done():
            break
        ended.cancel()
        tree.cut.clear()
        await running.crash(running.workers[0])
        tree.budget = 0
        await running.start_worker()
    ended_run = await running.ended(run.id)
    assert ended_run.status == "success", ended_run.error
    assert tree.swapped == []
    assert await running.events(run.id, "diverged") == []
    keys = [event.key for event in await running.events(run.id, "step")]
    assert len(keys) == len(set(keys)) == len(tree.answers)


async def test_a_value_is_recorded_before_the_agent_sees_it(engine: OpenEngine) -> None:
    """It may be the idempotency key of the next step, whose work begins before anything else is recorded."""
    seen: list[tuple[str, list[Any]]] = []

    async def agent(input: Any, ctx: Any) -> None:
        for _ in range(20):
            value = await ctx.uuid()
            seen.append((value, [event.data["result"] for event in await running.events(ctx.run_id, "step")]))

    running = await engine(agent=agent)
    await running.run("agent")
    assert len(seen) == 20
    assert [value for value, recorded in seen if value not in recorded] == []


async def test_who_stood_still_on_a_resume_still_gets_its_own_answer(engine: OpenEngine) -> None:
    recorded, count = asyncio.Event(), itertools.count()

    async def draw() -> int:
        return next(count)

    async def owner(ctx: Any) -> int:
        if ctx.attempt > 1:
            time.sleep(0.06)  # the whole process, as when its machine is busy: timers ring, and nobody has moved
            for _ in range(20):
                await asyncio.sleep(0)
        answer = await ctx.step("same", draw)
        recorded.set()
        return answer

    async def newcomer(ctx: Any) -> int:
        if ctx.attempt == 1:
            await asyncio.Event().wait()
        return await ctx.step("same", draw)

    async def agent(input: Any, ctx: Any) -> list[int]:
        return await asyncio.gather(newcomer(ctx), owner(ctx))

    running = await engine(agent=agent)
    run = await running.submit("agent")
    await recorded.wait()
    await running.crash(running.workers[0])
    await running.start_worker()
    assert (await running.ended(run.id)).output == [1, 0]
