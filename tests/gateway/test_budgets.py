from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pytest

from fairlead.clock import SteeredClock, SystemClock, to_micros
from fairlead.errors import BudgetExceededError, DatabaseUnavailable, InvalidInput, NotFound
from fairlead.gateway.allowance import Period
from fairlead.gateway.budgets import load_queries
from fairlead.gateway.run_budget import RunBudget
from fairlead.gateway.types import Caller
from tests.gateway.processes import Process, hold_or_none, process

SOON = 8  # seconds, for what should take far less


class Start(Protocol):
    async def __call__(self, **given: Any) -> Process: ...


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/test.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
async def start(database_url: str) -> AsyncIterator[Start]:
    """Starts one more process on the same database."""
    async with AsyncExitStack() as stack:

        async def start(**given: Any) -> Process:
            return await stack.enter_async_context(process(database_url, **given))

        yield start


async def until(true: Any) -> None:
    async with asyncio.timeout(SOON):
        while not await true():
            await asyncio.sleep(0.02)


# -- holding and settling


async def test_what_is_settled_is_spent_and_what_was_held_beyond_comes_back(start: Start) -> None:
    here = await start()
    await here.budgets.set("user:bob", Period.TOTAL, 1000, by="ann")
    hold = await here.purse(user="bob").hold(400)
    assert (await here.state("user:bob")).held_nano >= 400
    hold.settle(150)
    hold.settle(150)
    hold.release()

    async def settled() -> bool:
        state = await here.state("user:bob")
        return (state.spent_nano, state.held_nano, state.remaining_nano) == (150, 0, 850)

    await until(settled)


async def test_a_call_that_was_not_sent_costs_nothing(start: Start) -> None:
    here = await start()
    await here.budgets.set("user:bob", Period.TOTAL, 100, by="ann")
    for _ in range(5):
        (await here.purse(user="bob").hold(100)).release()
    (await here.purse(user="bob").hold(100)).settle(100)
    assert await hold_or_none(here.purse(user="bob"), 1) is None


async def test_a_caller_waits_for_money_that_another_process_holds(start: Start) -> None:
    here = await start()
    await here.budgets.set("user:bob", Period.TOTAL, 100, by="ann")
    there = await start()
    held = await here.purse(user="bob").hold(80)
    waiting = asyncio.create_task(there.purse(user="bob").hold(50))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    held.settle(30)
    (await asyncio.wait_for(waiting, SOON)).settle(50)


async def test_a_caller_who_waits_is_refused_when_another_process_has_spent_it(start: Start) -> None:
    here = await start()
    await here.budgets.set("user:bob", Period.TOTAL, 100, by="ann")
    there = await start()
    held = await here.purse(user="bob").hold(80)
    waiting = asyncio.create_task(there.purse(user="bob").hold(50))
    await asyncio.sleep(0.1)
    held.settle(80)
    with pytest.raises(BudgetExceededError, match="spent"):
        await asyncio.wait_for(waiting, SOON)


async def test_a_refusal_says_what_was_spent_and_what_to_do(start: Start) -> None:
    here = await start()
    await here.budgets.set("user:bob", Period.DAY, 2_000_000_000, by="ann")
    (await here.purse(user="bob").hold(1_500_000_000)).settle(1_250_000_000)
    with pytest.raises(BudgetExceededError) as refused:
        await here.purse(user="bob").hold(1_000_000_000)
    said = str(refused.value)
    for piece in ("user:bob for this day", "2.000000 USD", "1.250000 USD", "1.000000 USD", "budgets set", "00:00 UTC"):
        assert piece in said


async def test_a_call_dearer_than_the_whole_budget_is_refused_at_once(start: Start) -> None:
    here = await start()
    await here.budgets.set("user:bob", Period.TOTAL, 100, by="ann")
    held = await here.purse(user="bob").hold(100)
    with pytest.raises(BudgetExceededError):
        await asyncio.wait_for(here.purse(user="bob").hold(101), SOON)
    held.release()


async def test_what_a_provider_bills_beyond_its_bound_is_charged(start: Start) -> None:
    here = await start()
    await here.budgets.set("user:bob", Period.TOTAL, 1000, by="ann")
    held = await here.purse(user="bob").hold(100)
    beside = await here.purse(user="bob").hold(100)
    held.settle(1500)
    assert await hold_or_none(here.purse(user="bob"), 1) is None
    state = await here.state("user:bob")
    assert (state.spent_nano, state.held_nano, state.remaining_nano) == (1500, 100, -600)
    beside.release()


