"""`fairlead release …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fairlead.cli.say import AsJson, say, say_json
from fairlead.clock import SystemClock
from fairlead.ship.making_release import changelog_of, current, make_release, plan_release
from fairlead.ship.project_release import Part, parse_version

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Make a release of this project: version, changelog and tag."
)


@app.command()
def bump(
    part: Annotated[
        Part | None, typer.Argument(metavar="[major|minor|patch]", help="Default: what the changelog says.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    json: AsJson = False,
) -> None:
    """Raise the version, give what is unreleased in CHANGELOG.md its heading, commit and tag; all of it or nothing.

    Without a part: major when something is removed or breaks, minor when something is added, else patch.
    """
    root = Path.cwd()
    made = plan_release(root, part, day=SystemClock().now().date())
    if not dry_run:
        make_release(root, made)
    if json:
        say_json({
            "from": str(made.old), "version": str(made.new), "part": made.part.value, "tag": made.new.tag,
            "files": sorted(made.files), "notes": made.notes, "dry_run": dry_run,
        })  # fmt: skip
        return
    say(f"{made.old} → {made.new} ({made.part.value})", "bold")
    say(made.notes)
    say()
    if dry_run:
        say(f"Would change {' and '.join(sorted(made.files))}, commit, and tag {made.new.tag}.", "dim")
    else:
        say(f"Tagged {made.new.tag}. To publish it: git push --follow-tags", "dim")


@app.command()
def notes(
    version: Annotated[str | None, typer.Argument(metavar="VERSION", help="Default: the newest.")] = None,
    json: AsJson = False,
) -> None:
    """Print what the changelog says of a version: the notes of its release."""
    root = Path.cwd()
    changelog = changelog_of(root)
    wanted = parse_version(version) if version else changelog.newest or current(root)[1]
    found = changelog.notes(wanted)
    if json:
        say_json({"version": str(wanted), "notes": found})
    else:
        say(found)
