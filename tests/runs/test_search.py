"""Runs found by what they are like, and no more of them looked at than is said."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from fairlead import Agent, testing, tool
from fairlead.agents.context import Context
from fairlead.gateway import Reply, ToolCall
from fairlead.runs.run import Status
from fairlead.runs.search import Filter, Search
from tests.runs.conftest import OpenEngine

WHEREVER: dict[str, Any] = {"tenant": "default", "before": None, "limit": 10}


async def greet(input: str) -> str:
    if input == "fail":
        raise ValueError("no")
    return f"Hello, {input}"


async def dawdle(input: str, ctx: Context) -> str:
    await ctx.sleep(timedelta(milliseconds=300))
    return input


async def hang(input: Any) -> None:
    await asyncio.sleep(30)


async def ran(running: testing.Running, agent: str, input: Any, **more: Any) -> str:
    return (await running.run(agent, input, **more)).id


async def length(running: testing.Running, run_id: str) -> timedelta:
    run = await running.engine.control.get(run_id)
    assert run.finished_at is not None
    return run.finished_at - run.created_at


async def found(search: Search, **wanted: Any) -> list[str]:
    return [run.id for run in (await search.older(Filter(**wanted), **WHEREVER)).runs]


async def test_runs_are_found_by_each_thing_they_are_like(engine: OpenEngine) -> None:
    running = await engine(greet=greet, dawdle=dawdle)
    search, clock = running.engine.search, running.engine.clock
    before = clock.now() - timedelta(seconds=5)
    ada = await ran(running, "greet", "Ada", user="ada")
    bad = await ran(running, "greet", "fail", user="bob")
    slow = await ran(running, "dawdle", "Carl 100%_'\"", user="carl")
    await running.submit("greet", "elsewhere", tenant="other", user="ada")
    assert await found(search) == [slow, bad, ada]
    assert await found(search, user="ada") == [ada]
    assert await found(search, status=Status.ERROR) == [bad]
    assert await found(search, agent="dawdle") == [slow]
    assert await found(search, text="CARL 100%_'\"") == [slow]
    assert await found(search, text="%") == [slow], "it is no wildcard"
    took = {one: await length(running, one) for one in (slow, bad, ada)}
    assert took[slow] >= timedelta(milliseconds=290)
    assert await found(search, least_duration=took[slow]) == [one for one in took if took[one] >= took[slow]]
    assert await found(search, least_duration=max(took.values()) + timedelta(microseconds=1)) == []
    assert await found(search, least_cost_nano=1) == []
    assert await found(search, since=before) == [slow, bad, ada]
    assert await found(search, until=before) == []
    middle = (await running.engine.control.get(bad)).created_at
    assert await found(search, since=middle) == [slow, bad]
    assert await found(search, until=middle) == [ada]
    assert await found(search, release="other") == []
    assert {run.id for run in await search.named([ada, slow, "nobody"], tenant="default")} == {ada, slow}
    assert await search.named([ada], tenant="other") == [] == await search.named([], tenant="default")


def policy(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Reply | str:
    asks = tools and messages[-1]["role"] == "user" and "look" in messages[-1]["content"]
    return Reply("", [ToolCall("look", {"number": 5})]) if asks else "done"


PROVIDERS: dict[str, Any] = {"one": {"kind": "simulated", "policy": "tests.runs.test_search:policy"}}


@tool(safe_to_repeat=True)
def look(number: int) -> str:
    """Look it up."""
    return f"{number} is there"


async def test_runs_are_found_by_the_models_they_asked_and_the_tools_they_used(engine: OpenEngine) -> None:
    desk = Agent("desk", "one/small", tools=[look])
    running = await engine(desk=desk, other=Agent("other", "one/large"), greet=greet, providers=PROVIDERS)
    search = running.engine.search
    used, idle, large, none = [
        await ran(running, agent, said)
        for agent, said in (("desk", "look"), ("desk", "hello"), ("other", "hello"), ("greet", "look"))
    ]
    assert await found(search, model="one/small") == [idle, used]
    assert await found(search, model="one/large") == [large]
    assert await found(search, tool="look") == [used]
    assert await found(search, tool="look", model="one/small", agent="desk") == [used]
    assert await found(search, tool="look", model="one/large") == []
    assert await found(search, model="look") == await found(search, tool="one/small") == [], "of its kind only"
    newer = await search.newer(Filter(model="one/small"), tenant="default", after=used, limit=10)
    assert [run.id for run in newer] == [idle]
    assert none not in await found(search, model="one/small")


async def test_only_so_many_are_looked_at_and_it_is_said_how_far(engine: OpenEngine) -> None:
    running = await engine(greet=greet)
    inside = running.engine
    first = await ran(running, "greet", "needle")
    others = [await ran(running, "greet", f"hay {n}") for n in range(5)]
    search = Search(inside.database, inside.queries, inside.payloads, look=3)
    one = await search.older(Filter(text="needle"), **WHEREVER)
    assert (one.runs, one.looked_to) == ((), others[2])
    two = await search.older(Filter(text="needle"), tenant="default", before=one.looked_to, limit=10)
    assert [run.id for run in two.runs] == [first]
    assert two.looked_to == first, "it may be that there are more behind the last one that was looked at"
    three = await search.older(Filter(text="needle"), tenant="default", before=two.looked_to, limit=10)
    assert (three.runs, three.looked_to) == ((), None)
    whole = await search.older(Filter(text="hay"), tenant="default", before=None, limit=2)
    assert [run.id for run in whole.runs] == others[:2:-1] and whole.looked_to is None


async def test_an_id_and_its_beginning_find_a_run_however_many_are_newer(engine: OpenEngine) -> None:
    running = await engine(greet=greet)
    inside = running.engine
    old = await ran(running, "greet", "needle")
    told = [await ran(running, "greet", f"see {old}") for _ in range(3)]
    search = Search(inside.database, inside.queries, inside.payloads, look=1)
    for text in (old, old[:18], old[:24]):
        assert await found(search, text=text) == [old]
    assert await found(search, text=old, agent="other") == []
    assert (await search.older(Filter(text=old), tenant="default", before=old, limit=10)).runs == ()
    assert await found(search, text=old[:12]) == told[2:], "less tells no moment: a text among others"
    assert await found(search, text=f"{old[:18]}-0000") == []


async def test_of_what_runs_did_fewer_are_looked_at(engine: OpenEngine) -> None:
    running = await engine(greet=greet)
    inside = running.engine
    ids = [await ran(running, "greet", f"hay {n}") for n in range(5)]
    search = Search(inside.database, inside.queries, inside.payloads, look=10)
    for wanted in (Filter(tool="look"), Filter(model="one/small")):
        assert (await search.older(wanted, **WHEREVER)).looked_to == ids[3]
    assert (await search.older(Filter(text="needle"), **WHEREVER)).looked_to is None


async def test_pages_lead_back_the_way_they_came(engine: OpenEngine) -> None:
    running = await engine(greet=greet)
    ids = [await ran(running, "greet", f"hay {n}") for n in range(6)]
    search = running.engine.search
    page = await search.older(Filter(text="hay"), tenant="default", before=ids[3], limit=2)
    assert [run.id for run in page.runs] == [ids[2], ids[1]]
    newer = await search.newer(Filter(text="hay"), tenant="default", after=ids[2], limit=2)
    assert [run.id for run in newer] == [ids[4], ids[3]]


async def test_what_is_held_says_since_when_nothing_came_of_it(engine: OpenEngine) -> None:
    running = await engine(hang=hang)
    run = await running.submit("hang")
    await running.until(run.id, "started")
    held = await running.engine.search.held(tenant="default", most=10)
    assert [one.run_id for one in held] == [run.id]
    assert held[0].last_at <= running.engine.clock.now() + timedelta(seconds=1)
    assert await running.engine.search.held(tenant="other", most=10) == []
    await running.engine.control.cancel(run.id)
