from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from fairlead.database.sql import parse
from fairlead.errors import Conflict
from tests.runs.conftest import OpenEngine


async def careful(input: Any, ctx: Any) -> bool:
    return (await ctx.approve("Sure?", expires=timedelta(hours=1))).approved


async def test_the_inbox_is_filtered_and_paged(engine: OpenEngine) -> None:
    running = await engine(careful=careful, other=careful)
    for agent in ("careful", "careful", "other"):
        await running.until((await running.submit(agent)).id, "parked")
    control = running.engine.control
    every = await control.approvals()
    assert len(every) == 3 and len(await control.approvals(agent="careful")) == 2
    first = await control.approvals(limit=2)
    assert [*first, *await control.approvals(before=first[-1].id)] == every
    assert await control.approvals(overdue=True) == []
    database = running.engine.database
    await database.write(parse("late", "UPDATE approvals SET expires_at = 1 WHERE id = :id", database.dialect),
                         id=every[0].id)  # fmt: skip
    assert [one.id for one in await control.approvals(overdue=True)] == [every[0].id]


async def test_many_answers_at_once_and_one_counts(engine: OpenEngine) -> None:
    running = await engine(careful=careful)
    run = await running.submit("careful")
    await running.until(run.id, "parked")
    control = running.engine.control
    asked = (await control.approvals())[0]
    answers = await asyncio.gather(*(control.answer(asked.id, n % 2 == 0, by=str(n)) for n in range(10)),
                                   return_exceptions=True)  # fmt: skip
    assert sum(isinstance(one, Conflict) for one in answers) == 9
    ended = await running.ended(run.id)
    assert ended.output is next(one.approved for one in answers if not isinstance(one, BaseException))
