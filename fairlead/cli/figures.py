"""Times, durations and money as people read them."""

from __future__ import annotations

from datetime import datetime


def usd(amount: float | None) -> str:
    """Four places for the cents that most runs cost."""
    if amount is None:
        return "-"
    if amount == 0:
        return "$0"
    return f"${amount:.2f}" if amount >= 1 else f"${amount:.4f}" if amount >= 0.0001 else f"${amount:.2g}"


def seconds(amount: float) -> str:
    if amount < 1:
        return f"{round(amount * 1000)} ms"
    if amount < 120:
        return f"{amount:.1f} s"
    return f"{int(amount // 60)} min" if amount < 7200 else f"{amount / 3600:.1f} h"


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def between(start: str | None, end: str | None) -> str:
    begun, ended = moment(start), moment(end)
    return seconds((ended - begun).total_seconds()) if begun and ended else "-"


def ago(text: str | None, now: datetime) -> str:
    then = moment(text)
    return f"{seconds(max(0.0, (now - then).total_seconds()))} ago" if then else "-"


def short(text: str, width: int) -> str:
    """On one line, cut with an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"


def count(number: int) -> str:
    """12, 3 456, 78.9 k, 1.23 M, 4.56 G."""
    if number < 10_000:
        return f"{number:,}".replace(",", " ")
    for size, unit in ((10**9, "G"), (10**6, "M")):
        if number >= size:
            return f"{number / size:.3g} {unit}" if number < 1000 * size else f"{number // size} {unit}"
    return f"{number / 1000:.3g} k" if number < 999_500 else "1 M"
