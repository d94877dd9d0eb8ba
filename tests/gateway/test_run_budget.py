from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.errors import BudgetExceededError
from fairlead.gateway.run_budget import RunBudget


async def test_what_is_held_cannot_be_held_again() -> None:
    budget = RunBudget(100)
    hold = budget.hold_now(70)
    with pytest.raises(BudgetExceededError):
        budget.hold_now(31)
    hold.settle(10)
    assert (budget.spent_nano, budget.remaining_nano) == (10, 90)


async def test_a_hold_ends_once() -> None:
    budget = RunBudget(100)
    hold = await budget.hold(50)
    hold.settle(20)
    hold.settle(20)
    hold.release()
    assert (budget.spent_nano, budget.held_nano) == (20, 0)


async def test_a_caller_waits_while_money_is_only_held() -> None:
    budget = RunBudget(100)
    first = await budget.hold(80)
    waiting = asyncio.create_task(budget.hold(50))
    await asyncio.sleep(0)
    assert not waiting.done()
    first.settle(30)
    (await waiting).release()


async def test_a_caller_is_refused_as_soon_as_the_money_is_spent() -> None:
    budget = RunBudget(100)
    first = await budget.hold(80)
    waiting = asyncio.create_task(budget.hold(50))
    await asyncio.sleep(0)
    first.settle(80)
    with pytest.raises(BudgetExceededError, match="spent"):
        await waiting


async def test_a_waiter_that_is_cancelled_does_not_disturb_the_others() -> None:
    budget = RunBudget(100)
    first = await budget.hold(100)
    gone, stays = (asyncio.create_task(budget.hold(60)) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait([gone])
    first.release()
    (await stays).settle(60)
    assert budget.spent_nano == 60


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 2000), st.integers(0, 2**32))
async def test_a_budget_is_never_exceeded_with_200_calls_at_once(limit: int, seed: int) -> None:
    budget, chance = RunBudget(limit), random.Random(seed)
    most = 0

    async def call(bound: int, actual: int) -> int:
        nonlocal most
        try:
            hold = await budget.hold(bound)
        except BudgetExceededError:
            return 0
        most = max(most, budget.held_nano + budget.spent_nano)
        await asyncio.sleep(0)
        hold.settle(actual)
        return actual

    bounds = [chance.randint(1, 60) for _ in range(200)]
    spent = await asyncio.gather(*(call(bound, chance.randint(0, bound)) for bound in bounds))
    assert budget.spent_nano == sum(spent) <= most <= limit
    assert budget.held_nano == 0
    # Nobody was refused while there was room for the dearest call.
    assert 0 in spent or budget.spent_nano + 60 > limit or len(spent) == 200


def test_each_warning_is_told_once() -> None:
    told: list[int] = []
    budget = RunBudget(100, warn=told.append)
    for _ in range(11):
        budget.hold_now(0).settle(10)
    assert told == [50, 80, 100]


def test_what_was_spent_before_is_not_warned_of_again() -> None:
    told: list[int] = []
    RunBudget(100, 85, warn=told.append).hold_now(10).settle(10)
    assert told == []
