from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.errors import ConfigurationError, UnknownSetting
from fairlead.gateway.prices import CEILING, TABLE, Prices, parse_prices, usd
from fairlead.gateway.usage import Usage


def test_a_million_tokens_cost_what_the_table_says() -> None:
    assert Prices().cost_nano("openai/gpt-5-mini", Usage(1_000_000, 0)) == 250_000_000
    assert Prices().cost_nano("openai/gpt-5-mini", Usage(0, 1_000_000)) == 2_000_000_000


def test_cached_tokens_are_charged_at_their_own_price_and_once() -> None:
    assert Prices().cost_nano("openai/gpt-5-mini", Usage(1_000_000, 0, cached_in=400_000)) == 150_000_000 + 10_000_000


def test_reasoning_tokens_are_part_of_the_answer() -> None:
    assert Prices().cost_nano("openai/o3", Usage(0, 10, reasoning=9)) == Prices().cost_nano("openai/o3", Usage(0, 10))


def test_a_dated_name_costs_what_its_family_costs() -> None:
    assert Prices().of("openai/gpt-5-mini-2025-08-07") == TABLE["openai/gpt-5-mini"]


def test_a_long_prompt_costs_the_dearer_tier() -> None:
    assert Prices().cost_nano("openai/gpt-5.5", Usage(272_001, 0)) == 272_001 * 10_000


@given(st.builds(Usage, st.integers(0, 10**6), st.integers(1, 10**6)))
def test_an_unknown_model_is_charged_at_the_ceiling_and_never_0(usage: Usage) -> None:
    prices = Prices()
    assert prices.known("local/llama") is None
    assert prices.cost_nano("local/llama", usage) == CEILING.cost_nano(usage) > 0


def test_a_fraction_of_a_nano_dollar_is_rounded_up() -> None:
    assert usd("0.0001", "0").cost_nano(Usage(1, 0)) == 1


def test_a_project_overrides_prices() -> None:
    prices = Prices(parse_prices({"openai/gpt-5": {"input": 0.1, "output": 2}, "local/*": {"input": 0, "output": 0}}))
    assert prices.cost_nano("openai/gpt-5", Usage(1_000_000, 0)) == 100_000_000
    assert prices.cost_nano("local/anything", Usage(5, 5)) == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1, "x", True, None, 1e9])
def test_a_price_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="is not a price"):
        parse_prices({"a/b": {"input": value, "output": 1}})


def test_an_unknown_or_missing_key_is_named() -> None:
    with pytest.raises(UnknownSetting, match="inputs"):
        parse_prices({"a/b": {"inputs": 1, "output": 1}})
    with pytest.raises(ConfigurationError, match="no output"):
        parse_prices({"a/b": {"input": 1}})
