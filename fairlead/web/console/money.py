"""Dollars as a person writes them into a form."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from fairlead.errors import InvalidInput

NANO = 1_000_000_000
_MOST_USD = 1_000_000_000


def parse_usd(text: str) -> int | None:
    """Nano-dollars; None, for no limit, where nothing was written. Raises `InvalidInput`."""
    if not text.strip():
        return None
    try:
        usd = Decimal(text.strip().removeprefix("$"))
    except InvalidOperation:
        usd = Decimal(-1)
    if not usd.is_finite() or not 0 <= usd <= _MOST_USD:
        raise InvalidInput(f"{text[:60]!r} is no amount.", hint="Write dollars: 25, 0.50; nothing for no limit.")
    return int(usd * NANO)


def write_usd(nano: int | None) -> str:
    return "" if nano is None else f"{Decimal(nano) / NANO:f}"
