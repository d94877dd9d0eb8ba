from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.errors import ConfigurationError, UnknownSetting
from fairlead.gateway.price import usd
from fairlead.gateway.price_table import PriceTable
from fairlead.gateway.prices import CEILING, Prices, Source, parse_prices
from fairlead.gateway.usage import Usage
from fairlead.testing import MovableClock

MILLION = 1_000_000
usages = st.builds(
    Usage, st.integers(0, 10**6), st.integers(1, 10**6), cached_in=st.integers(0, 10**6),
    reasoning=st.integers(0, 10**6), cache_written=st.integers(0, 10**6),
)  # fmt: skip


def test_a_million_tokens_cost_what_the_table_says() -> None:
    assert Prices().cost_nano("openai/gpt-5-mini", Usage(MILLION, 0)) == 250_000_000
    assert Prices().cost_nano("openai/gpt-5-mini", Usage(0, MILLION)) == 2_000_000_000


def test_cached_tokens_are_charged_at_their_own_price_and_once() -> None:
    assert Prices().cost_nano("openai/gpt-5-mini", Usage(MILLION, 0, cached_in=400_000)) == 150_000_000 + 10_000_000


def test_tokens_put_into_the_cache_are_charged_at_their_own_price_and_once() -> None:
    usage = Usage(MILLION, 0, cache_written=400_000)
    assert Prices().cost_nano("anthropic/claude-sonnet-4-0", usage) == 6 * 300_000_000 + 4 * 375_000_000


def test_what_the_provider_s_cache_saved_is_what_reading_spared_less_what_writing_cost_more() -> None:
    model = "anthropic/claude-sonnet-4-0"
    assert Prices().saved_nano(model, Usage(MILLION, 0, cached_in=MILLION)) == 2_700_000_000
    assert Prices().saved_nano(model, Usage(MILLION, 0, cache_written=MILLION)) == -750_000_000
    assert Prices().saved_nano(model, Usage(10, 10)) == 0


def test_an_answer_from_our_own_cache_saved_all_that_it_would_have_cost() -> None:
    usage, prices = Usage(1000, 50), Prices()
    saved = prices.saved_nano("openai/gpt-5", usage, answered_from_cache=True)
    assert saved == prices.cost_nano("openai/gpt-5", usage) > 0


def test_reasoning_tokens_are_part_of_the_answer() -> None:
    assert Prices().cost_nano("openai/o3", Usage(0, 10, reasoning=9)) == Prices().cost_nano("openai/o3", Usage(0, 10))


def test_reasoning_tokens_may_have_a_price_of_their_own() -> None:
    price = usd("1", "10", reasoning="3")
    assert price.cost_nano(Usage(0, 10 * MILLION, reasoning=4 * MILLION)) == (6 * 10 + 4 * 3) * 10**9


@given(usages)
def test_a_part_larger_than_its_whole_never_lowers_the_bill(usage: Usage) -> None:
    price = usd("3", "15", "0.3", "3.75")
    whole = Usage(usage.tokens_in, usage.tokens_out)
    assert price.cost_nano(usage) >= min(price.cost_nano(whole), usd("0.3", "15").cost_nano(whole))


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("openai/gpt-5-mini-2025-08-07", "openai/gpt-5-mini"),
        ("openai/gpt-5-mini-20250807", "openai/gpt-5-mini"),
        ("openai/gpt-5-mini-latest", "openai/gpt-5-mini"),
        ("openai/gpt-5-mini-2031-01-01", "openai/gpt-5-mini"),
        ("openai/GPT-5-mini", "openai/gpt-5-mini"),
        ("anthropic/claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4-5"),
        ("anthropic/claude-sonnet-4-5-latest", "anthropic/claude-sonnet-4-5"),
        ("azure/gpt-4o", "openai/gpt-4o"),
        ("xai/grok-4-latest", "x-ai/grok-4-0709"),
        ("openrouter/anthropic/claude-sonnet-4.5", "openrouter/anthropic/claude-sonnet-4.5"),
    ],
)
def test_names_that_say_when_a_model_was_made_or_who_sells_it_cost_what_it_costs(name: str, entry: str) -> None:
    quote = Prices().quote(name)
    assert (quote.source, quote.name) == (Source.TABLE, entry)


def test_a_long_prompt_is_charged_at_the_dearer_tier_as_a_whole() -> None:
    assert Prices().cost_nano("openai/gpt-5.5", Usage(272_000, 0)) == 272_000 * 5_000
    assert Prices().cost_nano("openai/gpt-5.5", Usage(272_001, 0)) == 272_001 * 10_000


def test_there_may_be_a_tier_beyond_the_tier() -> None:
    prices = Prices(table=PriceTable("[p]\nm\t1 2 - - - >100 3 4 - - - >1000 5 6 - - -\t=m\n"))
    assert [prices.cost_nano("p/m", Usage(n, 0)) for n in (100, 101, 1001)] == [100_000, 303_000, 5_005_000]


def test_a_price_that_changes_on_a_day_is_charged_from_that_day_on() -> None:
    clock = MovableClock(datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC))
    prices = Prices(clock=clock)
    before = prices.cost_nano("google/gemini-3.6-flash", Usage(MILLION, 0))
    clock.move(timedelta(seconds=1))
    assert (before, prices.cost_nano("google/gemini-3.6-flash", Usage(MILLION, 0))) == (750_000_000, 1_500_000_000)


