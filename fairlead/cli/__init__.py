"""The `fairlead` command: one file for each noun.

Main path: read the arguments, call one part, print; exit codes live in `cli/exits.py`.

May import: everything but testing.
"""

from __future__ import annotations

import typer

import fairlead

main = typer.Typer(name="fairlead", no_args_is_help=True, help="Run AI agents durably.")


@main.callback(invoke_without_command=True)
def entry(version: bool = typer.Option(False, "--version", help="Print the version and leave.")) -> None:
    if version:
        typer.echo(f"fairlead {fairlead.__version__}")
        raise typer.Exit
