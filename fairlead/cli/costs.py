"""`fairlead costs`."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from fairlead.cli.cost_page import cost_page
from fairlead.cli.reach import reach
from fairlead.cli.say import AsJson, out, safe, say_json
from fairlead.errors import InvalidInput

app = typer.Typer(add_completion=False)
_COLUMNS = ("calls", "failed", "hits", "tokens_in", "cached_in", "cache_written", "tokens_out", "reasoning",
            "cost_usd", "saved_usd")  # fmt: skip
_FORMULA = ("=", "+", "-", "@")


@app.command()
def costs(
    since: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="2026-11-01, 24h, 7d, today. UTC. Not given: 24h ago.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="A day is included. Not given: now.")
    ] = None,
    by: Annotated[
        str, typer.Option(help="One or more of model, provider, agent, user, release, key, outcome, hour, day.")
    ] = "model,user,agent",
    top: Annotated[int, typer.Option(min=1, max=1000, help="So many of each, and so many of the dearest runs.")] = 10,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, for spreadsheets.")] = False,
    json: AsJson = False,
) -> None:
    """What model calls cost: in all, over time, by whom, and in which runs."""
    if as_csv and json:
        raise InvalidInput("Give one of --csv and --json.")
    with reach() as reached:
        report = reached.client.get("/costs", **{"from": since, "to": until}, by=by, top=top)
    if json:
        say_json(report)
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(("group", "name", *_COLUMNS))
        writer.writerows(_rows(report))
    else:
        for part in cost_page(report, width=out.width):
            out.print(part)


def _rows(report: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """One table of everything: what a row is about is in its first column."""
    yield _row("total", "", report["totals"])
    for dimension, parts in report["by"].items():
        for part in parts:
            yield _row(dimension, part["at"] if "at" in part else part["name"] or "", part)
    for run in report["runs"]:
        yield _row("run", run["run_id"], run)


def _row(group: str, name: str, values: dict[str, Any]) -> tuple[str, ...]:
    return (group, _cell(name), *(_number(values.get(column)) for column in _COLUMNS))


def _cell(name: str) -> str:
    """Names come from callers: a spreadsheet must not take one for a formula."""
    return f"'{safe(name)}" if name.startswith(_FORMULA) else safe(name)


def _number(value: float | None) -> str:
    """Money to the nano-dollar, never as 1e-05."""
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.9f}".rstrip("0").rstrip(".")