async def test_a_waiter_that_is_cancelled_leaves_nothing_held(start: Start) -> None:
    here = await start()
    await here.budgets.set("user:bob", Period.TOTAL, 100, by="ann")
    await here.budgets.set("agent:a", Period.TOTAL, 100, by="ann")
    held = await here.purse(user="bob").hold(60)
    gone = [asyncio.create_task(here.purse(user="bob", agent="a").hold(60)) for _ in range(5)]
    await asyncio.sleep(0.05)
    for task in gone:
        task.cancel()
    await asyncio.wait(gone)
    held.release()
    (await asyncio.wait_for(here.purse(user="bob", agent="a").hold(100), SOON)).release()


async def test_a_caller_cancelled_in_the_moment_of_being_served_leaves_nothing_held(start: Start) -> None:
    here = await start()
    await here.budgets.set("user:bob", Period.TOTAL, 100, by="ann")
    held = await here.purse(user="bob").hold(100)
    waiting = asyncio.create_task(here.purse(user="bob").hold(100))
    await asyncio.sleep(0.1)
    held.release()  # serves it, and then, before it has run:
    waiting.cancel()
    await asyncio.wait([waiting])
    (await asyncio.wait_for(here.purse(user="bob").hold(100), SOON)).release()


async def test_own_budgets_and_shared_ones_all_hold_or_none_does(start: Start) -> None:
    here = await start()
    await here.budgets.set("user:bob", Period.TOTAL, 100, by="ann")
    run = RunBudget(1000)
    purse = here.budgets.purse(Caller(user="bob"), run)
    hold = await purse.hold(60)
    assert (run.held_nano, purse.remaining_nano) == (60, 40)
    with pytest.raises(BudgetExceededError):
        await purse.hold(101)
    assert run.held_nano == 60
    hold.settle(60)
    assert run.spent_nano == 60


async def test_money_that_lies_idle_goes_back_within_seconds(start: Start) -> None:
    here = await start(day_usd="100")
    for _ in range(10):
        (await here.purse().hold(1000)).settle(1000)
    assert (await here.state("all")).held_nano > 0

    async def returned() -> bool:
        state = await here.state("all")
        return state.held_nano == 0 and state.spent_nano == 10_000

    await until(returned)


async def test_a_slice_is_at_most_a_fiftieth_of_what_remains(start: Start) -> None:
    here = await start(day_usd="100")
    chance = random.Random(1)
    for _ in range(200):
        (await here.purse().hold(chance.randint(1, 300_000_000))).settle(chance.randint(1, 200_000_000))
        state = await here.state("all")
        assert state.held_nano <= (100_000_000_000 - state.spent_nano) // 50


# -- several budgets, several processes


async def test_callers_of_many_budgets_never_wait_for_each_other_for_ever(start: Start) -> None:
    processes = [await start(), await start()]
    for scope in ("user:u0", "user:u1", "agent:a0", "agent:a1", "all"):
        await processes[0].budgets.set(scope, Period.TOTAL, 3000, by="ann")
    await processes[1].budgets.read_limits()
    chance = random.Random(5)
    served = 0

    async def call(number: int) -> None:
        nonlocal served
        purse = processes[number % 2].purse(user=f"u{chance.randrange(2)}", agent=f"a{chance.randrange(2)}")
        if hold := await hold_or_none(purse, 500):
            served += 1
            await asyncio.sleep(chance.random() / 100)
            hold.settle(20)

    await asyncio.wait_for(asyncio.gather(*(call(number) for number in range(40))), 30)
    assert served == 40


async def test_two_processes_together_never_spend_more_than_the_limit(start: Start) -> None:
    processes = [await start(), await start()]
    await processes[0].budgets.set("agent:a", Period.TOTAL, 50_000, by="ann")
    await processes[1].budgets.read_limits()
    chance = random.Random(3)
    sent: list[int] = []

    async def call(number: int) -> None:
        hold = await hold_or_none(processes[number % 2].purse(agent="a", user=f"u{number}"), 1200)
        if hold is None:
            return
        sent.append(cost := chance.randint(800, 1200))
        await asyncio.sleep(chance.random() / 50)
        hold.settle(cost)

    await asyncio.wait_for(asyncio.gather(*(call(number) for number in range(200))), 30)
    assert 45_000 <= sum(sent) <= 50_000
    await until(lambda: _spent(processes[0], "agent:a", sum(sent)))


async def _spent(here: Process, scope: str, nano: int) -> bool:
    return (await here.state(scope)).spent_nano == nano


async def test_a_name_that_a_database_cannot_hold_harms_only_its_own_calls(start: Start) -> None:
    here = await start(user_day_usd="1")
    odd = "\x1f'; DROP TABLE budget_accounts; --\x00"
    held = await asyncio.gather(
        here.purse(user=odd).hold(10), *(here.purse(user=f"u{n}").hold(10) for n in range(5)), return_exceptions=True
    )
    assert isinstance(held[0], InvalidInput) or here.database.dialect == "sqlite"
    assert not any(isinstance(one, BaseException) for one in held[1:])


