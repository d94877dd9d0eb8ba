"""What a model costs; never 0 for a model that nobody has priced.

    the project's own [prices."provider/model"] ──► the table from genai-prices ──► the ceiling, or a refusal

Names that are not known are tried without what says when they were made ("gpt-5-mini-2025-08-07", "…-latest").
`simulated` costs what a small real model does, so that demonstrations show sums worth looking at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from fairlead.clock import Clock, SystemClock, to_micros
from fairlead.errors import ConfigurationError, UnknownSetting
from fairlead.gateway.price import Price, nano, usd
from fairlead.gateway.price_table import PriceTable
from fairlead.gateway.usage import Usage

CEILING = usd("15", "75")
"""For a model without a price: what the dearest common models cost. Too much is found out; 0 is not."""
SIMULATED = usd("1", "4", "0.1")

_MADE = re.compile(r"(?:[-@](?:\d{4}-\d{2}-\d{2}|\d{8})|[-:]latest)$")
_KEYS = ("input", "output", "cached", "cache_written", "reasoning")
_MOST_KNOWN = 1000  # names come from callers, who may invent them


class Source(StrEnum):
    """Where a price is from."""

    OVERRIDE = "override"  # the project's own
    TABLE = "table"
    BUILT_IN = "built in"
    CEILING = "ceiling"  # nobody knows it


_BY_CEILING = Source.CEILING  # found through its class it takes ten times as long


@dataclass(frozen=True, slots=True)
class Like:
    """An override that says where else to look: "openai" as a whole, or one model of it."""

    model: str


@dataclass(frozen=True, slots=True)
class Quote:
    """A price and where it is from; `name` is the entry that fits."""

    model: str
    price: Price
    source: Source
    name: str


class Prices:
    """Looks up what models cost, each name once a day: a price may change at midnight (UTC)."""

    def __init__(
        self, overrides: Mapping[str, Price | Like] | None = None, *, ceiling: Price = CEILING,
        refuse_unknown: bool = False, table: PriceTable | None = None, clock: Clock | None = None,
    ) -> None:  # fmt: skip
        self._overrides = dict(overrides or {})
        self._ceiling = ceiling
        self._refuse_unknown = refuse_unknown
        self._table = table or PriceTable()
        self._clock = clock or SystemClock()
        self._quotes: dict[str, Quote] = {}
        self._stale_at = 0

    def cost_nano(self, model: str, usage: Usage) -> int:
        """What this usage of "provider/model" costs. Raises `ConfigurationError` as `of` does."""
        return self.of(model).cost_nano(usage)

    def saved_nano(self, model: str, usage: Usage, *, answered_from_cache: bool = False) -> int:
        """What the provider's cache saved; all that it would have cost where our own cache answered."""
        price = self.of(model)
        return price.cost_nano(usage) if answered_from_cache else price.saved_nano(usage)

    def of(self, model: str) -> Price:
        """The price to charge. Raises `ConfigurationError` for a model without one where such are refused."""
        quote = self.quote(model)
        if self._refuse_unknown and quote.source is _BY_CEILING:
            raise ConfigurationError(
                f"The price of {model} is not known, and FAIRLEAD_UNKNOWN_PRICE=refuse.",
                hint=f'Give it as [prices."{model}"] in fairlead.toml: input and output in USD per million tokens.',
            )
        return quote.price

    def known(self, model: str) -> Price | None:
        """The price of "provider/model", or None when only the ceiling would apply."""
        quote = self.quote(model)
        return None if quote.source is Source.CEILING else quote.price

    def quote(self, model: str) -> Quote:
        if self._clock.micros() >= self._stale_at:
            midnight = self._clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
            self._quotes, self._stale_at = {}, to_micros(midnight + timedelta(days=1))
        quote = self._quotes.get(model)
        if quote is None:
            if len(self._quotes) >= _MOST_KNOWN:
                self._quotes.clear()
            quote = self._quotes[model] = self._find(model) or Quote(model, self._ceiling, Source.CEILING, "")
        return quote

    def all(self) -> Iterator[Quote]:
        """Every price that is known by name, the project's own first."""
        for name, given in self._overrides.items():
            if isinstance(given, Price):
                yield Quote(name, given, Source.OVERRIDE, name)
            elif (quote := self._find(name)) is not None:
                yield quote
        for one in self._table.all(on=self._clock.now().date()):
            name = f"{one.provider}/{one.model}"
            if one.price is not None and name not in self._overrides:
                yield Quote(name, one.price, Source.TABLE, name)

    def models_of(self, provider: str) -> Iterator[str]:
        """Every model of a provider that has a price by its name, the project's own first."""
        own = [name for name in self._overrides if name.startswith(f"{provider}/") and "*" not in name]
        yield from own
        for one in self._table.of(provider, on=self._clock.now().date()):
            name = f"{provider}/{one.model}"
            if one.price is not None and name not in own:
                yield name

    def source(self) -> str:
        """What the table was taken from."""
        return self._table.source()

    def _find(self, model: str, *, liked: bool = False) -> Quote | None:
        provider, _, name = model.partition("/")
        family = _MADE.sub("", model)
        for key in (model, family, f"{provider}/*"):
            match self._overrides.get(key):
                case Price() as price:
                    return Quote(model, price, Source.OVERRIDE, key)
                case Like(other) if not liked:  # one step: it can't go round in circles
                    return self._find(other if "/" in other else f"{other}/{name}", liked=True)
                case _:
                    pass
        if provider == "simulated":
            return Quote(model, SIMULATED, Source.BUILT_IN, "simulated/*")
        return self._listed(model, provider, name)

    def _listed(self, model: str, provider: str, name: str) -> Quote | None:
        on = self._clock.now().date()
        for candidate in dict.fromkeys((name, _MADE.sub("", name))):
            listed = self._table.find(provider, candidate, on=on)
            if listed is not None and listed.price is not None:
                return Quote(model, listed.price, Source.TABLE, f"{listed.provider}/{listed.model}")
        return None


