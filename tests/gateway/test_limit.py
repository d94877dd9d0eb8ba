from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest

from fairlead.database import Signals
from fairlead.errors import (
    BrokenAnswer,
    BudgetExceededError,
    ModelError,
    ModelLimited,
    ModelRefused,
    ModelTimeout,
    ModelUnavailable,
)
from fairlead.gateway.limit import Limit, unused
from fairlead.gateway.limits import Limits
from fairlead.gateway.provider import Complete
from fairlead.gateway.rate import Rate, Rates
from fairlead.gateway.rate_store import MemoryRateStore
from fairlead.gateway.transport import NeverSent
from fairlead.gateway.types import Caller, ModelReply, ModelRequest
from fairlead.gateway.usage import Usage
from fairlead.gateway.way import Way
from fairlead.telemetry.catalogue import misfit
from fairlead.testing import MovableClock
from tests.gateway.sharing import Crowd, Cuttable, pass_by, settle

MODEL = "lab/small"


def request(
    tenant: str = "t", *, seconds: float = 600, priority: int = 0, model: str = MODEL, candidates: tuple[str, ...] = ()
) -> ModelRequest:
    caller = Caller(tenant=tenant, priority=priority)
    return ModelRequest(
        model, {"messages": []}, timedelta(seconds=seconds), caller=caller, way=Way(candidates=candidates)
    )


class Lab:
    """A provider that counts who asked it when, for processes that share its limits. `then` is what it does."""

    def __init__(self, rate: Rate, *, processes: int = 1, tokens: int = 100, store: Any = None) -> None:
        self.clock = MovableClock()
        self.store = store or Cuttable(MemoryRateStore(clock=self.clock))
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.asked: list[tuple[float, str]] = []
        self.usage = Usage(60, 40)
        self.tokens = tokens
        self.then: Callable[[ModelRequest], Awaitable[None]] | None = None
        self.crowd = Crowd()
        signals = Signals()
        self.limits = [
            Limits(Rates(rate), store=self.store, process=f"p{n}", clock=self.clock, emit=self.emit, signals=signals)
            for n in range(processes)
        ]
        self.calls = [
            Limit(self.answer, limits=limits, expect=lambda _: self.tokens, clock=self.clock, emit=self.emit)
            for limits in self.limits
        ]

    def emit(self, event: str, /, **fields: Any) -> None:
        assert misfit(event, fields) == ""
        self.said.append((event, fields))

    def of(self, event: str) -> list[dict[str, Any]]:
        return [fields for name, fields in self.said if name == event]

    async def answer(self, request: ModelRequest) -> ModelReply:
        self.asked.append((self.clock.monotonic(), request.caller.tenant))
        if self.then is not None:
            await self.then(request)
        return ModelReply({}, self.usage, 0, "lab", request.model)

    def start(self, tenant: str = "t", *, on: int = 0, call: Complete | None = None, **more: Any) -> asyncio.Task[None]:
        async def run() -> None:
            await (call or self.calls[on])(request(tenant, **more))

        return self.crowd.start(run)

    async def close(self) -> None:
        await self.crowd.end()
        self.store.cut = False
        for limits in self.limits:
            await limits.aclose()

    def most_in_a_minute(self) -> int:
        times = [when for when, _ in self.asked]
        return max(sum(end - 60 < when <= end for when in times) for end in times)


@pytest.fixture
async def lab() -> AsyncIterator[Callable[..., Lab]]:
    async with AsyncExitStack() as stack:

        def make(*args: Any, **more: Any) -> Lab:
            made = Lab(*args, **more)
            stack.push_async_callback(made.close)
            return made

        yield make


MakeLab = Callable[..., Lab]


async def test_a_lone_call_below_the_limit_waits_for_the_store_only_the_first_time(lab: MakeLab) -> None:
    it = lab(Rate(60, 100_000))
    await it.calls[0](request())
    for _ in range(20):
        await pass_by(it.clock, 45, step=0.5)
        before = it.store.exchanges
        await it.calls[0](request())
        assert it.store.exchanges == before
    assert it.clock.monotonic() == 900