# -- death


async def test_what_a_dead_process_had_sent_is_spent(start: Start) -> None:
    here = await start()
    await here.budgets.set("user:bob", Period.TOTAL, 1000, by="ann")
    there = await start()
    await here.purse(user="bob").hold(400)
    await here.die()

    async def charged() -> bool:
        state = await there.state("user:bob")
        return (state.spent_nano, state.held_nano) == (400, 0)

    await until(charged)
    assert there.events("budget_charged")[0]["sent_nano"] == 400


async def test_what_a_dead_process_only_held_is_free_again(start: Start) -> None:
    here = await start()
    await here.budgets.set("agent:a", Period.TOTAL, 1000, by="ann")
    await here.budgets.set("user:bob", Period.TOTAL, 1000, by="ann")
    there = await start()
    blocker = await there.purse(user="bob").hold(1000)
    waiting = asyncio.create_task(here.purse(agent="a", user="bob").hold(400))  # has the agent's, waits for the user's
    await until(lambda: _holds(there, "agent:a", 400))
    await here.die()
    await until(lambda: _holds(there, "agent:a", 0))
    assert (await there.state("agent:a")).spent_nano == 0
    waiting.cancel()
    blocker.release()


async def _holds(here: Process, scope: str, nano: int) -> bool:
    found = [s for s in await here.budgets.state() if (s.tenant, s.scope) == ("default", scope)]
    return [state.held_nano for state in found] == [nano]


async def test_a_process_that_was_taken_for_dead_pays_once_and_goes_on(start: Start) -> None:
    here = await start()
    await here.budgets.set("user:bob", Period.TOTAL, 1000, by="ann")
    there = await start()
    hold = await here.purse(user="bob").hold(400)
    await here.die()
    await until(lambda: _spent(there, "user:bob", 400))
    await here.budgets.leasing.renew()  # and learns of it
    hold.settle(100)  # the others could not know that it was less
    (await asyncio.wait_for(here.purse(user="bob").hold(300), SOON)).settle(300)
    await here.budgets.leasing.look()
    await until(lambda: _spent(there, "user:bob", 700))


async def test_a_process_that_ends_gives_everything_back(start: Start, database_url: str) -> None:
    there = await start(day_usd="100")
    async with process(database_url, day_usd="100") as here:
        (await here.purse().hold(1000)).settle(700)
    state = await there.state("all")
    assert (state.spent_nano, state.held_nano) == (700, 0)


async def test_an_exchange_said_twice_counts_once_and_a_late_one_not_at_all(start: Start) -> None:
    here = await start()
    await here.budgets.set("user:bob", Period.TOTAL, 1000, by="ann")
    (await here.purse(user="bob").hold(100)).settle(100)
    await until(lambda: _spent(here, "user:bob", 100))
    (account,) = here.budgets.leasing.accounts.values()
    owner, place = here.budgets.leasing._owner, account.place  # pyright: ignore[reportPrivateUsage]
    queries = load_queries(here.database.dialect)

    async def exchange(turn: int, spent: int, need: int) -> Any:
        row = (place.id, turn, spent, 0, 0, 0, need, need, 0, 1, place.limit.tenant, place.limit.scope, place.nano)
        await here.database.write(queries["budget_exchange"], [row], owner=owner)
        return (await here.database.read(queries["budget_answer"], [row], owner=owner))[0]

    first, again = await exchange(10_000, 150, 300), await exchange(10_000, 150, 300)
    late = await exchange(9_000, 100, 50)
    assert [tuple(first), tuple(again)] == [tuple(late)] * 2
    assert (first["spent_nano"], first["leased_nano"], first["granted_nano"]) == (150, 300, 300)


async def test_while_the_database_is_away_a_slice_lasts_and_then_nobody_is_let_through(start: Start) -> None:
    here = await start(day_usd="100")
    (await here.purse().hold(1_000_000)).settle(1)
    await here.budgets._rounds.stop()  # pyright: ignore[reportPrivateUsage] they would give back what lies idle
    await here.database.close()
    used = 0
    with pytest.raises(DatabaseUnavailable):
        while True:
            (await here.purse().hold(10_000_000)).settle(10_000_000)
            used += 10_000_000
    assert 0 < used <= 2_000_000_000


# -- limits that change


async def test_a_limit_set_in_one_process_holds_in_all_within_seconds(start: Start) -> None:
    here, there = await start(), await start()
    (await there.purse(user="bob").hold(10**12)).release()
    await here.budgets.set("user:*", Period.DAY, 100, by="ann")

    async def refused() -> bool:
        hold = await hold_or_none(there.purse(user="bob"), 10**12)
        return hold is None

    await until(refused)


