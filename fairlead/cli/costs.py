"""`fairlead costs`."""

from __future__ import annotations

import csv
import sys
from typing import Annotated

import typer

from fairlead.cli.cost_page import cost_page
from fairlead.cli.reach import reach
from fairlead.cli.say import AsJson, out, safe, say_json
from fairlead.errors import InvalidInput
from fairlead.web.cost_table import COLUMNS, cost_rows

app = typer.Typer(add_completion=False)


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
        writer.writerow(COLUMNS)
        writer.writerows([safe(text) for text in row] for row in cost_rows(report))
    else:
        for part in cost_page(report, width=out.width):
            out.print(part)
