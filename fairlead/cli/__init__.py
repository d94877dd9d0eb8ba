"""The `fairlead` command: one file for each noun.

Main path: read the arguments, call one part, print; exit codes live in `cli/exits.py`. A command's file is loaded
when the command is used, so that each starts at once.

May import: everything but testing.
"""

from __future__ import annotations

import typer

import fairlead
from fairlead.cli import exits
from fairlead.cli import unhurried as unhurried
from fairlead.cli.lazy import LazyGroup

EPILOG = "Exit codes: " + "; ".join(f"{code.value} {code.says}" for code in exits.Exit) + "."

main = typer.Typer(
    name="fairlead", cls=LazyGroup, no_args_is_help=True, epilog=EPILOG, pretty_exceptions_enable=False,
    help="Run AI agents durably. Begin with `fairlead demo`, or `fairlead init` and `fairlead dev`.",
)  # fmt: skip


@main.callback(invoke_without_command=True)
def entry(version: bool = typer.Option(False, "--version", help="Print the version and leave.")) -> None:
    if version:
        typer.echo(f"fairlead {fairlead.__version__}")
        raise typer.Exit
