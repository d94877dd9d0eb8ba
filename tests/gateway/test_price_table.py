"""The committed table against the package it was taken from."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from genai_prices.data import providers
from genai_prices.types import TimeOfDateConstraint
from genai_prices.types import Usage as TheirUsage

from fairlead.gateway.price_table import Listed, PriceTable
from fairlead.gateway.usage import Usage

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
USAGES = (Usage(1000, 200, 300, cache_written=10), Usage(300_000, 2000, 30_000, cache_written=1000))


def test_the_committed_table_is_what_the_installed_package_says(repository: Path) -> None:
    checked = subprocess.run(
        [sys.executable, repository / ".ci/prices.py", "--check"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("provider", providers, ids=lambda provider: provider.id)
def test_every_model_costs_what_the_package_would_have_calculated(provider: Any) -> None:
    table, compared = PriceTable(), 0
    for name in {name for model in provider.models for name in (model.id, *exact_names(model.match))}:
        theirs = provider.find_model(name, all_providers=providers)
        listed = table.find(provider.id, name, on=NOW.date())
        assert (theirs is None) == (listed is None), name
        if theirs is None or listed is None or varies_by_the_hour(theirs):
            continue
        price = theirs.get_prices(NOW)
        if listed.price is None:
            assert price.input_mtok is None, name
        elif price.output_mtok is not None and price.requests_kcount is None:
            for usage in USAGES:
                assert listed.price.cost_nano(usage) == pytest.approx(cost_nano(price, usage), abs=1), name
        compared += 1
    assert compared


def test_a_model_that_is_cheaper_at_night_is_charged_as_by_day() -> None:
    (deepseek,) = [provider for provider in providers if provider.id == "deepseek"]
    listed = PriceTable().find("deepseek", "deepseek-v4-pro", on=NOW.date())
    for hour in range(24):
        theirs = deepseek.find_model("deepseek-v4-pro").get_prices(NOW.replace(hour=hour))
        assert listed and listed.price and listed.price.cost_nano(USAGES[0]) + 1 >= cost_nano(theirs, USAGES[0])


def test_the_first_entry_that_fits_a_name_counts() -> None:
    table = PriceTable("[p q]\nmini\t1 1 - - -\t=big-mini ^mini\nbig\t2 2 - - -\t^big&&/-x$ ~huge\n[q]\nz\t?\t$-z\n")
    on = NOW.date()

    def model(name: str) -> str | None:
        found = table.find("p", name, on=on)
        return found and f"{found.provider}/{found.model}"

    asked = ("big-mini", "mini-3", "big-x", "a-huge-one", "big", "some-z")
    assert [model(name) for name in asked] == ["p/mini", "p/mini", "p/big", "p/big", None, "q/z"]
    assert table.find("q", "some-z", on=on) == Listed("q", "z", None)
    assert table.find("nobody", "mini", on=on) is None


def test_the_first_look_up_takes_less_than_10_ms() -> None:
    taken: list[float] = []
    for _ in range(5):
        started = time.process_time()
        assert PriceTable().find("openai", "gpt-5", on=NOW.date())
        taken.append(time.process_time() - started)
    assert min(taken) < 0.010


def test_the_table_says_where_it_is_from() -> None:
    assert PriceTable().source().startswith("genai-prices 0.")


def cost_nano(price: Any, usage: Usage) -> float:
    theirs = TheirUsage(
        input_tokens=usage.tokens_in, output_tokens=usage.tokens_out, cache_read_tokens=usage.cached_in,
        cache_write_tokens=usage.cache_written,
    )  # fmt: skip
    return float(price.calc_price(theirs)["total_price"]) * 1e9


def varies_by_the_hour(model: Any) -> bool:
    listed = model.prices if isinstance(model.prices, list) else []
    return any(isinstance(one.constraint, TimeOfDateConstraint) for one in listed)


def exact_names(clause: Any) -> list[str]:
    within = [name for one in getattr(clause, "or_", ()) for name in exact_names(one)]
    return [*within, clause.equals] if hasattr(clause, "equals") else within