async def test_calls_above_the_limit_are_spread_and_none_fails(lab: MakeLab) -> None:
    it = lab(Rate(60, None))
    for _ in range(100):
        it.start()
    await pass_by(it.clock, 130)
    assert len(it.asked) == 100
    assert it.most_in_a_minute() <= 60
    assert sum(when <= 1 for when, _ in it.asked) <= 5
    gaps = [later[0] - earlier[0] for earlier, later in zip(it.asked[10:], it.asked[11:], strict=False)]
    assert max(gaps) < 3.5  # the burst at the beginning is paid for a minute later


async def test_processes_share_one_limit_fairly_and_use_nearly_all_of_it(lab: MakeLab) -> None:
    it = lab(Rate(120, None), processes=3)
    for on in range(3):
        for _ in range(200):
            it.start(f"p{on}", on=on)
    await pass_by(it.clock, 180)
    assert it.most_in_a_minute() <= 120
    assert len(it.asked) >= 3 * 120 * 0.9
    had = [sum(tenant == f"p{on}" for _, tenant in it.asked) for on in range(3)]
    assert max(had) <= 1.2 * min(had)


async def test_tokens_are_held_by_estimate_and_settled_by_use(lab: MakeLab) -> None:
    it = lab(Rate(None, 6000), tokens=1000)
    it.usage = Usage(50, 50)
    for _ in range(60):
        it.start()
    await pass_by(it.clock, 60)
    assert 30 <= len(it.asked) <= 60  # by their estimates it would be 6


async def test_what_was_underestimated_is_taken_after_the_call(lab: MakeLab) -> None:
    it = lab(Rate(None, 6000), tokens=500)
    it.usage = Usage(1000, 1000)
    for _ in range(100):
        it.start()
        await pass_by(it.clock, 1)
    assert len(it.asked) <= 100 / 60 * 3 + 1  # by their estimates it would be 20


async def test_429_pauses_all_processes_and_calls_go_again_after_it(lab: MakeLab) -> None:
    it = lab(Rate(600, None), processes=2)
    await asyncio.gather(*(call(request()) for call in it.calls))
    await pass_by(it.clock, 2)
    refusals = [ModelLimited("429", retry_after=timedelta(seconds=8))]

    async def refuse_once(_: ModelRequest) -> None:
        if refusals:
            raise refusals.pop()

    it.then, it.asked = refuse_once, []
    with pytest.raises(ModelLimited):
        await it.calls[0](request())
    first = it.start()
    await pass_by(it.clock, 0.2)
    second = it.start(on=1)
    await pass_by(it.clock, 7)
    assert len(it.asked) == 1
    await pass_by(it.clock, 4)
    assert first.done() and second.done()
    assert [round(when) for when, _ in it.asked] == [2, 10, 10]
    [cut] = it.of("llm_rate_changed")
    assert (cut["why"], cut["factor_before"], cut["factor"], cut["paused"].total_seconds()) == ("429", 1, 0.7, 8)


async def test_who_cannot_go_in_time_is_told_at_once_and_when_to_come_back(lab: MakeLab) -> None:
    it = lab(Rate(60, None))
    for _ in range(40):
        it.start()
    await pass_by(it.clock, 1)
    late = it.start(seconds=5)
    await settle()
    with pytest.raises(ModelLimited) as refusal:
        await late
    assert refusal.value.retry_after is not None
    assert 20 <= refusal.value.retry_after.total_seconds() <= 60
    assert [said["why"] for said in it.of("llm_limited")].count("refused") == 1


async def test_a_call_with_another_candidate_waits_only_so_long(lab: MakeLab) -> None:
    it = lab(Rate(6, None))
    await it.calls[0](request())
    asking = it.start(candidates=("other/model",))
    await pass_by(it.clock, 0.2)
    assert asking.done()
    with pytest.raises(ModelLimited, match="limit"):
        await asking


