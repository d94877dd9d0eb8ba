from __future__ import annotations

import asyncio

import pytest

from fairlead.database import Gather
from fairlead.errors import DatabaseUnavailable, InvalidInput


class Flush:
    """Remembers its batches; waits at the gate; refuses what it is told to."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.refused: dict[int, Exception] = {}

    async def __call__(self, items: list[int]) -> list[int]:
        self.batches.append(items)
        await self.gate.wait()
        for item in items:
            if item in self.refused:
                raise self.refused[item]
        return [item * 10 for item in items]


async def test_what_waits_while_one_flush_is_under_way_goes_together_in_order() -> None:
    flush = Flush()
    gather = Gather(flush, limit=3)
    first = gather.put(0)
    await asyncio.sleep(0)
    rest = [gather.put(n) for n in range(1, 6)]
    flush.gate.set()
    assert await asyncio.gather(first, *rest) == [0, 10, 20, 30, 40, 50]
    assert flush.batches == [[0], [1, 2, 3], [4, 5]]


async def test_a_value_that_is_refused_harms_only_who_put_it() -> None:
    flush = Flush()
    flush.refused[2] = InvalidInput("2")
    flush.gate.set()
    gather = Gather(flush)
    outcomes = await asyncio.gather(*(gather.put(n) for n in (1, 2, 3)), return_exceptions=True)
    assert [outcome if isinstance(outcome, int) else type(outcome) for outcome in outcomes] == [10, InvalidInput, 30]


async def test_an_unreachable_database_is_told_to_the_whole_batch_and_to_nobody_else() -> None:
    flush = Flush()
    flush.refused[2] = DatabaseUnavailable("away")
    flush.gate.set()
    gather = Gather(flush)
    outcomes = await asyncio.gather(*(gather.put(n) for n in (1, 2)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailable] * 2
    assert await gather.put(3) == 30
    assert flush.batches == [[1, 2], [3]]


async def test_who_gives_up_waiting_takes_nothing_from_the_others() -> None:
    flush = Flush()
    gather = Gather(flush)
    futures = [gather.put(n) for n in (1, 2)]
    futures[0].cancel()
    flush.gate.set()
    assert await futures[1] == 20
    with pytest.raises(asyncio.CancelledError):
        await futures[0]
    assert flush.batches == [[1, 2]]


async def test_caught_up_waits_for_all_that_was_put() -> None:
    flush = Flush()
    gather = Gather(flush)
    future = gather.put(1)
    asyncio.get_running_loop().call_soon(flush.gate.set)
    await gather.caught_up()
    assert future.done()
    await gather.caught_up()


async def test_caught_up_does_not_wait_for_what_is_put_meanwhile() -> None:
    flush = Flush()
    flush.gate.set()
    gather = Gather(flush)

    async def put_on_and_on() -> None:
        while True:
            await gather.put(1)

    busy = [asyncio.create_task(put_on_and_on()) for _ in range(2)]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await gather.caught_up()
    for task in busy:
        task.cancel()
