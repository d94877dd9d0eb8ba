from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from fairlead.clock import SystemClock
from fairlead.errors import BudgetExceededError, ConfigurationError, DatabaseUnavailable, InvalidInput, ModelTimeout
from fairlead.gateway import (
    Complete,
    Gateway,
    Hold,
    ModelReply,
    ModelRequest,
    Prices,
    RunBudget,
    Shared,
    Unlimited,
    Usage,
    build,
)
from fairlead.gateway.faults import Fault, Faults
from fairlead.gateway.prices import usd
from fairlead.gateway.providers.simulated import SimulatedProvider
from fairlead.gateway.purse import Purse as Several
from fairlead.gateway.run_budget import RunHold
from fairlead.telemetry.catalogue import EVENTS
from tests.gateway.loopback import Heard, MovedClock, ask


def gateway(provider: SimulatedProvider, heard: Heard | None = None) -> Gateway:
    return build([provider], Prices(), SystemClock(), heard or Heard(), jitter=lambda: 0)


class Memory:
    """A journal in a dictionary of JSON."""

    def __init__(self) -> None:
        self.kept: dict[str, object] = {}

    async def once(self, request: ModelRequest, call: Complete) -> ModelReply:
        key = str(request.body)
        if key not in self.kept:
            self.kept[key] = (await call(request)).to_json()
        return ModelReply.from_json(self.kept[key])  # pyright: ignore[reportArgumentType]


async def test_an_answer_says_what_it_cost_and_the_event_says_the_same() -> None:
    heard = Heard()
    reply = await gateway(SimulatedProvider(clock=SystemClock()), heard).complete(ask())
    assert reply.message["content"] == "Simulated answer to: hello"
    assert reply.cost_nano == reply.usage.tokens_in * 1000 + reply.usage.tokens_out * 4000 > 0
    [told] = heard.of("llm_call")
    assert (told["status"], told["cost_nano"], told["run_id"], told["tries"]) == ("ok", reply.cost_nano, "run-1", 1)


async def test_a_recorded_answer_is_neither_asked_for_nor_charged_nor_told_again() -> None:
    provider, heard, memory = SimulatedProvider(clock=SystemClock()), Heard(), Memory()
    budget = RunBudget(10**9)
    first = await gateway(provider, heard).complete(ask(), recorder=memory, budget=budget)
    spent = budget.spent_nano
    again = await gateway(provider, heard).complete(ask(), recorder=memory, budget=budget)
    assert again == first
    assert (provider.calls, budget.spent_nano, len(heard.of("llm_call"))) == (1, spent, 1)


async def test_a_recorded_answer_needs_no_budget() -> None:
    provider, memory = SimulatedProvider(clock=SystemClock()), Memory()
    await gateway(provider).complete(ask(), recorder=memory)
    assert (await gateway(provider).complete(ask(), recorder=memory, budget=RunBudget(0))).message


async def test_nothing_is_sent_when_the_budget_has_no_room() -> None:
    provider, heard = SimulatedProvider(clock=SystemClock()), Heard()
    it = gateway(provider, heard)
    with pytest.raises(BudgetExceededError, match="USD"):
        await it.complete(ask(), budget=RunBudget(it.upper_bound_nano(ask()) - 1))
    assert provider.calls == 0


async def test_two_hundred_calls_at_once_never_exceed_a_budget_and_use_most_of_it() -> None:
    provider = SimulatedProvider(clock=SystemClock())
    it = gateway(provider)
    cost = (await it.complete(ask(max_tokens=20))).cost_nano
    budget = RunBudget(50 * cost)

    async def call() -> bool:
        try:
            await it.complete(ask(max_tokens=20), budget=budget)
        except BudgetExceededError:
            return False
        return True

    served = sum(await asyncio.gather(*(call() for _ in range(200))))
    assert budget.spent_nano == served * cost <= budget.limit_nano
    assert budget.limit_nano - budget.spent_nano < it.upper_bound_nano(ask(max_tokens=20))
    assert served >= 45 and budget.held_nano == 0


async def test_one_request_asked_several_times_is_several_calls() -> None:
    it, request = gateway(SimulatedProvider(clock=SystemClock())), ask()
    replies = [*await asyncio.gather(*(it.complete(request) for _ in range(3))), await it.complete(request)]
    assert [len(reply.attempts) for reply in replies] == [1, 1, 1, 1]
    assert len({reply.cost_nano for reply in replies}) == 1


@pytest.mark.parametrize("asked_before", [False, True])
async def test_what_is_held_is_what_the_body_needs_when_it_is_sent(asked_before: bool) -> None:
    it, request = gateway(SimulatedProvider(clock=SystemClock())), ask()
    small = it.upper_bound_nano(request)
    if asked_before:
        await it.complete(request)
    request.body["messages"] = [{"role": "user", "content": "hello" * 1000}]
    with pytest.raises(BudgetExceededError):
        await it.complete(request, budget=RunBudget(small))


@pytest.mark.parametrize(
    ("model", "said"), [("nobody/x", "no provider 'nobody'"), ("x", "nor a model id"), ("/x", "id")]
)
async def test_a_model_without_a_provider_is_a_clear_error(model: str, said: str) -> None:
    with pytest.raises((ConfigurationError, InvalidInput), match=said):
        await gateway(SimulatedProvider(clock=SystemClock())).complete(ask(model=model))


