from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, Protocol

import pytest

from fairlead.errors import CallsStopped, InvalidInput, NotFound
from fairlead.gateway.allowance import Period
from fairlead.gateway.switch import ProviderSwitch, Switch
from fairlead.gateway.types import Caller, ModelReply, ModelRequest
from fairlead.gateway.usage import NOTHING
from tests.gateway.processes import Process, process

WITHIN = 2  # seconds
REPLY = ModelReply({}, NOTHING, 0, "simulated", "simulated/echo")


class Start(Protocol):
    async def __call__(self, **given: Any) -> Process: ...


@pytest.fixture
async def start(database_url: str) -> AsyncIterator[Start]:
    async with AsyncExitStack() as stack:

        async def start(**given: Any) -> Process:
            return await stack.enter_async_context(process(database_url, **given))

        yield start


class Model:
    """Answers when it is let, and settles what it used when it is cut off."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answer = asyncio.Event()
        self.settled = 0

    async def __call__(self, request: ModelRequest) -> ModelReply:
        self.asked.set()
        try:
            await self.answer.wait()
        finally:
            self.settled += 1
        return REPLY


def request(**caller: Any) -> ModelRequest:
    return ModelRequest("simulated/echo", {}, timedelta(seconds=5), caller=Caller(**caller))


async def refused(call: Switch, **caller: Any) -> bool:
    try:
        await call(request(**caller))
    except CallsStopped:
        return True
    return False


async def until_refused(call: Switch, **caller: Any) -> None:
    async with asyncio.timeout(WITHIN):
        while not await refused(call, **caller):
            await asyncio.sleep(0.02)


def ready() -> Model:
    model = Model()
    model.answer.set()
    return model


SCOPES = [
    ("all", {}, None),
    ("agent:shopper", {"agent": "shopper"}, {"agent": "other"}),
    ("user:bob", {"user": "bob"}, {"user": "ann", "agent": "bob"}),
    ("key:ci", {"key": "ci"}, {"user": "ci"}),
    ("metadata:team=blue", {"metadata": {"team": "blue"}}, {"metadata": {"team": "red"}}),
]


@pytest.mark.parametrize(("scope", "stopped", "spared"), SCOPES)
async def test_a_stop_in_one_process_refuses_calls_in_all(
    start: Start, scope: str, stopped: dict[str, Any], spared: dict[str, Any] | None
) -> None:
    here, there = await start(), await start()
    calls = [Switch(ready(), one.stops) for one in (here, there)]
    await here.stops.stop(scope, reason="it runs wild", by="ann")
    for call in calls:
        await until_refused(call, **stopped)
        assert spared is None or not await refused(call, **spared)
    await there.stops.resume(scope, by="ann")
    async with asyncio.timeout(WITHIN):
        while await refused(calls[0], **stopped):
            await asyncio.sleep(0.02)
    assert here.events("calls_stopped") == [{"tenant": "*", "scope": scope, "reason": "it runs wild", "by": "ann"}]


async def test_a_stop_cuts_off_calls_under_way_and_their_usage_is_settled(start: Start) -> None:
    here, there = await start(), await start()
    model = Model()
    calls = [asyncio.create_task(Switch(model, there.stops)(request(agent="shopper"))) for _ in range(20)]
    spared = asyncio.create_task(Switch(model, there.stops)(request(agent="other")))
    await model.asked.wait()
    await here.stops.stop("agent:shopper", reason="it runs wild", by="ann")
    done, _ = await asyncio.wait(calls, timeout=WITHIN)
    assert len(done) == 20
    assert all(isinstance(call.exception(), CallsStopped) for call in done)
    assert "it runs wild" in str(calls[0].exception())
    assert model.settled == 20
    model.answer.set()
    assert await spared is REPLY


async def test_a_provider_can_be_stopped_alone(start: Start) -> None:
    here = await start()
    model = ready()
    await here.stops.stop("provider:openai", reason="", by="ann")
    assert await refused(ProviderSwitch(model, here.stops, provider="openai"), agent="shopper")
    assert not await refused(ProviderSwitch(model, here.stops, provider="anthropic"), agent="shopper")
    assert not await refused(Switch(model, here.stops), agent="shopper")


async def test_a_stop_of_a_provider_ends_the_try_and_the_call_may_ask_another(start: Start) -> None:
    here = await start()
    first, second = Model(), ready()

    async def ask_both(asked: ModelRequest) -> ModelReply:
        with pytest.raises(CallsStopped):
            await ProviderSwitch(first, here.stops, provider="openai")(asked)
        return await ProviderSwitch(second, here.stops, provider="anthropic")(asked)

    task = asyncio.create_task(Switch(ask_both, here.stops)(request()))
    await first.asked.wait()
    await here.stops.stop("provider:openai", reason="", by="ann")
    assert await asyncio.wait_for(task, WITHIN) is REPLY
    assert task.cancelling() == 0
    assert (first.settled, second.settled) == (1, 1)


async def test_a_call_behind_two_switches_is_cut_off_once_and_its_task_lives_on(start: Start) -> None:
    here = await start()
    model = Model()

    async def work() -> str:
        with pytest.raises(CallsStopped):
            await Switch(ProviderSwitch(model, here.stops, provider="openai"), here.stops)(request())
        await asyncio.sleep(0)
        return "went on"

    task = asyncio.create_task(work())
    await model.asked.wait()
    await here.stops.stop("all", reason="", by="ann")
    assert await asyncio.wait_for(task, WITHIN) == "went on"
    assert task.cancelling() == 0


async def test_a_call_that_its_caller_cancels_as_well_is_cancelled(start: Start) -> None:
    here = await start()
    model = Model()
    task = asyncio.create_task(Switch(model, here.stops)(request()))
    await model.asked.wait()
    task.cancel()
    await here.stops.stop("all", reason="", by="ann")
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_stop_of_one_tenant_spares_the_others(start: Start) -> None:
    here = await start()
    await here.stops.stop("all", reason="", by="ann", tenant="acme")
    call = Switch(ready(), here.stops)
    assert await refused(call, tenant="acme")
    assert not await refused(call, tenant="other")


async def test_what_was_stopped_before_a_process_starts_is_stopped_in_it(start: Start) -> None:
    here = await start()
    await here.stops.stop("user:bob", reason="", by="ann")
    there = await start()
    assert await refused(Switch(ready(), there.stops), user="bob")


@pytest.mark.parametrize("scope", ["user:*", "metadata:team=*", "provider:", "everything", ""])
async def test_what_cannot_be_stopped_is_refused(start: Start, scope: str) -> None:
    here = await start()
    with pytest.raises(InvalidInput):
        await here.stops.stop(scope, reason="", by="ann")
    with pytest.raises(NotFound):
        await here.stops.resume("user:nobody", by="ann")


async def test_money_held_by_a_call_that_is_cut_off_comes_back(start: Start) -> None:
    here = await start()
    await here.budgets.set("user:bob", Period.TOTAL, 100, by="ann")
    purse, held = here.purse(user="bob"), asyncio.Event()

    async def call(request: ModelRequest) -> ModelReply:
        hold = await purse.hold(100)
        held.set()
        try:
            await asyncio.Event().wait()
        finally:
            hold.settle(30)
        return REPLY

    task = asyncio.create_task(Switch(call, here.stops)(request(user="bob")))
    await held.wait()
    await here.stops.stop("user:bob", reason="", by="ann")
    with pytest.raises(CallsStopped):
        await task
    (await asyncio.wait_for(purse.hold(70), WITHIN)).release()
