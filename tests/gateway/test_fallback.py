from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from fairlead.clock import SystemClock
from fairlead.errors import (
    AllProvidersFailedError,
    AllProvidersUnavailableError,
    BrokenAnswer,
    CircuitOpenError,
    ConfigurationError,
    ModelRefused,
    ModelTimeout,
)
from fairlead.gateway import Choices, Fault, Faults, Gateway, ModelReply, Prices, build, parse_models
from fairlead.gateway.circuit import State
from fairlead.gateway.policy import Reply
from fairlead.gateway.providers.simulated import SimulatedProvider
from tests.gateway.loopback import Heard, MovedClock, ask


class House:
    """A gateway to providers `first`, `second` ..., each with its planned faults, on one clock."""

    def __init__(self, faults: Mapping[str, list[Fault]], **models: Any) -> None:
        self.clock, self.heard = MovedClock(), Heard()
        self.providers = {name: self._provider(name, planned) for name, planned in faults.items()}
        self.gateway: Gateway = build(
            self.providers.values(), Prices(), self.clock, self.heard, jitter=lambda: 0,
            models=parse_models(models, lambda target: target),
        )  # fmt: skip

    def _provider(self, name: str, planned: list[Fault]) -> SimulatedProvider:
        faults = Faults()
        faults.next.extend(planned)
        return SimulatedProvider(lambda m, t: Reply(f"I am {name}, " * 9), clock=self.clock, name=name, faults=faults)

    @property
    def calls(self) -> list[int]:
        return [provider.calls for provider in self.providers.values()]

    async def ask(self, model: str = "pair", **more: Any) -> ModelReply:
        return await self.gateway.complete(ask(model=model, seconds=60, **more))


PAIR = {"targets": ["first/x", "second/x"]}
DOWN = [Fault.SERVER_ERROR] * 99


async def test_another_provider_answers_at_once_when_the_first_can_not() -> None:
    house = House({"first": DOWN, "second": []}, pair=PAIR)
    reply = await house.ask()
    assert (reply.provider, reply.model, house.clock.seconds) == ("second", "second/x", 0)
    assert [(one.model, one.outcome) for one in reply.attempts] == [
        ("first/x", "model_unavailable"),
        ("second/x", "ok"),
    ]
    [told] = house.heard.of("llm_fallback")
    assert (told["model"], told["instead"], told["error"]) == ("first/x", "second/x", "model_unavailable")


async def test_the_last_candidate_is_tried_again() -> None:
    house = House({"first": DOWN, "second": [Fault.SERVER_ERROR, Fault.SERVER_ERROR]}, pair=PAIR)
    assert (await house.ask()).provider == "second"
    assert house.calls == [1, 3]


async def test_when_none_answers_each_reason_is_told() -> None:
    house = House({"first": DOWN, "second": DOWN}, pair=PAIR)
    with pytest.raises(AllProvidersFailedError, match=r"first/x: .*500.*; second/x: .*500"):
        await house.ask()


async def test_a_request_that_is_wrong_is_not_asked_elsewhere() -> None:
    def refuses(messages: Any, tools: Any) -> Reply:
        raise ValueError("no")

    house = House({"first": [], "second": []}, pair=PAIR)
    house.providers["first"].simulation._policy = refuses  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(ModelRefused):
        await house.ask()
    assert house.calls == [1, 0]


async def test_before_the_first_token_a_stream_falls_back_unseen() -> None:
    told: list[str] = []
    house = House({"first": [Fault.MALFORMED], "second": []}, pair=PAIR)
    reply = await house.ask(on_delta=told.append)
    assert "".join(told) == reply.message["content"] and reply.provider == "second"


async def test_after_it_the_stream_ends_with_its_error() -> None:
    told: list[str] = []
    house = House({"first": [Fault.CUT], "second": []}, pair=PAIR)
    with pytest.raises(BrokenAnswer):
        await house.ask(on_delta=told.append)
    assert told and house.calls == [1, 0]


async def test_a_request_may_bring_its_own_fallback() -> None:
    house = House({"first": DOWN, "second": []})
    assert (await house.ask("first/x", choices=Choices(fallback=("second/y",)))).model == "second/y"


async def test_a_declared_fallback_comes_after_all_targets() -> None:
    house = House({"first": DOWN, "second": DOWN, "third": []}, pair={**PAIR, "fallback": ["third/cheap"]})
    assert (await house.ask()).model == "third/cheap" and house.calls == [1, 1, 1]


async def test_a_provider_that_is_down_is_left_alone_and_probed_once_in_each_open_period() -> None:
    house = House({"first": DOWN, "second": []}, pair=PAIR)
    for _ in range(20):
        await house.ask()
    assert house.calls == [5, 20], "five errors in a row, then none"
    for period in (1, 2, 3):
        house.clock.seconds += 300
        for _ in range(7):
            await house.ask()
        assert house.calls[0] == 5 + period
    states = [(event["provider"], event["state"]) for event in house.heard.of("provider_health")][2:]
    assert states == [("first", "open"), *[("first", "half_open"), ("first", "open")] * 3]


async def test_a_provider_that_is_back_answers_again() -> None:
    house = House({"first": [Fault.SERVER_ERROR] * 5, "second": []}, pair=PAIR)
    for _ in range(6):
        await house.ask()
    house.clock.seconds += 300
    assert [(await house.ask()).provider for _ in range(3)] == ["first"] * 3


async def test_an_only_provider_that_is_left_alone_is_told_as_such() -> None:
    house = House({"first": DOWN})
    for _ in range(2):
        with pytest.raises(Exception, match=r"500|left alone"):
            await house.ask("first/x")
    with pytest.raises(CircuitOpenError, match="left alone for another"):
        await house.ask("first/x")


async def test_when_all_are_left_alone_nobody_is_asked() -> None:
    house = House({"first": DOWN, "second": DOWN}, pair=PAIR)
    for _ in range(6):
        with pytest.raises(Exception, match=r"500|left alone"):
            await house.ask()
    before = house.calls
    with pytest.raises(AllProvidersUnavailableError, match=r"first/x: .*second/x: "):
        await house.ask()
    assert house.calls == before


async def test_a_limit_is_no_error_and_opens_nothing() -> None:
    house = House({"first": [Fault.RATE_LIMIT] * 99, "second": []}, pair=PAIR)
    for _ in range(20):
        assert (await house.ask()).provider == "second"
    assert house.calls[0] == 20


async def test_impatient_callers_do_not_take_a_provider_from_everyone() -> None:
    clock, faults = SystemClock(), Faults({Fault.TIMEOUT: 1})
    provider = SimulatedProvider(clock=clock, faults=faults)
    gateway = build([provider], Prices(), clock, Heard(), jitter=lambda: 0)
    for _ in range(9):
        with pytest.raises(ModelTimeout):
            await gateway.complete(ask(seconds=0.01))
    assert provider.calls == 9 and gateway.health()["simulated"] is State.CLOSED


def test_a_declared_model_of_a_provider_that_is_not_there_is_refused_at_the_start() -> None:
    with pytest.raises(ConfigurationError, match="no provider 'second'"):
        House({"first": []}, pair=PAIR)


async def test_a_whole_call_keeps_to_its_time_over_all_candidates() -> None:
    house = House({"first": DOWN, "second": DOWN}, pair=PAIR)
    with pytest.raises(AllProvidersFailedError):
        await house.ask()
    assert timedelta(seconds=house.clock.seconds) < timedelta(seconds=60)