async def test_a_pause_beyond_the_deadline_is_told_to_those_who_wait(lab: MakeLab) -> None:
    it = lab(Rate(60, None))
    for _ in range(5):
        it.start(seconds=10)
    await pass_by(it.clock, 0.1)
    it.limits[0].of(MODEL).limited(timedelta(seconds=30))
    await pass_by(it.clock, 0.2)
    assert all(task.done() for task in it.crowd.tasks)
    with pytest.raises(ModelLimited, match="paused"):
        await it.calls[0](request(seconds=10))


async def test_tenants_take_turns_and_priority_goes_first(lab: MakeLab) -> None:
    it = lab(Rate(60, None))
    for _ in range(4):
        it.start("first")
    await pass_by(it.clock, 0.1)
    it.asked.clear()
    for _ in range(50):
        it.start("flood")
    for _ in range(3):
        it.start("quiet")
    it.start("urgent", priority=5)
    await pass_by(it.clock, 14)
    order = [tenant for _, tenant in it.asked]
    assert "urgent" in order[:3]
    assert order[:9].count("quiet") == 3


async def test_a_waiter_that_is_cancelled_leaves_no_trace(lab: MakeLab) -> None:
    it = lab(Rate(60, None))
    for _ in range(30):
        it.start()
    await pass_by(it.clock, 0.1)
    for task in it.crowd.tasks:
        task.cancel()
    await settle()
    assert it.limits[0].state()[0].waiting == 0
    it.asked.clear()
    await pass_by(it.clock, 5)
    await it.calls[0](request())
    assert [when for when, _ in it.asked] == [it.clock.monotonic()]


async def test_a_call_that_was_cancelled_in_the_moment_it_could_go_counts_for_nothing(lab: MakeLab) -> None:
    it = lab(Rate(10, None))
    share = it.limits[0].of(MODEL)
    waiting = [asyncio.create_task(share.admit(0, Caller(), timedelta(minutes=9))) for _ in range(1)]
    while share.state().held == (0, 0) and not it.store.exchanges:
        await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    for _ in range(20):
        it.start()
    await pass_by(it.clock, 60)
    assert len(it.asked) >= 9


async def test_a_lost_answer_of_the_store_neither_loses_nor_doubles_anything(lab: MakeLab) -> None:
    it = lab(Rate(60, None))
    await it.calls[0](request())
    it.store.lose_answers = 1
    for _ in range(200):
        it.start()
    await pass_by(it.clock, 180)
    assert it.most_in_a_minute() <= 60
    assert len(it.asked) >= 150


async def test_a_store_that_cannot_be_asked_leaves_each_process_its_part_and_is_told_once(lab: MakeLab) -> None:
    it = lab(Rate(120, None), processes=3)
    for on in range(3):
        it.start(on=on)
    await pass_by(it.clock, 3)
    it.store.cut = True
    for on in range(3):
        for _ in range(150):
            it.start(on=on)
    await pass_by(it.clock, 120)
    assert it.most_in_a_minute() <= 120
    assert len(it.asked) >= 150
    assert sorted(said["parts"] for said in it.of("llm_limits_unshared")) == [3, 3, 3]
    assert not it.limits[0].state()[0].shared
    it.store.cut = False
    await pass_by(it.clock, 120)
    assert len(it.of("llm_limits_shared")) == 3
    assert it.most_in_a_minute() <= 120
    assert it.limits[0].state()[0].shared


async def test_a_store_that_never_answered_is_no_reason_not_to_call(lab: MakeLab) -> None:
    it = lab(Rate(120, None))
    it.store.cut = True
    await it.calls[0](request())
    assert [said["parts"] for said in it.of("llm_limits_unshared")] == [4]


async def test_what_a_process_held_when_it_ended_is_free_for_others(lab: MakeLab) -> None:
    it = lab(Rate(20, None), processes=2)
    await it.calls[0](request())
    await pass_by(it.clock, 5)
    assert it.limits[0].state()[0].held[0] == 1
    await it.limits[0].aclose()
    for _ in range(40):
        it.start(on=1)
    await pass_by(it.clock, 0.3)
    assert len(it.asked) == 2  # else the next could go after 6 s


