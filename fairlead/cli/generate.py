"""`fairlead generate …`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from fairlead.cli.exits import Exit
from fairlead.cli.say import AsJson, say, say_json
from fairlead.errors import InvalidInput
from fairlead.operate.monitoring import PARTS, Profile, State, differences, monitoring_files, write_folder

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Write files that other tools load.")


@app.callback()
def generate() -> None:
    """A group, though there is one command in it yet."""


@app.command()
def monitoring(
    to: Annotated[Path, typer.Option(help="The folder.")] = Path("monitoring"),
    profile: Annotated[Profile, typer.Option(help="How soon alerts fire.")] = Profile.STANDARD,
    only: Annotated[str, typer.Option(help=f"Some of {', '.join(PARTS)}, with commas.", show_default=False)] = "",
    runbooks: Annotated[str, typer.Option(metavar="URL", help="Where runbooks/ is served: alerts link there.",
                                          show_default=False)] = "",
    check: Annotated[bool, typer.Option("--check", help="Write nothing. Exit code 1: it would be other.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also over files that somebody has edited.")] = False,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Prometheus's rules and their tests, Alertmanager's routes, Grafana's dashboards, and where logs go: Loki,
    Elasticsearch, CloudWatch. Files that somebody has edited are kept."""
    parts = [one.strip() for one in only.split(",") if one.strip()]
    if unknown := [one for one in parts if one not in PARTS]:
        raise InvalidInput(f"There is no part {unknown[0]!r}.", hint=f"There are {', '.join(PARTS)}.")
    files = monitoring_files(profile, parts, runbooks=_address(runbooks))
    found = differences(to, files) if check else write_folder(to, files, force=force)
    if json:
        say_json({"folder": str(to), "files": found})
    else:
        _say(to, found, check=check)
    raise typer.Exit(Exit.FAILED if check and set(found.values()) - {State.SAME} else Exit.OK)


def _address(given: str) -> str:
    if given and not given.startswith(("http://", "https://")):
        raise InvalidInput(f"{given!r} is no address.", hint="Such as https://wiki.example.com/runbooks")
    return given.rstrip("/")


def _say(to: Path, found: Mapping[str, State], *, check: bool) -> None:
    other = {name: state for name, state in found.items() if state is not State.SAME}
    if check:
        for name, state in other.items():
            say(f"{state.value:8} {to / name}", "yellow")
        say("All of it is as it would be." if not other else f"{len(other)} files would be written.")
    else:
        say(f"Wrote {len(other)} of {len(found)} files to {to}; the others are as they were. See {to / 'README.md'}.")
