"""Who is asked, in which turn. The role's `once` is called by hand; when a turn comes is moved in the table."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from fairlead import testing
from fairlead.access import Principal, Role
from fairlead.agents import Escalation
from fairlead.agents.jsonable import decode
from fairlead.database.sql import parse
from fairlead.errors import Forbidden, InvalidInput
from fairlead.runs.asked import check_turns
from fairlead.runs.run import Approval
from tests.runs.conftest import OpenEngine

HOUR = timedelta(hours=1)
ADA = Principal("ada's key", Role.OPERATOR, user="ada")
BOB = Principal("bob's key", Role.OPERATOR, user="bob")
CHIEF = Principal("the chief's key", Role.ADMIN, user="eve")


async def careful(input: Any, ctx: Any) -> bool:
    later = [Escalation(HOUR), Escalation(2 * HOUR, ("role:admin",))]
    return (await ctx.approve("Sure?", expires=3 * HOUR, who=["user:ada"], escalate=later)).approved


async def asked_by(running: testing.Running, agent: str = "careful") -> Approval:
    run = await running.submit(agent)
    await running.until(run.id, "parked")
    return (await running.engine.control.approvals(run_id=run.id))[0]


async def come(running: testing.Running, place: int) -> None:
    """As if the time of that turn had come."""
    database = running.engine.database
    text = "UPDATE approval_turns SET due_at = {now} - 1 WHERE place = :place"
    await database.write(parse("come", text, database.dialect), place=place)


async def escalate(running: testing.Running) -> list[tuple[str, Any]]:
    running.said.clear()
    await asyncio.gather(*(running.engine.escalating.once() for _ in range(5)))
    return [(name, fields.get("asked")) for name, fields in running.said if name in (
        "approval_escalated", "approval_reminded")]  # fmt: skip


async def names(running: testing.Running, *wanted: str, anybody: bool = False) -> int:
    return len(await running.engine.control.approvals(names=wanted, anybody=anybody))


async def test_only_those_who_are_asked_may_answer(engine: OpenEngine) -> None:
    running = await engine(careful=careful)
    asked = await asked_by(running)
    control = running.engine.control
    for caller in (BOB, CHIEF, None):
        with pytest.raises(Forbidden, match="may not answer"):
            await control.answer(asked.id, True, by="x", caller=caller)
    assert (await control.answer(asked.id, True, by="ada", caller=ADA)).decided_by == "ada"
    assert (await running.ended(asked.run_id)).output is True


async def test_a_turn_that_comes_is_told_once_and_adds_who_may_answer(engine: OpenEngine) -> None:
    running = await engine(careful=careful)
    asked = await asked_by(running)
    control = running.engine.control
    assert await escalate(running) == []
    await come(running, 1)
    assert await escalate(running) == [("approval_reminded", None)]
    assert await names(running, "role:admin") == 0
    await come(running, 2)
    assert await escalate(running) == [("approval_escalated", ["role:admin"])]
    assert await escalate(running) == []
    assert (await names(running, "role:admin"), await names(running, "user:ada")) == (1, 1)
    with pytest.raises(Forbidden):
        await control.answer(asked.id, True, by="bob", caller=BOB)
    await control.answer(asked.id, False, by="eve", caller=CHIEF)
    assert (await running.ended(asked.run_id)).output is False


async def test_webhooks_are_told_of_an_escalation_and_of_no_reminder(engine: OpenEngine) -> None:
    running = await engine(careful=careful, settings={"egress_allow": "127.0.0.0/8"})
    hook = "http://127.0.0.1:9/"
    await running.engine.webhooks.add(hook, types=["approval.escalated"], tenant="default", by="t")
    asked = await asked_by(running)
    for place in (1, 2):
        await come(running, place)
        await escalate(running)
    database = running.engine.database
    rows = await database.read(parse("told", "SELECT type, run_id, data FROM deliveries", database.dialect))
    assert [(row["type"], row["run_id"], decode(row["data"])["asked"]) for row in rows] == [
        ("approval.escalated", asked.run_id, ["role:admin"])]  # fmt: skip


async def test_what_was_answered_or_cancelled_escalates_no_more(engine: OpenEngine) -> None:
    running = await engine(careful=careful)
    first, second = await asked_by(running), await asked_by(running)
    await running.engine.control.answer(first.id, True, by="ada", caller=ADA)
    await running.engine.control.cancel(second.run_id)
    for place in (1, 2):
        await come(running, place)
    assert await escalate(running) == []
    closed = (await running.engine.control.approvals(approval_id=second.id, open_only=False))[0]
    assert (closed.approved, closed.decided_by, [turn.place for turn in closed.turns]) == (False, "cancelled", [0])


async def test_the_inbox_knows_what_everybody_may_answer(engine: OpenEngine) -> None:
    async def open_(input: Any, ctx: Any) -> bool:
        return (await ctx.approve("Sure?", escalate=[Escalation(HOUR, ("user:ada",))])).approved

    running = await engine(careful=careful, open=open_)
    await asked_by(running)
    anybodys = await asked_by(running, "open")
    assert await names(running, "user:bob") == 0
    assert await names(running, "user:bob", anybody=True) == 1
    assert await names(running, "user:ada", anybody=True) == 2
    await running.engine.control.answer(anybodys.id, True, by="bob", caller=BOB)


async def test_a_worker_tells_of_a_turn_by_itself_when_its_time_comes(engine: OpenEngine) -> None:
    async def hasty(input: Any, ctx: Any) -> bool:
        later = [Escalation(timedelta(milliseconds=50), ("role:admin",))]
        return (await ctx.approve("Sure?", expires=HOUR, who=["user:ada"], escalate=later)).approved

    running = await engine(hasty=hasty, settings={"renew_every": timedelta(milliseconds=100)})
    asked = await asked_by(running, "hasty")
    async with asyncio.timeout(20):
        while not (told := [fields for name, fields in running.said if name == "approval_escalated"]):
            await asyncio.sleep(0.02)
    assert [(one["approval_id"], one["asked"]) for one in told] == [(asked.id, ["role:admin"])]


async def test_what_a_run_asks_again_when_it_wakes_was_asked_once(engine: OpenEngine) -> None:
    async def two(input: Any, ctx: Any) -> list[bool]:
        asked = await asyncio.gather(ctx.approve("One?"), ctx.approve("Two?"))
        return [one.approved for one in asked]

    running = await engine(two=two)
    run_id = (await asked_by(running, "two")).run_id
    control = running.engine.control
    for _ in range(2):
        asked = await control.approvals(run_id=run_id)
        await control.answer(asked[0].id, True, by="me")
    assert (await running.ended(run_id)).output == [True, True]
    questions = [fields["question"] for name, fields in running.said if name == "approval_requested"]
    assert sorted(questions) == ["One?", "Two?"]


@pytest.mark.parametrize(
    ("who", "turns"),
    [
        (["boss"], []), (["role:viewer"], []), (["user:"], []), ("user:ada", []), (["user:a"] * 51, []),
        ([], [Escalation(timedelta(0))]), ([], [Escalation(3 * HOUR)]), ([], [Escalation(HOUR, ("boss",))]),
        ([], [Escalation(HOUR)] * 21),
    ],
)  # fmt: skip
def test_who_can_not_be_asked_is_refused(who: Sequence[str], turns: list[Escalation]) -> None:
    with pytest.raises(InvalidInput):
        check_turns(who, turns, 3 * HOUR)
