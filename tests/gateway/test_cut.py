from __future__ import annotations

import asyncio

import pytest

from fairlead.gateway.cut import Cut


class Off(Exception):
    pass


class Work:
    """Waits for ever, and says what cut it off."""

    def __init__(self) -> None:
        self.cuts: list[Cut] = []
        self.begun = asyncio.Event()
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> str:
        cut = Cut()
        self.cuts.append(cut)
        try:
            self.begun.set()
            await asyncio.Event().wait()
            return "done"
        except asyncio.CancelledError:
            if cut.alone:
                raise Off from None
            raise
        finally:
            cut.end()


async def begun() -> tuple[Work, Cut]:
    work = Work()
    await work.begun.wait()
    return work, work.cuts[0]


async def test_what_is_cut_off_ends_for_our_reason_and_the_task_may_go_on() -> None:
    work, cut = await begun()
    cut.off()
    cut.off()
    with pytest.raises(Off):
        await work.task
    assert work.task.cancelling() == 0


async def test_who_cancels_the_task_itself_is_obeyed() -> None:
    work, cut = await begun()
    cut.off()
    work.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work.task
    assert work.task.cancelling() == 1


async def test_of_two_the_one_that_was_meant_is_told() -> None:
    told: list[str] = []

    async def nested() -> None:
        outer = Cut()
        try:
            inner = Cut()
            cuts.append(inner)
            try:
                begun.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                told.append(f"inner {inner.alone}")
                raise Off from None
            finally:
                inner.end()
        except Off:
            told.append(f"outer {outer.alone}")
        finally:
            outer.end()

    cuts: list[Cut] = []
    begun = asyncio.Event()
    task = asyncio.create_task(nested())
    await begun.wait()
    cuts[0].off()
    await task
    assert told == ["inner True", "outer False"]


async def test_of_several_reasons_the_first_counts_until_it_is_over_and_then_another_may() -> None:
    told: list[object] = []

    async def twice() -> None:
        cut = Cut()
        cuts.append(cut)
        for _ in range(2):
            try:
                begun.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                told.append((cut.why, cut.alone))
                cut.end()

    cuts: list[Cut] = []
    begun = asyncio.Event()
    task = asyncio.create_task(twice())
    for reasons in (("late", "stopped"), ("stopped", "late")):
        await begun.wait()
        begun.clear()
        for why in reasons:
            cuts[0].off(why)
    await task
    assert told == [("late", True), ("stopped", True)]
    assert task.cancelling() == 0