async def test_a_raised_limit_lets_waiting_callers_through_and_a_lifted_one_too(start: Start) -> None:
    here = await start()
    await here.budgets.set("user:bob", Period.TOTAL, 100, by="ann")
    first = await here.purse(user="bob").hold(100)
    second = asyncio.create_task(here.purse(user="bob").hold(100))
    third = asyncio.create_task(here.purse(user="bob").hold(100))
    await asyncio.sleep(0.1)
    await here.budgets.set("user:bob", Period.TOTAL, 200, by="ann")
    held = await asyncio.wait_for(second, SOON)
    assert not third.done()
    await here.budgets.set("user:bob", Period.TOTAL, None, by="ann")
    await asyncio.wait_for(third, SOON)
    first.settle(1)
    held.settle(1)


async def test_a_limit_that_is_removed_gives_way_to_the_settings(start: Start) -> None:
    here = await start(user_day_usd="1")
    await here.budgets.set("user:bob", Period.DAY, 10, by="ann")
    assert await hold_or_none(here.purse(user="bob"), 100) is None
    await here.budgets.remove("user:bob", Period.DAY)
    (await here.purse(user="bob").hold(100)).release()
    with pytest.raises(NotFound):
        await here.budgets.remove("user:bob", Period.DAY)


@pytest.mark.parametrize("scope", ["", "bob", "user:", "team:x", "metadata:team", "metadata:=x", "user:a\nb"])
async def test_a_scope_that_is_none_is_refused(start: Start, scope: str) -> None:
    here = await start()
    with pytest.raises(InvalidInput):
        await here.budgets.set(scope, Period.DAY, 10, by="ann")


async def test_each_tenant_and_each_team_has_its_own(start: Start) -> None:
    here = await start(day_usd="1")
    await here.budgets.set("metadata:team=*", Period.MONTH, 500, by="ann")
    for team in ("blue", "red"):
        (await here.purse(metadata={"team": team, "other": {}}).hold(500)).settle(500)
    assert await hold_or_none(here.purse(metadata={"team": "blue"}), 1) is None
    (await here.purse(tenant="acme", metadata={"team": "blue"}).hold(500)).release()
    (await here.purse(metadata={"team": ["no", "scalar"]}).hold(500)).release()


async def test_a_key_has_its_budget(start: Start) -> None:
    here = await start()
    await here.budgets.set("key:ci", Period.TOTAL, 10, by="ann")
    assert await hold_or_none(here.purse(key="ci"), 11) is None
    assert await hold_or_none(here.purse(key="other"), 11) is not None


async def test_a_new_day_begins_with_a_full_budget(tmp_path: Path) -> None:
    clock = SteeredClock(SystemClock())
    clock.steer(to_micros(datetime(2030, 1, 31, 23, 59, tzinfo=UTC)))
    async with process(f"sqlite:///{tmp_path}/test.db", clock=clock, day_usd="1", rounds=False) as here:
        await here.budgets.set("all", Period.MONTH, 1_500_000_000, by="ann")
        (await here.purse().hold(10**9)).settle(10**9)
        assert await hold_or_none(here.purse(), 10**9) is None
        late = await here.purse().hold(0)
        clock.steer(to_micros(datetime(2030, 2, 1, 0, 1, tzinfo=UTC)))
        (await here.purse().hold(10**9)).settle(10**9)
        late.settle(5)  # belongs to the day it was sent on
        await here.budgets.leasing.look()

        async def counted() -> bool:
            return [s.spent_nano for s in await here.budgets.state() if s.tenant == "default"] == [10**9, 10**9]

        await until(counted)


# -- telling


async def test_each_threshold_is_told_once_by_whoever_passes_it_first(start: Start) -> None:
    processes = [await start(), await start()]
    await processes[0].budgets.set("user:bob", Period.TOTAL, 1000, by="ann")
    await processes[1].budgets.read_limits()
    for number in range(20):
        if hold := await hold_or_none(processes[number % 2].purse(user="bob"), 60):
            hold.settle(60)

    def told() -> list[int]:
        return sorted(f["percent"] for here in processes for f in here.events("budget_warning"))

    async def all_told() -> bool:
        return len(told()) >= 3

    await until(all_told)
    await asyncio.sleep(0.5)
    assert told() == [50, 80, 100]
    warning = next(f for here in processes for f in here.events("budget_warning") if f["percent"] == 50)
    assert (warning["scope"], warning["limit_nano"]) == ("user:bob", 1000)
    assert 500 <= warning["spent_nano"] < 800
