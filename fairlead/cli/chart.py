"""Bars for a terminal, out of the eighths of a block that every font has."""

from __future__ import annotations

from collections.abc import Sequence

_UPWARDS = " ▁▂▃▄▅▆▇█"
_RIGHTWARDS = " ▏▎▍▌▋▊▉█"
_EIGHTHS = 8


def bar(value: float, most: float, width: int) -> str:
    """A bar to the right, `width` characters long for `most`; whatever is not nothing can be seen."""
    if most <= 0 or value <= 0:
        return " " * width
    eighths = max(1, round(min(value / most, 1) * width * _EIGHTHS))
    whole, rest = divmod(eighths, _EIGHTHS)
    return ("█" * whole + (_RIGHTWARDS[rest] if rest else "")).ljust(width)


def columns(values: Sequence[float], *, height: int, thick: int = 1) -> list[str]:
    """Upright bars side by side, as lines from the top; the tallest reaches it."""
    most = max(values, default=0)
    tall = [_eighths(value, most, height) for value in values]
    return [
        "".join(_UPWARDS[min(max(eighths - row * _EIGHTHS, 0), _EIGHTHS)] * thick for eighths in tall)
        for row in reversed(range(height))
    ]


def fitted(values: Sequence[float], width: int) -> tuple[list[float], int]:
    """At most `width` values, neighbours added up where there are more; and how many make one."""
    together = max(1, -(-len(values) // max(width, 1)))
    return [sum(values[at : at + together]) for at in range(0, len(values), together)], together


def _eighths(value: float, most: float, height: int) -> int:
    return max(1, round(value / most * height * _EIGHTHS)) if most > 0 and value > 0 else 0
