from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fairlead.errors import Conflict, NotFound
from fairlead.runs.announcer import FIGURES
from fairlead.runs.following import Delta
from fairlead.runs.run import Event, NewRun
from tests.runs.conftest import OpenEngine


async def counting(input: Any, ctx: Any) -> int:
    for n in range(input):
        await ctx.step("count", int, n)
        ctx.progress(n)
    return input


async def test_whoever_follows_from_anywhere_sees_each_event_once(engine: OpenEngine) -> None:
    running = await engine(agent=counting)
    run = await running.submit("agent", 60)

    async def follow(after: int) -> list[int]:
        seen: list[int] = []
        async for event in running.engine.feed.follow(run.id, after=after):
            if isinstance(event, Event):
                seen.append(event.seq)
        return seen

    live = await asyncio.gather(*(follow(after) for after in (0, 1, 7, 50)))
    last = (await running.ended(run.id)).seq
    late = await asyncio.gather(*(follow(after) for after in (0, last - 1, last)))
    for after, seen in zip((0, 1, 7, 50, 0, last - 1, last), [*live, *late], strict=True):
        assert seen == list(range(after + 1, last + 1))


async def test_pieces_of_text_fit_together(engine: OpenEngine) -> None:
    async def agent(input: Any, ctx: Any) -> str:
        reply = await ctx.model([{"role": "user", "content": "say much"}], model="simulated/x")
        return reply.message["content"]

    running = await engine(agent=agent)
    run = await running.submit("agent")
    texts: dict[tuple[str, int], str] = {}
    async for one in running.engine.feed.follow(run.id, deltas=True):
        if isinstance(one, Delta):
            text = texts.get((one.step, one.attempt), "")
            assert one.offset <= len(text)
            texts[one.step, one.attempt] = text[: one.offset] + one.text
    output = (await running.ended(run.id)).output
    assert all(output.startswith(text) for text in texts.values())


async def test_the_end_of_a_run_is_told_to_those_who_watch_also_when_their_word_comes_too_late(
    engine: OpenEngine,
) -> None:
    running = await engine(agent=counting)
    signals = running.engine.database.signals
    run = (await running.engine.control.submit(NewRun("agent", 1)))[0]
    told: list[str] = []
    came = asyncio.Event()
    signals.subscribe(f"run:{run.id}", told.append)
    signals.subscribe(f"run:{run.id}", lambda _: came.set())
    while (await running.engine.control.get(run.id)).finished_at is None:
        await asyncio.sleep(0.01)
    await running.run("agent", 1)
    assert told == []  # nobody had asked
    signals.publish("watch", run.id)
    await asyncio.wait_for(came.wait(), 8)
    assert told == [""]


async def test_who_watches_all_runs_is_told_when_what_one_has_done_so_far_can_be_read(engine: OpenEngine) -> None:
    goes_on = asyncio.Event()

    async def agent(input: Any, ctx: Any) -> None:
        for number in range(3):
            await ctx.step("count", int, number)
        await goes_on.wait()

    running = await engine(agent=agent)
    told: list[str] = []
    running.engine.database.signals.subscribe(FIGURES, told.append)
    run = await running.submit("agent")
    async with asyncio.timeout(20):
        while (await running.engine.control.get(run.id)).steps < 3:
            await asyncio.sleep(0.01)
    assert told == []  # nobody had asked
    changes = running.engine.feed.changes()
    watching = asyncio.ensure_future(anext(changes))
    second = await running.submit("agent")
    async with asyncio.timeout(20):
        changed = await watching
        while changed != second.id or (await running.engine.control.get(second.id)).steps < 3:
            changed = await anext(changes)
    assert any(second.id in one for one in told)
    await changes.aclose()  # type: ignore[attr-defined]
    goes_on.set()


async def test_following_nobody_is_not_found(engine: OpenEngine) -> None:
    running = await engine(agent=counting, workers=0)
    with pytest.raises(NotFound):
        async for _ in running.engine.feed.follow("nobody"):
            pass


async def test_old_runs_keep_their_last_checkpoints_and_then_go_with_all_they_had(
    engine: OpenEngine, tmp_path: Path
) -> None:
    async def agent(input: Any, ctx: Any) -> str:
        for _ in range(6):
            await ctx.step("large", lambda: "x" * 100_000)
        if input == "fail":
            raise ValueError("as told")
        return "y" * 100_000

    brief = {"checkpoint_retention": timedelta(microseconds=1), "retention_every": timedelta(hours=1)}
    running = await engine(agent=agent, settings=brief)
    run, failed = await running.run("agent"), await running.run("agent", "fail")
    await asyncio.sleep(0.01)
    await running.engine.retention.once()
    steps = await running.events(run.id, "step")
    assert [event.data is not None for event in steps] == [False] * 3 + [True] * 3
    assert (await running.engine.control.get(run.id)).output == "y" * 100_000
    with pytest.raises(Conflict):
        await running.engine.control.retry(failed.id)  # its answers are gone: they must not come back as nothing
    queries, database = running.engine.queries, running.engine.database
    shorter = running.engine.settings.engine.model_copy(update={"run_retention": timedelta(microseconds=1)})
    running.engine.retention._settings = shorter
    await running.engine.retention.once()
    with pytest.raises(NotFound):
        await running.engine.control.get(run.id)
    assert await database.read(queries["events"], tenant="default", run_id=run.id, after=0, limit=9) == []
    assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []


async def test_what_events_carry_can_be_left_undecoded_and_is_the_same(engine: OpenEngine) -> None:
    async def agent(input: Any, ctx: Any) -> str:
        await ctx.step("large", str, "x" * 100_000)  # kept beside the table
        for word in ("one", "two"):
            await ctx.model(
                [{"role": "user", "content": "say"}, {"role": "user", "content": word}], model="simulated/x"
            )
        return "done"

    running = await engine(agent=agent)
    run = await running.submit("agent")
    await running.ended(run.id)
    whole = await running.engine.feed.history(run.id)
    told = await running.engine.feed.told(run.id)
    assert [replace(one, data=one.data and one.data.read()) for one in told] == whole
    last = [one.data.read()["request"]["messages"] for one in told if one.kind == "model" and one.type == "step"]
    assert last[0][0] is last[1][0]  # what both were asked with is one value
    after = whole[-3].seq
    assert [one.seq for one in await running.engine.feed.told(run.id, after=after)] == [one.seq for one in whole[-2:]]
