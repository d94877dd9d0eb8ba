"""How a process is, answered at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from fairlead.errors import DatabaseUnavailable
from fairlead.telemetry.emit import silent
from fairlead.telemetry.health import Component, Condition
from fairlead.telemetry.pulse import Pulse
from fairlead.testing import MovableClock

WELL = Component(Condition.HEALTHY, "answers")


class Part:
    """A part that answers when it may."""

    def __init__(self) -> None:
        self.may = asyncio.Event()
        self.may.set()
        self.asked = 0

    async def __call__(self) -> Component:
        self.asked += 1
        await self.may.wait()
        return WELL


def pulse_of(clock: MovableClock, **probes: Callable[[], Awaitable[Component]]) -> Pulse:
    return Pulse(
        probes, absent={}, vital={"database"}, every=timedelta(seconds=30), version="1", clock=clock, emit=silent,
        stopping=lambda: True,
    )  # fmt: skip


async def at_once(asked: Awaitable[Any]) -> dict[str, Any]:
    before = time.monotonic()
    health = await asked
    assert time.monotonic() - before < 0.1
    return health.to_json()


async def test_what_has_not_answered_yet_is_not_well() -> None:
    part = Part()
    part.may.clear()
    pulse = pulse_of(MovableClock(), database=part, disk=part)
    told = await at_once(pulse.whole())
    assert told["components"]["database"] == {"status": "unhealthy", "message": "could not tell: no answer yet"}
    assert told["components"]["disk"]["status"] == "degraded" and told["status"] == "unhealthy"
    part.may.set()
    assert (await at_once(pulse.whole()))["status"] == "healthy"


async def test_what_was_said_too_long_ago_does_not_count_any_more() -> None:
    part, clock = Part(), MovableClock()
    pulse = pulse_of(clock, database=part, disk=part)
    assert (await at_once(pulse.whole()))["status"] == "healthy"
    part.may.clear()
    clock.move(timedelta(seconds=4))
    told = await at_once(pulse.whole())
    assert told["components"]["database"] == {"status": "healthy", "message": "answers (4 s ago)"}
    clock.move(timedelta(seconds=2))
    told = await at_once(pulse.whole())
    assert told["components"]["database"]["message"] == "could not tell: the last answer is 6 s old"
    assert told["status"] == "unhealthy" and (await pulse.ready()).http_status == 503
    assert told["components"]["disk"]["status"] == "healthy"  # that one is asked every 30 s
    clock.move(timedelta(seconds=30))
    assert (await at_once(pulse.whole()))["components"]["disk"]["status"] == "degraded"


async def test_a_part_is_asked_once_for_many_callers_and_again_when_it_is_time() -> None:
    part, clock = Part(), MovableClock()
    pulse = pulse_of(clock, database=part)
    await asyncio.gather(*(pulse.whole() for _ in range(50)))
    assert part.asked == 1
    clock.move(timedelta(seconds=2))
    await pulse.ready()
    assert part.asked == 2


async def test_a_part_that_hangs_is_unhealthy_after_two_seconds_and_is_asked_again() -> None:
    part, clock = Part(), MovableClock()
    part.may.clear()
    pulse = pulse_of(clock, database=part)
    await pulse.ready()
    await asyncio.sleep(2.1)
    assert (await pulse.ready()).components["database"].message == "no answer within 2 s"
    part.may.set()
    clock.move(timedelta(seconds=2))
    assert (await at_once(pulse.ready()))["status"] == "healthy"


@pytest.mark.parametrize("error", [DatabaseUnavailable("postgresql://u:hunter2@db"), RuntimeError("hunter2")])
async def test_the_words_of_a_driver_are_not_told(error: Exception) -> None:
    async def broken() -> Component:
        raise error

    told = await at_once(pulse_of(MovableClock(), database=broken).whole())
    assert told["status"] == "unhealthy" and "hunter2" not in str(told)


async def test_probes_go_on_while_somebody_asks_now_and_then() -> None:
    part, clock = Part(), MovableClock()
    stopping = False
    pulse = Pulse(
        {"database": part}, absent={}, vital={"database"}, every=timedelta(seconds=30), version="1", clock=clock,
        emit=silent, stopping=lambda: stopping,
    )  # fmt: skip
    await pulse.ready()
    clock.move(timedelta(seconds=2))
    await asyncio.sleep(1.2)
    assert part.asked == 2  # nobody has asked meanwhile
    stopping = True
    clock.move(timedelta(seconds=2))
    await asyncio.sleep(1.2)
    assert part.asked == 2
