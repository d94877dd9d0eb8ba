"""`fairlead prices`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from fairlead.cli.say import AsJson, out, safe, say, say_json
from fairlead.config import UnknownPrice
from fairlead.gateway.price import Price
from fairlead.gateway.prices import Prices, Quote, Source
from fairlead.wiring.project import open_setup

app = typer.Typer(add_completion=False)
_PARTS = ("input", "output", "cached", "cache_written", "reasoning")
_NANO = 1_000_000_000
_STYLES = {Source.OVERRIDE: "green", Source.CEILING: "yellow"}


@app.command()
def prices(
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help='"provider/model", or a part of names to list.')
    ] = None,
    json: AsJson = False,
) -> None:
    """What models cost, in US dollars per million tokens, and where each price is from."""
    setup = open_setup()
    known = setup.prices
    quotes = _quotes(known, model)
    if json:
        say_json([_view(quote) for quote in quotes])
        return
    if not quotes:
        say(f"No price has {model} in its name. A whole one is written provider/model.")
        return
    out.print(_table(quotes))
    refused = setup.settings.models.unknown_price is UnknownPrice.REFUSE
    say(_origin(quotes, known, refused=refused), "dim")


def _quotes(known: Prices, model: str | None) -> Sequence[Quote]:
    """One model if it is named in full; else all whose names hold the text. A full name nobody knows: the ceiling."""
    if model is None:
        return list(known.all())
    one = known.quote(model) if "/" in model else None
    if one is not None and one.source is not Source.CEILING:
        return [one]
    found = [quote for quote in known.all() if model.lower() in quote.model.lower()]
    return found or ([one] if one is not None else [])


def _table(quotes: Sequence[Quote]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("model", overflow="fold")
    for part in _PARTS:
        table.add_column(part.replace("_", " "), justify="right", no_wrap=True)
    table.add_column("from", no_wrap=True)
    for quote in quotes:
        like = "" if quote.name in ("", quote.model) else f", as {quote.name}"
        source = Text(f"{quote.source.value}{safe(like)}", _STYLES.get(quote.source, "dim"))
        table.add_row(Text(safe(quote.model), "bold"), *_cells(quote.price), source)
        for above, price in _tiers(quote.price):
            table.add_row(Text(f"  above {above:,} tokens in".replace(",", " "), "dim"), *_cells(price), "")
    return table


def _cells(price: Price) -> Iterator[Text]:
    """What is no other price than that of the whole it is part of, is not said twice."""
    values = [getattr(price, part) for part in _PARTS]
    wholes = (None, None, price.input, price.input, price.output)
    for value, whole in zip(values, wholes, strict=True):
        yield Text("=" if value == whole else _dollars(value), "dim" if value == whole else "")


def _tiers(price: Price) -> Iterator[tuple[int, Price]]:
    while price.long is not None and price.long_from is not None:
        yield price.long_from, price.long
        price = price.long


def _origin(quotes: Sequence[Quote], known: Prices, *, refused: bool) -> str:
    if quotes[0].source is Source.CEILING:
        done = (
            "Calls to it are refused (FAIRLEAD_UNKNOWN_PRICE)."
            if refused
            else "Calls to it are charged at this ceiling."
        )
        return f'Nobody has said what it costs. {done} Give a price as [prices."{safe(quotes[0].model)}"].'
    count = f"{len(quotes)} prices; " if len(quotes) > 1 else ""
    return f"{count}= as input or output; table: {known.source()}; override: [prices] in fairlead.toml."


def _view(quote: Quote) -> dict[str, Any]:
    return {
        "model": quote.model, "source": quote.source.value, "name": quote.name, **_amounts(quote.price),
        "tiers": [{"above": above, **_amounts(price)} for above, price in _tiers(quote.price)],
    }  # fmt: skip


def _amounts(price: Price) -> dict[str, float]:
    return {part: getattr(price, part) / _NANO for part in _PARTS}


def _dollars(nano: int) -> str:
    return f"{nano / _NANO:.6f}".rstrip("0").rstrip(".")
