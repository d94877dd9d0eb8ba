"""What tokens cost, in integer nano-dollars; never 0 for a model that nobody has priced.

The OpenAI rows are those of genai-prices 0.2.3 (github.com/pydantic/genai-prices), which follows
https://platform.openai.com/docs/pricing; where a model has a dearer tier for prompts above 272 000 tokens,
the tier is kept here too. Dated names ("gpt-5-mini-2025-08-07") cost what their family costs.
`simulated` costs what a small real model does, so that demonstrations show sums worth looking at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from fairlead.errors import ConfigurationError, UnknownSetting
from fairlead.gateway.usage import Usage

_NANO_PER_USD = 1_000_000_000
_MILLION = 1_000_000
_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")


@dataclass(frozen=True, slots=True)
class Price:
    """Nano-dollars per million tokens. From `long_from` input tokens on, the whole call is at the `long` price."""

    input: int
    output: int
    cached: int
    long_from: int | None = None
    long: Price | None = None

    def cost_nano(self, usage: Usage) -> int:
        """What this usage costs, rounded up."""
        if self.long is not None and self.long_from is not None and usage.tokens_in > self.long_from:
            return self.long.cost_nano(usage)
        fresh = max(usage.tokens_in - usage.cached_in, 0)
        total = fresh * self.input + usage.cached_in * self.cached + usage.tokens_out * self.output
        return -(-total // _MILLION)


def usd(input: str, output: str, cached: str | None = None) -> Price:
    """A price from US dollars per million tokens."""
    return Price(_nano(input), _nano(output), _nano(input if cached is None else cached))


def _nano(dollars: str | int | float) -> int:
    return int(Decimal(str(dollars)) * _NANO_PER_USD)


def _tiered(base: tuple[str, str, str], long: tuple[str, str, str]) -> Price:
    low = usd(*base)
    return Price(low.input, low.output, low.cached, long_from=272_000, long=usd(*long))


TABLE: dict[str, Price] = {
    "simulated/*": usd("1", "4", "0.1"),
    "openai/gpt-4.1": usd("2", "8", "0.5"),
    "openai/gpt-4.1-mini": usd("0.4", "1.6", "0.1"),
    "openai/gpt-4.1-nano": usd("0.1", "0.4", "0.025"),
    "openai/gpt-4o": usd("2.5", "10", "1.25"),
    "openai/gpt-4o-mini": usd("0.15", "0.6", "0.075"),
    "openai/gpt-5": usd("1.25", "10", "0.125"),
    "openai/gpt-5-mini": usd("0.25", "2", "0.025"),
    "openai/gpt-5-nano": usd("0.05", "0.4", "0.005"),
    "openai/gpt-5.1": usd("1.25", "10", "0.125"),
    "openai/gpt-5.2": usd("1.75", "14", "0.175"),
    "openai/gpt-5.4": _tiered(("2.5", "15", "0.25"), ("5", "22.5", "0.5")),
    "openai/gpt-5.4-mini": usd("0.75", "4.5", "0.075"),
    "openai/gpt-5.4-nano": usd("0.2", "1.25", "0.02"),
    "openai/gpt-5.5": _tiered(("5", "30", "0.5"), ("10", "45", "1")),
    "openai/o3": usd("2", "8", "0.5"),
    "openai/o4-mini": usd("1.1", "4.4", "0.275"),
}
CEILING = usd("15", "75")
"""For a model without a price: what the dearest common models cost. Too much is found out; 0 is not."""


class Prices:
    """Looks up what a model costs: overrides first, then the table, then the ceiling."""

    def __init__(self, overrides: Mapping[str, Price] | None = None, *, ceiling: Price = CEILING) -> None:
        self._table = {**TABLE, **(overrides or {})}
        self._ceiling = ceiling

    def known(self, model: str) -> Price | None:
        """The price of "provider/model", or None when only the ceiling would apply."""
        provider = model.partition("/")[0]
        for name in (model, _DATED.sub("", model), f"{provider}/*"):
            if (price := self._table.get(name)) is not None:
                return price
        return None

    def of(self, model: str) -> Price:
        return self.known(model) or self._ceiling

    def cost_nano(self, model: str, usage: Usage) -> int:
        return self.of(model).cost_nano(usage)


def parse_prices(table: Mapping[str, Any]) -> dict[str, Price]:
    """Overrides from a project file, in US dollars per million tokens:

        [prices."local/llama3"]
        input = 0.10
        output = 0.40
        cached = 0.01        # optional; like input when absent

    "local/*" prices every model of a provider. A 0 must be written to be meant.
    """
    return {model: _parse_price(model, row) for model, row in table.items()}


def _parse_price(model: str, row: Any) -> Price:
    where = f'[prices."{model}"]'
    if not isinstance(row, Mapping):
        raise ConfigurationError(f"{where} is not a table.", hint="Give it input and output.")
    values: Mapping[str, Any] = row  # pyright: ignore[reportUnknownVariableType]
    for name in values:
        if name not in ("input", "output", "cached"):
            raise UnknownSetting(f"{where} has an unknown key {name!r}.", hint="Known: input, output, cached.")
    for name in ("input", "output"):
        if name not in values:
            raise ConfigurationError(f"{where} has no {name}.", hint="In US dollars per million tokens.")
    cached = values.get("cached", values["input"])
    return Price(
        input=_parse_dollars(where, values["input"]),
        output=_parse_dollars(where, values["output"]),
        cached=_parse_dollars(where, cached),
    )


def _parse_dollars(where: str, value: Any) -> int:
    try:
        dollars = Decimal(str(value))
    except InvalidOperation:
        dollars = Decimal("NaN")
    if isinstance(value, bool) or not dollars.is_finite() or not 0 <= dollars <= 1_000_000:
        raise ConfigurationError(
            f"{where}: {value!r} is not a price.", hint="In US dollars per million tokens, 0 or more."
        )
    return int(dollars * _NANO_PER_USD)
