from __future__ import annotations

import asyncio

import pytest

from fairlead.errors import CircuitOpenError
from fairlead.gateway.breaker import Breaker
from fairlead.gateway.circuit import CircuitPolicy
from fairlead.gateway.types import ModelReply, ModelRequest
from tests.gateway.loopback import Heard, MovedClock, ask


async def test_an_older_call_that_is_cancelled_makes_no_room_for_a_second_probe() -> None:
    clock, sent = MovedClock(), list[ModelRequest]()

    async def hangs(request: ModelRequest) -> ModelReply:
        sent.append(request)
        await asyncio.Event().wait()
        raise AssertionError

    breaker = Breaker(hangs, name="lab", clock=clock, emit=Heard(), policy=CircuitPolicy())
    older = asyncio.create_task(breaker(ask()))
    await asyncio.sleep(0)
    for _ in range(5):
        breaker.circuit.failed(clock.monotonic())
    clock.seconds += 300
    probe = asyncio.create_task(breaker(ask()))
    await asyncio.sleep(0)
    older.cancel()
    await asyncio.wait([older])
    with pytest.raises(CircuitOpenError):
        async with asyncio.timeout(5):
            await breaker(ask())
    assert len(sent) == 2
    probe.cancel()
    await asyncio.wait([probe])
    another = asyncio.create_task(breaker(ask()))
    await asyncio.sleep(0)
    assert len(sent) == 3, "a probe that came to nothing makes room for the next"
    another.cancel()
    await asyncio.wait([another])
