from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fairlead.clock import SystemClock
from fairlead.errors import ConfigurationError, InvalidInput
from fairlead.gateway import (
    Caller,
    Choices,
    Gateway,
    GatewayPolicy,
    ModelRequest,
    Prices,
    RunBudget,
    build,
    parse_models,
)
from fairlead.gateway.complexity import Complexity, complexity_of
from fairlead.gateway.price import usd
from fairlead.gateway.providers.simulated import SimulatedProvider
from tests.gateway.loopback import Heard, ask

DOLLAR = 10**9
TIERS = {"simple": "lab/small", "medium": "lab/middle", "complex": "lab/large"}
PRICES = Prices({"lab/small": usd("1", "1"), "lab/middle": usd("2", "2"), "lab/large": usd("9", "9")})
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}


def gateway(**models: Any) -> Gateway:
    provider = SimulatedProvider(lambda m, t: "ok", clock=SystemClock(), name="lab")
    declared = parse_models(models, lambda target: target)
    return build([provider], PRICES, SystemClock(), Heard(), jitter=iter([0.1, 0.9] * 99).__next__, models=declared,
                 policy=GatewayPolicy(cheapest_below_nano=DOLLAR))  # fmt: skip


async def answered(it: Gateway, request: ModelRequest, budget: int = 100 * DOLLAR) -> str:
    return (await it.complete(request, budget=RunBudget(budget))).model


@pytest.mark.parametrize(
    ("text", "more", "expected"),
    [
        ("hi", {}, Complexity.SIMPLE),
        ("x" * 5_000, {}, Complexity.MEDIUM),
        ("hi", {"tools": [TOOL]}, Complexity.MEDIUM),
        ("hi", {"response_format": {"type": "json_object"}}, Complexity.MEDIUM),
        ("x" * 40_000, {}, Complexity.COMPLEX),
        ("hi", {"tools": [TOOL] * 9}, Complexity.COMPLEX),
        ("hi", {"reasoning_effort": "high"}, Complexity.COMPLEX),
        ("hi", {"thinking": {"type": "enabled", "budget_tokens": 2000}}, Complexity.COMPLEX),
        ("hi", {"thinking": {"type": "disabled"}}, Complexity.SIMPLE),
        ("x" * 40_000, {"choices": Choices(complexity="simple")}, Complexity.SIMPLE),
    ],
)
def test_complexity_goes_by_the_hint_then_by_size_tools_and_thought(
    text: str, more: dict[str, Any], expected: Complexity
) -> None:
    assert complexity_of(ask(text, **more)) is expected


def test_a_classifier_decides_unless_it_leaves_it_to_the_rules() -> None:
    assert complexity_of(ask("hi"), lambda messages, tools: "complex") is Complexity.COMPLEX
    assert complexity_of(ask("hi"), lambda messages, tools: None) is Complexity.SIMPLE
    with pytest.raises(InvalidInput, match="the classifier said is 'hard'"):
        complexity_of(ask("hi"), lambda messages, tools: "hard")


async def test_a_tiered_model_answers_by_complexity() -> None:
    it = gateway(auto=TIERS)
    assert await answered(it, ask("hi", model="auto")) == "lab/small"
    assert await answered(it, ask("hi", model="auto", tools=[TOOL])) == "lab/middle"
    assert await answered(it, ask("hi", model="auto", choices=Choices(complexity="complex"))) == "lab/large"


async def test_with_less_than_a_dollar_left_the_cheapest_tier_answers() -> None:
    it = gateway(auto=TIERS)
    hard = ask("hi", model="auto", choices=Choices(complexity="complex"))
    assert await answered(it, hard, DOLLAR) == "lab/large"
    assert await answered(it, hard, DOLLAR - 1) == "lab/small"


async def test_a_thread_stays_with_its_target() -> None:
    it = gateway(pair={"targets": ["lab/a", "lab/b"], "weights": [1, 1], "sticky": True})
    for thread in ("t-1", "t-2", "t-3"):
        asked = replace(ask(model="pair"), caller=Caller(thread_id=thread))
        assert len({await answered(it, asked) for _ in range(8)}) == 1


async def test_without_a_thread_calls_are_spread() -> None:
    it = gateway(pair={"targets": ["lab/a", "lab/b"], "strategy": "round_robin"})
    assert [await answered(it, ask(model="pair")) for _ in range(4)] == ["lab/a", "lab/b", "lab/a", "lab/b"]


async def test_a_name_that_nobody_declared_is_a_clear_error() -> None:
    with pytest.raises(ConfigurationError, match=r"'fast' is neither a declared model \(pair\)"):
        await gateway(pair={"targets": ["lab/a"]}).complete(ask(model="fast"))