def parse_prices(table: Mapping[str, Any]) -> dict[str, Price | Like]:
    """Overrides from a project file, in US dollars per million tokens:

        [prices."local/llama3"]
        input = 0.10
        output = 0.40
        cached = 0.01        # optional, as are cache_written (both like input) and reasoning (like output)

        [prices."my-azure/*"]
        like = "azure"       # what models of that name cost there; or "openai/gpt-5"

    "local/*" prices every model of a provider. A 0 must be written to be meant.
    """
    return {model: _parse_price(model, row) for model, row in table.items()}


def _parse_price(model: str, row: Any) -> Price | Like:
    where = f'[prices."{model}"]'
    if not isinstance(row, Mapping):
        raise ConfigurationError(f"{where} is not a table.", hint="Give it input and output.")
    values: Mapping[str, Any] = row  # pyright: ignore[reportUnknownVariableType]
    if "like" in values:
        return _parse_like(where, values)
    for name in values:
        if name not in _KEYS:
            raise UnknownSetting(f"{where} has an unknown key {name!r}.", hint=f"Known: {', '.join(_KEYS)}, like.")
    for name in ("input", "output"):
        if name not in values:
            raise ConfigurationError(f"{where} has no {name}.", hint="In US dollars per million tokens.")
    given = {name: _parse_dollars(where, value) for name, value in values.items()}
    return Price(
        input=given["input"],
        output=given["output"],
        cached=given.get("cached", given["input"]),
        cache_written=given.get("cache_written", given["input"]),
        reasoning=given.get("reasoning", given["output"]),
    )


def _parse_like(where: str, values: Mapping[str, Any]) -> Like:
    if len(values) > 1 or not isinstance(values["like"], str) or not values["like"].strip("/"):
        raise ConfigurationError(
            f"{where} says `like` and more, or not which.", hint='Alone, and as "openai" or "openai/gpt-5".'
        )
    return Like(values["like"].strip("/"))


def _parse_dollars(where: str, value: Any) -> int:
    try:
        dollars = Decimal(str(value))
    except InvalidOperation:
        dollars = Decimal("NaN")
    if isinstance(value, bool) or not dollars.is_finite() or not 0 <= dollars <= 1_000_000:
        raise ConfigurationError(
            f"{where}: {value!r} is not a price.", hint="In US dollars per million tokens, 0 or more."
        )
    return nano(dollars)
