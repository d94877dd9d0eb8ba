from __future__ import annotations

from datetime import timedelta

import pytest

from fairlead.errors import (
    BrokenAnswer,
    BudgetExceededError,
    ModelError,
    ModelRefused,
    ModelTimeout,
    ModelUnavailable,
)
from fairlead.gateway import Choices, Fault, Faults, Prices, RetryPolicy, RunBudget, build
from fairlead.gateway.providers.simulated import SimulatedProvider
from fairlead.gateway.retry import next_wait
from tests.gateway.loopback import Heard, MovedClock, ask

A_MINUTE = timedelta(minutes=1)


def wait(
    error: ModelError, *, tried: int = 1, told: bool = False, left: timedelta = A_MINUTE, tries: int = 9
) -> float | None:
    found = next_wait(RetryPolicy(tries), error, tried=tried, told=told, left=left, jitter=0)
    return None if found is None else found.total_seconds()


def test_waits_double() -> None:
    assert [wait(ModelUnavailable("x"), tried=tried) for tried in (1, 2, 3, 4)] == [1, 2, 4, 8]


def test_jitter_only_lengthens_a_wait() -> None:
    found = next_wait(RetryPolicy(), ModelUnavailable("x"), tried=1, told=False, left=A_MINUTE, jitter=1)
    assert found == timedelta(seconds=1.25)


def test_the_provider_says_how_long_to_wait() -> None:
    assert wait(ModelUnavailable("x", retry_after=timedelta(seconds=7))) == 7
    assert wait(ModelUnavailable("x", retry_after=timedelta(0))) == 1


def test_nothing_is_tried_again_that_cannot_succeed() -> None:
    assert wait(ModelRefused("x")) is None
    assert wait(ModelTimeout("x")) is None
    assert wait(BrokenAnswer("x")) == 1


def test_nothing_is_tried_again_once_the_caller_has_seen_a_part() -> None:
    assert wait(BrokenAnswer("x"), told=True) is None


def test_nothing_is_tried_again_beyond_the_deadline_or_the_count() -> None:
    assert wait(ModelUnavailable("x"), left=timedelta(seconds=1)) is None
    assert wait(ModelUnavailable("x", retry_after=timedelta(hours=1))) is None
    assert wait(ModelUnavailable("x"), tried=3, tries=3) is None


def failing(*faults: Fault, retry_after: float = 1) -> tuple[SimulatedProvider, MovedClock]:
    clock = MovedClock()
    planned = Faults(retry_after=timedelta(seconds=retry_after))
    planned.next.extend(faults)
    return SimulatedProvider(clock=clock, faults=planned), clock


async def test_a_provider_that_recovers_answers_and_every_try_is_recorded() -> None:
    provider, clock = failing(Fault.SERVER_ERROR, Fault.RATE_LIMIT, retry_after=3)
    heard = Heard()
    reply = await build([provider], Prices(), clock, heard, jitter=lambda: 0).complete(ask(seconds=60))
    assert [attempt.outcome for attempt in reply.attempts] == ["model_unavailable", "model_limited", "ok"]
    assert clock.slept == [1, 3]
    assert [event["delay"].total_seconds() for event in heard.of("llm_retry")] == [1, 3]
    assert [attempt.usage.tokens_in for attempt in reply.attempts] == [0, 0, reply.usage.tokens_in]


@pytest.mark.parametrize(("retries", "calls"), [(None, 4), (1, 2), (0, 1)])
async def test_after_three_retries_or_as_many_as_asked_for_the_last_error_is_told(
    retries: int | None, calls: int
) -> None:
    provider, clock = failing(*[Fault.SERVER_ERROR] * 9)
    with pytest.raises(ModelUnavailable, match="500"):
        await build([provider], Prices(), clock, Heard(), jitter=lambda: 0).complete(
            ask(seconds=60, choices=Choices(retries=retries))
        )
    assert provider.calls == calls


async def test_a_broken_answer_is_charged_beside_the_good_one() -> None:
    provider, clock = failing(Fault.MALFORMED)
    budget = RunBudget(10**9)
    reply = await build([provider], Prices(), clock, Heard(), jitter=lambda: 0).complete(ask(seconds=60), budget=budget)
    alone = Prices().cost_nano("simulated/test", reply.usage)
    assert reply.cost_nano == budget.spent_nano > alone


async def test_a_broken_answer_is_not_tried_again_when_the_budget_has_no_room_for_both() -> None:
    provider, clock = failing(Fault.MALFORMED)
    gateway = build([provider], Prices(), clock, Heard(), jitter=lambda: 0)
    budget = RunBudget(gateway.upper_bound_nano(ask()))
    with pytest.raises(BudgetExceededError):
        await gateway.complete(ask(), budget=budget)
    assert 0 < budget.spent_nano <= budget.limit_nano and budget.held_nano == 0


async def test_a_stream_cut_after_its_first_token_is_not_begun_anew() -> None:
    provider, clock = failing(Fault.CUT)
    told: list[str] = []
    request = ask("x" * 80, seconds=60, on_delta=told.append)
    with pytest.raises(BrokenAnswer, match="cut"):
        await build([provider], Prices(), clock, Heard(), jitter=lambda: 0).complete(request)
    assert told and provider.calls == 1
