"""A cost report as rows for a spreadsheet: what a row is about is in its first column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_NUMBERS = ("calls", "failed", "hits", "tokens_in", "cached_in", "cache_written", "tokens_out", "reasoning",
            "cost_usd", "saved_usd")  # fmt: skip
COLUMNS = ("group", "name", *_NUMBERS)
_FORMULA = ("=", "+", "-", "@")


def cost_rows(report: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Of a report as `GET /costs` gives it, one table of everything."""
    yield _row("total", "", report["totals"])
    for dimension, parts in report["by"].items():
        for part in parts:
            yield _row(dimension, part["at"] if "at" in part else part["name"] or "", part)
    for run in report["runs"]:
        yield _row("run", run["run_id"], run)


def cell(text: str) -> str:
    """Names come from callers: a spreadsheet must not take one for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _row(group: str, name: str, values: Mapping[str, Any]) -> tuple[str, ...]:
    return (group, cell(name), *(_number(values.get(column)) for column in _NUMBERS))


def _number(value: float | None) -> str:
    """Money to the nano-dollar, never as 1e-05."""
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.9f}".rstrip("0").rstrip(".")