async def test_a_call_that_hangs_ends_with_its_time_and_is_charged() -> None:
    faults = Faults()
    faults.next.append(Fault.TIMEOUT)
    heard, budget = Heard(), RunBudget(10**9)
    with pytest.raises(ModelTimeout):
        await gateway(SimulatedProvider(clock=SystemClock(), faults=faults), heard).complete(
            ask(seconds=0.05), budget=budget
        )
    [told] = heard.of("llm_call")
    assert told["status"] == "model_timeout" and told["estimated"]
    assert budget.spent_nano == told["cost_nano"] > 0


async def test_a_cancelled_call_is_charged_for_what_it_used() -> None:
    provider = SimulatedProvider(clock=SystemClock(), latency=timedelta(hours=1))
    heard, budget = Heard(), RunBudget(10**9)
    call = asyncio.create_task(gateway(provider, heard).complete(ask(), budget=budget))
    while not provider.calls:
        await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait([call])
    assert call.cancelled() and budget.held_nano == 0 and budget.spent_nano > 0
    assert heard.of("llm_call")[0]["status"] == "cancelled"


async def test_every_event_and_field_is_in_the_catalogue() -> None:
    faults, heard = Faults(retry_after=timedelta(0)), Heard()
    faults.next.append(Fault.SERVER_ERROR)
    it = build(
        [SimulatedProvider(clock=MovedClock(), faults=faults)],
        Prices({"simulated/*": usd("0", "0")}),
        MovedClock(),
        heard,
        jitter=lambda: 0,
    )
    await it.complete(ask(on_delta=lambda text: None))
    assert {name for name, _ in heard.events} == {"llm_call", "llm_retry", "provider_health"}
    for name, fields in heard.events:
        assert set(fields) <= set(EVENTS[name].fields)


class Overbilling(SimulatedProvider):
    """Bills ten times the most that the request could have used."""

    async def complete(self, request: ModelRequest) -> ModelReply:
        reply = await super().complete(request)
        request.meter.settle(Usage(10 * len(str(request.body)), 10 * 2048))
        return reply


async def test_a_bill_beyond_the_bound_is_charged_and_told() -> None:
    heard, budget = Heard(), RunBudget(10**9)
    reply = await gateway(Overbilling(clock=SystemClock()), heard).complete(ask(), budget=budget)
    [told] = heard.of("llm_over_bound")
    assert told["cost_nano"] == reply.cost_nano == budget.spent_nano > told["bound_nano"]
    assert set(told) <= set(EVENTS["llm_over_bound"].fields)


def noting(order: list[str], name: str) -> Any:
    """A wrapper that says when it is passed."""

    def wrap(call: Complete) -> Complete:
        async def passed(request: ModelRequest) -> ModelReply:
            order.append(name)
            return await call(request)

        return passed

    return wrap


class Purse(Unlimited):
    def __init__(self, order: list[str]) -> None:
        self.order = order

    async def hold(self, bound_nano: int) -> Hold:
        self.order.append("hold")
        return await super().hold(bound_nano)


async def test_a_call_passes_the_stack_in_its_order_and_each_try_the_inner_part_of_it() -> None:
    order: list[str] = []
    faults = Faults()
    faults.next.append(Fault.SERVER_ERROR)
    provider = SimulatedProvider(clock=MovedClock(), faults=faults)
    complete = provider.complete

    async def asked(request: ModelRequest) -> ModelReply:
        order.append("provider")
        return await complete(request)

    provider.complete = asked  # pyright: ignore[reportAttributeAccessIssue]
    shared = Shared(
        switch=noting(order, "switch"),
        cache=noting(order, "cache"),
        key_limit=noting(order, "key's limit"),
        purses=lambda caller, own: order.append("budgets") or Purse(order),  # type: ignore[func-returns-value]
        provider_switch=lambda name, call: noting(order, f"switch of {name}")(call),
        limit=lambda name, call: noting(order, f"limit of {name}")(call),
        keep=lambda request, attempt: order.append(f"kept {attempt.outcome}"),
    )

    class Journal(Memory):
        async def once(self, request: ModelRequest, call: Complete) -> ModelReply:
            order.append("recorded")
            return await super().once(request, call)

    gateway = build([provider], Prices(), MovedClock(), Heard(), jitter=lambda: 0, shared=shared)
    await gateway.complete(ask(seconds=60), recorder=Journal())
    each_try = ["switch of simulated", "limit of simulated", "hold", "provider"]
    assert order == [
        "recorded", "switch", "cache", "key's limit", "budgets",
        *each_try, "kept model_unavailable", *each_try, "kept ok",
    ]  # fmt: skip


class AwayOnce(RunBudget):
    """A shared budget whose database does not answer the first time."""

    asked = 0

    async def hold(self, bound_nano: int) -> RunHold:
        self.asked += 1
        if self.asked == 1:
            raise DatabaseUnavailable("away")
        return await super().hold(bound_nano)


async def test_a_call_that_is_made_again_because_a_budget_could_not_be_asked_is_charged_once() -> None:
    shared_budget, own = AwayOnce(10**9), RunBudget(10**9)
    shared = Shared(purses=lambda caller, own: Several((own, shared_budget)))

    class Patient:
        async def once(self, request: ModelRequest, call: Complete) -> ModelReply:
            with pytest.raises(DatabaseUnavailable):
                await call(request)
            return await call(request)

    provider = SimulatedProvider(clock=SystemClock())
    it = build([provider], Prices(), SystemClock(), Heard(), jitter=lambda: 0, shared=shared)
    reply = await it.complete(ask(), recorder=Patient(), budget=own)
    assert provider.calls == 1 and own.held_nano == shared_budget.held_nano == 0
    assert own.spent_nano == shared_budget.spent_nano == reply.cost_nano > 0
