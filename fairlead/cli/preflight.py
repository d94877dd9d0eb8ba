"""`fairlead preflight`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from fairlead.cli.checklist import exit_of_verdict, say_looked
from fairlead.cli.say import AsJson, say, say_json
from fairlead.errors import InvalidInput
from fairlead.ship.verdict import Verdict
from fairlead.wiring.checking import preflight as look_before

app = typer.Typer(add_completion=False)


@app.command()
def preflight(
    release: Annotated[
        str | None, typer.Option(help="Default: the one the settings name.", show_default=False)
    ] = None,
    source: Annotated[Path | None, typer.Option(help="The folder with its code; the project's.",
    show_default=False)] = None,
    url: Annotated[str, typer.Option(help="Where the service answers; else as [checklist] says.")] = "",
    json: AsJson = False,
) -> None:  # fmt: skip
    """Look at all a machine can see before a deploy. Exit code 1: something failed; 9: it is unclear."""
    if source is not None and not source.is_dir():
        raise InvalidInput(f"{source} is no folder with code.")
    tell = None if json else say_looked
    whole, *found = asyncio.run(look_before(about=release, source=source, url=url, tell=tell))
    if json:
        say_json({"verdict": whole.verdict.value, "said": whole.said,
                  "items": [{"item": one.about, "verdict": one.verdict.value,
                  "said": one.said} for one in found]})  # fmt: skip
    elif whole.verdict is Verdict.PASS:
        say("Ready to deploy, as far as a machine can see.", "bold green")
    else:
        say(whole.said, "bold red" if whole.verdict is Verdict.FAIL else "bold yellow")
    raise typer.Exit(exit_of_verdict(whole.verdict))
