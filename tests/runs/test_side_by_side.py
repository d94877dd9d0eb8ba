"""Branches side by side that do equal things keep their own answers when a run is resumed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

from fairlead.agents import Context
from fairlead.agents.spec import spec_of
from fairlead.clock import SystemClock
from fairlead.config import load_settings
from fairlead.runs.run import NewRun, Status
from fairlead.telemetry.emit import silent
from fairlead.wiring import make_worker, open_engine


async def test_a_branch_at_its_frontier_leaves_an_equal_record_to_the_branch_that_made_it(tmp_path: Path) -> None:
    """The first branch stopped before its second seal, the second branch after: the seal on record is the second's."""
    hurdle = asyncio.Event()

    async def branch(ctx: Context, slow: bool) -> dict[str, Any]:
        found = await ctx.step("find", lambda: uuid4().hex)
        if slow:
            await hurdle.wait()
        sealed = await ctx.step("seal", lambda: {"of": found})
        if not slow:
            await hurdle.wait()
        return {"found": found, "sealed": sealed["of"]}

    async def agent(input: Any, ctx: Context) -> Any:
        return await asyncio.gather(branch(ctx, True), branch(ctx, False))

    settings = load_settings(root=tmp_path, environ={}, database_url="sqlite:///state.db")
    engine = await open_engine(
        settings, {"agent": spec_of("agent", agent)}, providers={}, clock=SystemClock(), emit=silent
    )
    run, _ = await engine.control.submit(NewRun("agent", None))
    first = make_worker(engine)
    carrying = asyncio.create_task(first.run())
    async for event in engine.feed.follow(run.id):
        if getattr(event, "name", None) == "seal":
            break
    first.stop()
    await carrying
    hurdle.set()
    second = make_worker(engine)
    carrying = asyncio.create_task(second.run())
    await engine.feed.ended(run.id)
    ended = await engine.control.get(run.id)
    second.stop()
    await carrying
    await engine.close()
    assert ended.status is Status.SUCCESS
    assert [one["sealed"] == one["found"] for one in ended.output] == [True, True]