async def test_nothing_goes_on_for_a_model_that_nobody_asks_for_any_more(lab: MakeLab) -> None:
    it = lab(Rate(60, None))
    await it.calls[0](request())
    await pass_by(it.clock, 400, step=2)
    before = it.store.exchanges
    await pass_by(it.clock, 400, step=2)
    assert it.store.exchanges == before
    await it.calls[0](request(model="lab/other"))
    assert [state.model for state in it.limits[0].state()] == ["lab/other"]
    await it.calls[0](request())


async def test_headers_of_every_answer_are_heard(lab: MakeLab) -> None:
    it = lab(Rate(600, None))
    said = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-limit-requests": "6",
            "x-ratelimit-reset-requests": "60s"}  # fmt: skip

    async def tell(request: ModelRequest) -> None:
        assert request.way.on_headers is not None
        request.way.on_headers(said)

    it.then = tell
    await it.calls[0](request())
    await pass_by(it.clock, 0.2)
    assert 9 <= it.limits[0].state()[0].paused_for.total_seconds() <= 10


async def test_without_limits_nobody_waits(lab: MakeLab) -> None:
    it = lab(Rate(None, None), tokens=10**9)
    await asyncio.gather(*(it.calls[0](request()) for _ in range(500)))
    assert len(it.asked) == 500


async def test_a_store_that_can_be_read_but_not_written_is_told_once(lab: MakeLab) -> None:
    it = lab(Rate(120, None))
    it.store.lose_answers = 10**6
    for _ in range(60):
        it.start()
    await pass_by(it.clock, 30)
    assert 5 <= len(it.asked) <= 120
    assert [event for event, _ in it.said if event.startswith("llm_limits")] == ["llm_limits_unshared"]


async def test_what_a_large_call_did_not_use_comes_back_and_no_more(lab: MakeLab) -> None:
    it = lab(Rate(None, 1000), tokens=5000)
    it.usage = Usage(300, 0)
    await it.calls[0](request())
    it.tokens, it.usage = 600, Usage(600, 0)
    it.start()
    it.start()
    await pass_by(it.clock, 30)
    assert len(it.asked) == 2  # 900 of 1000 are used
    await pass_by(it.clock, 70)
    assert len(it.asked) == 3


async def test_a_call_larger_than_a_minutes_worth_goes_when_the_minute_is_free(lab: MakeLab) -> None:
    it = lab(Rate(None, 1000), tokens=5000)
    await it.calls[0](request())
    second = it.start()
    await pass_by(it.clock, 70)
    assert second.done()


def never_sent() -> ModelUnavailable:
    error = ModelUnavailable("no connection")
    error.__cause__ = NeverSent()
    return error


@pytest.mark.parametrize(
    ("error", "comes_back"),
    [
        (ModelLimited("429"), (0, 100)),
        (ModelRefused("400"), (0, 100)),
        (never_sent(), (1, 100)),
        (ModelUnavailable("500"), (0, 0)),
        (ModelTimeout("late"), (0, 0)),
        (BrokenAnswer("cut"), (0, 0)),
        (ModelError("?"), (0, 0)),
        (asyncio.CancelledError(), (0, 0)),
        (BudgetExceededError("empty"), (1, 100)),
    ],
)
def test_what_comes_back_of_a_call_that_failed(error: BaseException, comes_back: tuple[int, int]) -> None:
    assert unused(error, 100, answered=False) == comes_back


def test_a_model_has_its_own_rate_or_its_providers_or_the_default() -> None:
    own, provider, default = Rate(1, 1), Rate(2, 2), Rate()
    rates = Rates(default, {"lab": provider}, {"lab/large": own})
    assert [rates.of(model) for model in ("lab/large", "lab/small", "other/x")] == [own, provider, default]
    assert (default.requests, default.tokens) == (60, 100_000)
