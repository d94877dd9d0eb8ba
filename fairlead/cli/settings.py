"""`fairlead settings`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from fairlead.cli.say import AsJson, out, safe, say_json
from fairlead.wiring.project import settings_here

app = typer.Typer(add_completion=False)


@app.command()
def settings(
    changed: Annotated[bool, typer.Option("--changed", help="Only those that were set.")] = False, json: AsJson = False
) -> None:
    """Show every setting, its value and where it came from; of a secret only that it is set."""
    shown = [one for one in settings_here(needed_by=None).shown() if not changed or one.given]
    if json:
        say_json([{"name": one.name, "value": one.value, "origin": one.origin} for one in shown])
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("setting", "value", "from"):
        table.add_column(heading, overflow="fold")
    for one in shown:
        style = "bold" if one.given else ""
        table.add_row(Text(one.name, style), Text(safe(one.value), style), Text(safe(one.origin), "dim"))
    out.print(table)
