"""`fairlead workers`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from fairlead.cli.figures import ago
from fairlead.cli.reach import reach
from fairlead.cli.say import AsJson, out, safe, say, say_json
from fairlead.clock import SystemClock

app = typer.Typer(add_completion=False)


@app.command()
def workers(
    all: Annotated[bool, typer.Option("--all", help="Those that were lost, too.")] = False, json: AsJson = False
) -> None:
    """The processes that run agents."""
    with reach() as reached:
        found = [one for one in reached.client.get("/workers") if all or one["alive"]]
    if json:
        say_json(found)
        return
    if not found:
        say("No worker lives. Start one: fairlead dev, or fairlead work.")
        return
    table, now = Table(box=None, pad_edge=False, header_style="dim"), SystemClock().now()
    for heading in ("worker", "state", "release", "runs", "host", "pid", "since", "agents"):
        table.add_column(heading, no_wrap=heading != "agents")
    for one in found:
        state = "lost" if not one["alive"] else "draining" if one["draining"] else "working"
        cells = (one["id"], state, one["release"], f"{one['running']}/{one['slots']}", one["host"], str(one["pid"]),
                 ago(one["started_at"], now), ", ".join(one["agents"]))  # fmt: skip
        style = {"lost": "red", "draining": "yellow"}.get(state, "")
        table.add_row(*(Text(safe(cell), style) for cell in cells))
    out.print(table)