@given(usages)
def test_an_unknown_model_is_charged_at_the_ceiling_and_never_0(usage: Usage) -> None:
    prices = Prices()
    assert prices.known("local/llama") is None
    assert prices.cost_nano("local/llama", usage) == CEILING.cost_nano(usage) > 0


@pytest.mark.parametrize("name", ["openai/moderation", "github-copilot/gpt-4o", "openai/nothing-like-it"])
def test_a_model_that_is_listed_without_a_price_by_the_token_counts_as_unknown(name: str) -> None:
    assert Prices().quote(name).source is Source.CEILING


def test_an_unknown_model_is_refused_where_that_is_wanted_and_the_way_out_is_told() -> None:
    prices = Prices(parse_prices({"local/known": {"input": 1, "output": 1}}), refuse_unknown=True)
    assert prices.cost_nano("local/known", Usage(1, 0)) == 1000
    with pytest.raises(ConfigurationError, match=r'local/llama is not known.*\[prices."local/llama"\]'):
        prices.cost_nano("local/llama", Usage(1, 1))


def test_callers_who_invent_names_get_the_ceiling_each_time() -> None:
    prices = Prices()
    assert all(prices.of(f"openai/invented-{n}") == CEILING for n in range(2500))
    assert prices.quote("openai/gpt-5").source is Source.TABLE


def test_a_fraction_of_a_nano_dollar_is_rounded_up() -> None:
    assert usd("0.0001", "0").cost_nano(Usage(1, 0)) == 1


def test_a_project_overrides_prices() -> None:
    prices = Prices(parse_prices({"openai/gpt-5": {"input": 0.1, "output": 2}, "local/*": {"input": 0, "output": 0}}))
    assert prices.cost_nano("openai/gpt-5", Usage(MILLION, 0)) == 100_000_000
    assert prices.cost_nano("local/anything", Usage(5, 5)) == 0
    assert prices.quote("openai/gpt-5-2025-08-07").source is Source.OVERRIDE


def test_a_project_that_prices_a_whole_provider_is_believed_over_the_table() -> None:
    prices = Prices(parse_prices({"openai/*": {"input": 7, "output": 7}, "openai/gpt-5": {"input": 8, "output": 8}}))
    assert (prices.of("openai/gpt-4o"), prices.of("openai/gpt-5")) == (usd("7", "7"), usd("8", "8"))


def test_all_five_prices_may_be_given() -> None:
    row = {"input": "3", "output": 15, "cached": 0.3, "cache_written": 3.75, "reasoning": 20}
    assert parse_prices({"a/b": row}) == {"a/b": usd("3", "15", "0.3", "3.75", "20")}


def test_an_endpoint_of_one_s_own_may_cost_what_another_provider_s_models_cost() -> None:
    prices = Prices(parse_prices({"mine/*": {"like": "openai"}, "mine/fast": {"like": "groq/llama-3.1-8b-instant"}}))
    assert prices.of("mine/gpt-5-2025-08-07") == Prices().of("openai/gpt-5")
    assert prices.of("mine/fast") == Prices().of("groq/llama-3.1-8b-instant")
    assert prices.known("mine/unheard-of") is None


def test_prices_like_each_other_are_unknown_rather_than_endless() -> None:
    assert Prices(parse_prices({"a/*": {"like": "b"}, "b/*": {"like": "a"}})).known("a/m") is None


@pytest.mark.parametrize("row", [{"like": "openai", "input": 1}, {"like": 3}, {"like": "/"}])
def test_like_stands_alone_and_names_something(row: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="`like`"):
        parse_prices({"a/b": row})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1, "x", True, None, 1e9])
def test_a_price_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="is not a price"):
        parse_prices({"a/b": {"input": value, "output": 1}})


def test_an_unknown_or_missing_key_is_named() -> None:
    with pytest.raises(UnknownSetting, match="inputs"):
        parse_prices({"a/b": {"inputs": 1, "output": 1}})
    with pytest.raises(ConfigurationError, match="no output"):
        parse_prices({"a/b": {"input": 1}})


def test_all_prices_are_listed_the_project_s_own_first_and_none_twice() -> None:
    listed = list(Prices(parse_prices({"openai/gpt-5": {"input": 1, "output": 1}})).all())
    assert listed[0].source is Source.OVERRIDE
    assert len([quote for quote in listed if quote.model == "openai/gpt-5"]) == 1
    assert len(listed) > 2000


def test_the_models_of_a_provider_are_those_with_a_price_by_name_the_projects_own_first() -> None:
    prices = Prices(
        {"openai/ours": usd("1", "2"), "openai/*": usd("1", "1"), "local/llama": usd("0", "0")}, table=PriceTable()
    )
    names = list(prices.models_of("openai"))
    assert names[0] == "openai/ours" and "openai/gpt-5-mini" in names and "openai/*" not in names
    assert len(names) == len(set(names)) and all(name.startswith("openai/") for name in names)
    assert list(prices.models_of("local")) == ["local/llama"]
    assert list(prices.models_of("nobody")) == []
    assert next(prices.models_of("bedrock")).startswith("bedrock/")
