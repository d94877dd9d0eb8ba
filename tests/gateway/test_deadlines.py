from __future__ import annotations

import asyncio
from collections.abc import Callable

from fairlead.gateway.deadlines import Deadlines


class Bell:
    """Notes who is told that it is over, and when that was."""

    def __init__(self) -> None:
        self.rung: list[tuple[str, float]] = []
        self.any = asyncio.Event()

    def of(self, name: str) -> Callable[[], None]:
        def ring() -> None:
            self.rung.append((name, asyncio.get_running_loop().time()))
            self.any.set()

        return ring

    async def until(self, *names: str) -> None:
        async with asyncio.timeout(10):
            while {name for name, _ in self.rung} < set(names):
                self.any.clear()
                await self.any.wait()


async def test_each_is_told_at_its_moment_however_they_were_set() -> None:
    deadlines, bell, now = Deadlines(), Bell(), asyncio.get_running_loop().time()
    moments = {"second": now + 0.04, "third": now + 0.06, "first": now + 0.02}
    for name, moment in moments.items():
        deadlines.set(name, moment, bell.of(name))
    await bell.until(*moments)
    assert [name for name, _ in bell.rung] == ["first", "second", "third"]
    assert all(at >= moments[name] - 0.002 for name, at in bell.rung)


async def test_what_is_over_before_is_not_told_and_the_others_still_are() -> None:
    deadlines, bell, now = Deadlines(), Bell(), asyncio.get_running_loop().time()
    deadlines.set("over", now + 0.01, bell.of("over"))
    deadlines.set("late", now + 0.03, bell.of("late"))
    deadlines.drop("over")
    deadlines.drop("never set")
    await bell.until("late")
    assert [name for name, _ in bell.rung] == ["late"]


async def test_who_is_told_may_set_another() -> None:
    deadlines, bell, now = Deadlines(), Bell(), asyncio.get_running_loop().time()
    deadlines.set("first", now, lambda: deadlines.set("second", now + 0.01, bell.of("second")))
    await bell.until("second")
