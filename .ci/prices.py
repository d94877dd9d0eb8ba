"""Write fairlead/gateway/price_table.txt from the genai-prices package. `--check` only compares.

What the table leaves out, because a Usage does not tell it: batch, flex and priority rates, audio and images, cache
writes that live for an hour, searches and requests billed by piece. Of prices that depend on the time of day it
takes the dearest.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genai_prices.data import providers
from genai_prices.types import TieredPrices, TimeOfDateConstraint

TABLE = Path(__file__).resolve().parent.parent / "fairlead/gateway/price_table.txt"
KEYS = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "output_reasoning_mtok")
MARKS = {"equals": "=", "starts_with": "^", "ends_with": "$", "contains": "~", "regex": "/"}
FREE = ":free"  # what providers put behind the name of a model that costs nothing
HEAD = """\
# Prices from genai-prices {version} (github.com/pydantic/genai-prices, MIT). Made by `make prices`.
# [provider and those whose models it offers, too]
# model <tab> prices <tab> names it goes by: = is  ^ begins  $ ends  ~ holds  / regular expression, && both
# prices: input output cached cache_written reasoning, US dollars per million tokens; - the price it is part of
#         >N from more than N tokens of input on  @DATE from then on  ? not priced by tokens
"""

Amounts = tuple[Decimal | None, ...]
Tiers = dict[int, Amounts]  # by the tokens above which they hold


def table() -> str:
    return HEAD.format(version=version("genai-prices")) + "".join(section(provider) for provider in providers)


def section(provider: Any) -> str:
    others = provider.fallback_model_providers or []
    lines = [f"{model.id}\t{prices(model)}\t{' '.join(names(model.match))}\n" for model in provider.models]
    return f"[{' '.join([provider.id, *others])}]\n" + "".join(lines)


def names(clause: Any) -> Iterator[str]:
    if hasattr(clause, "or_"):
        for one in clause.or_:
            yield from names(one)
    elif hasattr(clause, "and_"):
        yield "&&".join(name for one in clause.and_ for name in names(one))
    else:
        (field,) = [field for field in MARKS if hasattr(clause, field)]
        name = MARKS[field] + getattr(clause, field)
        assert not any(mark in name for mark in (" ", "\t", "&&")), name
        yield name


def prices(model: Any) -> str:
    """All that the model has cost, oldest first."""
    listed = model.prices if isinstance(model.prices, list) else [model]
    told: list[tuple[str, Tiers | None]] = []
    for one in listed:
        constraint, tiers = getattr(one, "constraint", None), tiers_of(one.prices, free=model.id.endswith(FREE))
        if isinstance(constraint, TimeOfDateConstraint) and told:
            told[-1] = (told[-1][0], dearest(told[-1][1], tiers))
        else:
            told.append(("" if constraint is None else f"@{constraint.start_date} ", tiers))
    return " ".join(f"{since}{written(tiers)}" for since, tiers in told)


def tiers_of(price: Any, *, free: bool) -> Tiers | None:
    """None: it is not sold by the token."""
    values = [getattr(price, key) for key in KEYS]
    if free and not any(values):
        return {0: (Decimal(0), Decimal(0), None, None, None)}
    if values[0] is None:
        return None
    starts = {tier.start for value in values if isinstance(value, TieredPrices) for tier in value.tiers}
    return {start: tuple(at(value, start) for value in values) for start in sorted({0, *starts})}


def at(value: Any, start: int) -> Decimal | None:
    if not isinstance(value, TieredPrices):
        return value
    return next((tier.price for tier in reversed(value.tiers) if start >= tier.start), value.base)


def dearest(one: Tiers | None, other: Tiers | None) -> Tiers | None:
    if one is None or other is None:
        return one or other
    assert one.keys() == other.keys()
    return {start: tuple(map(dearer, one[start], other[start])) for start in one}


def dearer(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return other if one is None else one if other is None else max(one, other)


def written(tiers: Tiers | None) -> str:
    if tiers is None:
        return "?"
    return " ".join(
        (f">{start} " if start else "") + " ".join("-" if v is None else f"{v.normalize():f}" for v in amounts)
        for start, amounts in tiers.items()
    )


if __name__ == "__main__":
    new, old = table(), TABLE.read_text() if TABLE.exists() else ""
    if "--check" not in sys.argv:
        TABLE.write_text(new)
    elif new != old:
        sys.exit("fairlead/gateway/price_table.txt is not what genai-prices says: run `make prices`")
