"""Runs that ended are counted once, whoever counts and however often it is tried; what just ended is told as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from fairlead import testing, tool
from fairlead.agents import Context
from fairlead.database.sql import parse
from fairlead.runs.figure_book import FigureBook, Wanted
from fairlead.runs.figure_folding import FigureFolding
from fairlead.runs.figures import DAY, FINE, HOUR, MICROS, Course, Sums
from fairlead.telemetry.emit import silent

OpenEngine = Callable[..., Awaitable[testing.Running]]
OURS = Wanted(("default",))


async def echo(input: Any) -> Any:
    return input


async def fails(input: Any) -> Any:
    raise ValueError("no")


@tool
async def search(query: str) -> str:
    """Search."""
    if query == "bad":
        raise ValueError("no such thing")
    return query


async def uses(input: Any, ctx: Context) -> Any:
    for query in input:
        try:
            await ctx.use_tool(search, {"query": query})
        except Exception:
            continue
    return len(input)


def folding(running: testing.Running, **more: Any) -> FigureFolding:
    """Which counts at once what has ended."""
    engine = running.engine
    given: dict[str, Any] = {"keep": timedelta(days=400), "settled": timedelta(0), **more}
    return FigureFolding(engine.database, engine.queries, clock=engine.clock, emit=silent, **given)


async def uncounted(running: testing.Running) -> None:
    """As if there had been no counting before, and all that ended until now lay behind. Nobody counts but the test."""
    for worker in running.workers:
        await running.stop_worker(worker)
    latest = "SELECT coalesce(max(finished_at), 1) AS at FROM runs"
    put = f"INSERT INTO run_folds SELECT 'runs', n.at, n.at FROM ({latest}) AS n"
    database = running.engine.database
    for text in ("DELETE FROM run_figures", "DELETE FROM run_folds", put):
        await database.write(parse("q", text, database.dialect))


async def to_the_end(one: FigureFolding, running: testing.Running) -> None:
    """All that has ended. A worker's clock may be ahead: what it ended lies in the future, then, for a moment."""
    async with asyncio.timeout(8):
        while await one.once() is not None or not await _nothing_ahead(running):
            await asyncio.sleep(0.001)


async def _nothing_ahead(running: testing.Running) -> bool:
    query = "SELECT count(*) AS n FROM runs WHERE finished_at > (SELECT ahead_at FROM run_folds)"
    return (await running.engine.database.read(parse("q", query, running.engine.database.dialect)))[0]["n"] == 0


async def course(running: testing.Running, wanted: Wanted = OURS, *, grain: int = HOUR) -> Course:
    now = running.engine.clock.micros() // MICROS
    since, until = (now - DAY) // grain * grain, (now // grain + 1) * grain
    book = FigureBook(running.engine.database, running.engine.queries)
    return await book.course(wanted, cuts=(since, until), middle=since, finest=grain)


async def in_all(running: testing.Running, wanted: Wanted = OURS) -> Sums:
    found = await course(running, wanted)
    return found.sums(found.since, found.until)


async def stored(running: testing.Running, where: str = "kind = 'status' AND grain = 60") -> int:
    dialect = running.engine.database.dialect
    query = parse("q", f"SELECT coalesce(sum(count), 0) AS n FROM run_figures WHERE {where}", dialect)
    return int((await running.engine.database.read(query))[0]["n"])


async def test_what_just_ended_is_told_without_being_counted(engine: OpenEngine) -> None:
    running = await engine(echo=echo, fails=fails)
    await running.run("echo", 1)
    await running.run("fails", 1)
    assert await stored(running) == 0
    sums = await in_all(running)
    assert (sums.success, sums.failed) == (1, 1)


