"""What a recorded question leaves in the database, and in how many statements."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import orjson

from fairlead import testing
from fairlead.agents import Context
from fairlead.database.sql import parse
from fairlead.runs.journal import Entry, Journal
from fairlead.runs.run import Run
from fairlead.telemetry.emit import silent
from tests.runs.conftest import OpenEngine

MODEL = "simulated/echo"
LONG = "a page of a report " * 2000
_STATEMENTS = ("record_one", "record_asked", "record", "record_asked_many", "keep_messages")


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


async def kept(running: testing.Running, *run_ids: str) -> list[Any]:
    database = running.engine.database
    query = parse("kept", "SELECT run_id, body FROM messages", database.dialect)
    return [orjson.loads(row["body"]) for row in await database.read(query) if row["run_id"] in run_ids]


def statements(running: testing.Running) -> Counter[str]:
    told = [fields["query"] for event, fields in running.said if event == "database_query"]
    return Counter(name for name in told if name in _STATEMENTS)


async def test_what_was_said_is_written_with_the_question_itself(engine: OpenEngine) -> None:
    async def agent(input: str, ctx: Context) -> None:
        await ctx.model([user(input)], model=MODEL)

    running = await engine(agent=agent)
    run = await running.run("agent", "hello")
    assert await kept(running, run.id) == [user("hello")]
    assert statements(running) == {"record_asked": 1, "record_one": 1}  # the question, the answer


async def test_a_conversation_goes_to_the_database_once_however_often_it_is_sent(engine: OpenEngine) -> None:
    async def agent(input: str, ctx: Context) -> None:
        conversation = [user(input)]
        for text in ("and?", "and then?"):
            reply = await ctx.model(conversation, model=MODEL)
            conversation += [dict(reply.message), user(text)]
        await ctx.model(conversation[:3], model=MODEL)  # of this all is known

    running = await engine(agent=agent)
    run = await running.run("agent", "hello")
    assert len(await kept(running, run.id)) == 3
    assert statements(running) == {"record_asked": 2, "record_one": 4}


async def test_a_long_message_is_kept_while_the_model_thinks(engine: OpenEngine) -> None:
    async def agent(input: str, ctx: Context) -> None:
        for _ in range(2):
            await ctx.model([user(LONG)], model=MODEL)

    running = await engine(agent=agent)
    run = await running.run("agent", "")
    assert await kept(running, run.id) == [user(LONG)]
    assert statements(running) == {"keep_messages": 1, "record_one": 4}


async def test_questions_of_many_runs_are_written_together_with_what_was_said(engine: OpenEngine) -> None:
    running = await engine(workers=0, agent=_nothing)
    journal, runs = await _claimed(running, 3)
    asked = [journal.record(_intent(run, 1), _said(run, "hello", run.id)) for run in runs]
    assert await asyncio.gather(*asked) == [True, True, True]
    assert statements(running) == {"record_asked_many": 1}
    assert sorted(one["content"] for one in await kept(running, *(run.id for run in runs))) == sorted(
        ["hello"] * 3 + [run.id for run in runs]
    )


async def test_one_question_that_was_recorded_already_takes_nothing_from_the_others(engine: OpenEngine) -> None:
    running = await engine(workers=0, agent=_nothing)
    journal, (first, other) = await _claimed(running, 2)
    recorded = Entry(*_intent(first, 1)[:4], "step", *_intent(first, 1)[5:])
    assert await journal.record(recorded)
    again = Entry(*recorded[:3], first.seq + 2, *recorded[4:])
    asked = [journal.record(again, _said(first, "a")), journal.record(_intent(other, 1), _said(other, "b"))]
    assert await asyncio.gather(*asked) == [False, True]
    assert await kept(running, other.id) == [user("b")]


async def test_said_twice_by_branches_side_by_side_it_is_kept_once(engine: OpenEngine) -> None:
    async def agent(input: str, ctx: Context) -> None:
        await asyncio.gather(*[ctx.model([user(input), user(f"{n}")], model=MODEL) for n in range(3)])

    running = await engine(agent=agent)
    run = await running.run("agent", "hello")
    assert sorted(one["content"] for one in await kept(running, run.id)) == ["0", "1", "2", "hello"]


async def _nothing(input: Any, ctx: Context) -> None: ...


async def _claimed(running: testing.Running, count: int) -> tuple[Journal, Sequence[Run]]:
    engine = running.engine
    await engine.database.write(
        engine.queries["register"], id="w", release="dev", agents='["agent"]', host="here", pid=1, slots=count,
        lease_us=60_000_000,
    )  # fmt: skip
    for _ in range(count):
        await running.submit("agent")
    journal = Journal(
        engine.database, dict(engine.queries), engine.payloads, worker="w", clock=engine.clock, emit=silent
    )
    claimed = await journal.claim(release="dev", agents=["agent"], slots=count, total=0)
    assert len(claimed) == count
    return journal, [run for run, _ in claimed]


def _intent(run: Run, ahead: int) -> Entry:
    return Entry(
        run.tenant, run.id, run.fence, run.seq + ahead, "intent", "model", MODEL, "k", "", "", None, 0, "{}"
    )  # fmt: skip


def _said(run: Run, *texts: str) -> list[tuple[str, str, str, str]]:
    return [(run.tenant, run.id, text, orjson.dumps(user(text)).decode()) for text in texts]
