"""What tokens of one model cost, in integer nano-dollars."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from fairlead.gateway.usage import Usage

_NANO_PER_USD = 1_000_000_000
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """Nano-dollars per million tokens. With more than `long_from` tokens of input the whole call is at the `long`
    price, which may have a longer one of its own."""

    input: int
    output: int
    cached: int
    cache_written: int
    reasoning: int
    long_from: int | None = None
    long: Price | None = None

    def cost_nano(self, usage: Usage) -> int:
        """What this usage costs, rounded up."""
        price = self if self.long is None else self._for(usage.tokens_in)
        fresh, said = usage.tokens_in, usage.tokens_out
        total = 0
        # A provider may report more of a part than of the whole: then the part counts.
        if cached := usage.cached_in:
            total, fresh = total + cached * price.cached, fresh - cached
        if written := usage.cache_written:
            total, fresh = total + written * price.cache_written, fresh - written
        if reasoning := usage.reasoning:
            total, said = total + reasoning * price.reasoning, said - reasoning
        if fresh > 0:
            total += fresh * price.input
        if said > 0:
            total += said * price.output
        return -(-total // _MILLION)

    def saved_nano(self, usage: Usage) -> int:
        """What the provider's cache saved: less than 0 where writing into it cost more than reading it spared."""
        price = self._for(usage.tokens_in)
        spared = usage.cached_in * (price.input - price.cached)
        return (spared - usage.cache_written * (price.cache_written - price.input)) // _MILLION

    def _for(self, tokens_in: int) -> Price:
        price = self
        while price.long is not None and price.long_from is not None and tokens_in > price.long_from:
            price = price.long
        return price


def usd(
    input: str, output: str, cached: str | None = None, cache_written: str | None = None, reasoning: str | None = None
) -> Price:
    """A price from US dollars per million tokens. What is not given costs what it is a part of."""
    return Price(
        input=nano(input),
        output=nano(output),
        cached=nano(input if cached is None else cached),
        cache_written=nano(input if cache_written is None else cache_written),
        reasoning=nano(output if reasoning is None else reasoning),
    )


def nano(dollars: str | Decimal) -> int:
    return int(Decimal(dollars) * _NANO_PER_USD)