async def test_each_release_is_told_as_it_was_whether_its_runs_are_counted_yet_or_not(engine: OpenEngine) -> None:
    running = await engine(echo=echo, fails=fails)
    for agent, release in (("echo", "dev"), ("fails", "dev"), ("echo", "dev")):
        await running.run(agent, 1, release=release)
    await running.submit("echo", 1, tenant="other")
    book = FigureBook(running.engine.database, running.engine.queries)
    until = (running.engine.clock.micros() // MICROS // FINE + 1) * FINE

    async def told() -> dict[str, tuple[Sums, int]]:
        found = await book.by_release("default", since=until - DAY, until=until)
        return {name: (one.sums, sum(one.buckets.values())) for name, one in found.items()}

    before = await told()
    sums, timed = before["dev"]
    assert set(before) == {"dev"} and (sums.success, sums.failed, timed) == (2, 1, 3) and sums.took_us > 0
    await to_the_end(folding(running), running)
    await running.run("echo", 1)
    sums, timed = (await told())["dev"]
    assert (sums.success, sums.failed, timed) == (3, 1, 4)
    assert await book.by_release("default", since=until - DAY, until=until - DAY + FINE) == {}


async def test_counting_changes_where_it_stands_and_not_what_is_told(engine: OpenEngine) -> None:
    running = await engine(echo=echo, fails=fails)
    for number in range(5):
        await running.run("echo", number)
    await running.run("fails", 1)
    await uncounted(running)
    await running.engine.control.cancel((await running.submit("echo", 5)).id, tenant="default", by="test")
    before = await in_all(running)
    await to_the_end(folding(running), running)
    assert await stored(running) == 7
    after = await course(running)
    assert (before.success, before.failed, before.interrupted) == (0, 0, 1), (
        "what lies behind is not told until it is counted"
    )
    assert after.sums(after.since, after.until).runs == 7
    assert sum(after.buckets.values()) == 6, "what was interrupted took no time of its own"


async def test_what_ended_before_there_was_counting_is_counted_backwards_in_batches(engine: OpenEngine) -> None:
    running = await engine(echo=echo)
    for number in range(7):
        await running.run("echo", number)
    await uncounted(running)
    one = folding(running, batch=2)
    await one.once()
    assert await stored(running) == 2
    await to_the_end(one, running)
    assert await stored(running) == 7
    await running.start_worker()
    await running.run("echo", 8)
    await to_the_end(one, running)
    assert await stored(running) == 8


async def test_what_is_not_counted_yet_is_known_to_be_missing(engine: OpenEngine) -> None:
    running = await engine(echo=echo)
    await uncounted(running)
    assert (await course(running)).counted_from > 0
    await to_the_end(folding(running), running)
    assert (await course(running)).counted_from == 0


async def test_several_at_once_count_each_run_once(engine: OpenEngine) -> None:
    running = await engine(echo=echo)
    crowd = [folding(running, batch=3) for _ in range(4)]
    for number in range(20):
        await running.run("echo", number)
        if number == 9:
            await uncounted(running)
            await running.start_worker()
    await asyncio.gather(*(to_the_end(one, running) for one in crowd))
    await to_the_end(crowd[0], running)
    assert await stored(running) == 20
    assert (await in_all(running)).success == 20


async def test_a_batch_that_is_put_again_counts_once(engine: OpenEngine) -> None:
    """As when the connection falls after it was written, and the door tries again."""
    running = await engine(echo=echo)
    await uncounted(running)
    database, queries = running.engine.database, running.engine.queries
    marks = (await database.read(queries["folds"]))[0]
    row = ("status", 60, "default", 60, "echo", "dev", "success", 1, 0, 0, 0)
    given = {"ahead": marks["ahead_at"], "behind": marks["behind_at"], "new_ahead": marks["ahead_at"] + 1,
             "new_behind": 0}  # fmt: skip
    assert await database.write(queries["put_figures"], [row], **given)
    assert not await database.write(queries["put_figures"], [row], **given)
    assert await stored(running, "minute = 60") == 1


async def test_what_ended_a_moment_ago_is_left_for_the_next_time(engine: OpenEngine) -> None:
    running = await engine(echo=echo)
    await uncounted(running)
    await running.start_worker()
    one = folding(running, settled=timedelta(minutes=1))
    await running.run("echo", 1)
    while await one.once() is not None:
        continue
    assert await stored(running) == 0
    assert (await in_all(running)).success == 1


async def test_tools_are_counted_with_their_failures(engine: OpenEngine) -> None:
    running = await engine(uses=uses)
    await running.run("uses", ["a", "bad", "b"])
    await uncounted(running)
    await to_the_end(folding(running), running)
    assert [(one.name, one.calls, one.failed) for one in (await course(running)).tools] == [("search", 3, 1)]


async def test_a_run_that_is_tried_again_counts_again_and_what_it_had_used_does_not(engine: OpenEngine) -> None:
    tries: list[int] = []

    async def at_second(input: Any, ctx: Context) -> Any:
        await ctx.use_tool(search, {"query": "a"})
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("not yet")
        await ctx.use_tool(search, {"query": "b"})
        return len(tries)

    running = await engine(at_second=at_second)
    await uncounted(running)
    await running.start_worker()
    one = folding(running)
    run = await running.run("at_second", 1)
    await to_the_end(one, running)
    await running.engine.control.retry(run.id, tenant="default", by="test")
    await running.ended(run.id)
    await to_the_end(one, running)
    sums = await in_all(running)
    assert (sums.success, sums.failed) == (1, 1)
    assert [one.calls for one in (await course(running)).tools] == [2]


async def test_only_those_asked_for_are_told_counted_or_not(engine: OpenEngine) -> None:
    running = await engine(echo=echo, fails=fails)
    await uncounted(running)
    await running.start_worker()
    one = folding(running)
    await running.run("echo", 1)
    await running.run("fails", 1)
    for _ in range(2):
        assert (await in_all(running, Wanted(("default",), agent="echo"))).runs == 1
        assert (await in_all(running, Wanted(("default",), release="another"))).runs == 0
        assert (await in_all(running, Wanted(("other",)))).runs == 0
        assert (await in_all(running, Wanted(("other", "default")))).runs == 2
        await to_the_end(one, running)


async def test_names_and_tenants_are_those_of_runs_that_ended(engine: OpenEngine) -> None:
    running = await engine(echo=echo, fails=fails)
    await running.run("echo", 1)
    await running.run("fails", 1)
    await uncounted(running)
    await to_the_end(folding(running), running)
    book, since = running.engine.figures, running.engine.clock.micros() // MICROS - DAY
    assert await book.names(OURS, since=since) == (["echo", "fails"], ["dev"])
    assert await book.names(Wanted(("other",)), since=since) == ([], [])
    assert await book.tenants() == ["default"]


async def test_what_waits_for_a_person_stands_still(engine: OpenEngine) -> None:
    async def asks(input: Any, ctx: Context) -> Any:
        return (await ctx.approve("May I?")).approved

    running = await engine(asks=asks)
    await running.run("asks", 1)
    still = await running.engine.figures.standing_still(OURS)
    assert [(one.reason, one.runs) for one in still] == [("approval", 1)]
    assert await running.engine.figures.standing_still(Wanted(("other",))) == []


async def test_what_goes_on_and_waits_is_counted_now(engine: OpenEngine) -> None:
    running = await engine(echo=echo, workers=0)
    await running.submit("echo", 1)
    await running.submit("echo", 2)
    now = await running.engine.figures.at_work(OURS)
    assert (now.running, now.waiting) == (0, 2)
    assert now.oldest is not None
    assert (await running.engine.figures.at_work(Wanted(("default",), agent="none"))).waiting == 0
    assert (await running.engine.figures.at_work(Wanted(("other",)))).oldest is None


@pytest.mark.parametrize(("age", "left"), [(timedelta(days=1), 0), (timedelta(days=400), 1)])
async def test_figures_go_when_their_time_is_over(engine: OpenEngine, age: timedelta, left: int) -> None:
    running = await engine(echo=echo, workers=0)
    database, queries = running.engine.database, running.engine.queries
    await uncounted(running)
    marks = (await database.read(queries["folds"]))[0]
    old = running.engine.clock.micros() // MICROS - 4 * DAY
    rows = [("status", grain, "default", old // grain * grain, "echo", "dev", "success", 1, 0, 0, 0)
            for grain in (5, HOUR, DAY)]  # fmt: skip
    given = {"ahead": marks["ahead_at"], "behind": marks["behind_at"], "new_ahead": marks["ahead_at"], "new_behind": 0}
    await database.write(queries["put_figures"], rows, **given)
    await folding(running, keep=age).sweep()
    assert [await stored(running, f"grain = {grain}") for grain in (5, HOUR, DAY)] == [0, left, left]
