"""`fairlead backup …`."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from fairlead.cli.exits import Exit
from fairlead.cli.figures import ago
from fairlead.cli.say import AsJson, confirm, out, safe, say, say_facts, say_json, warn
from fairlead.clock import SystemClock
from fairlead.operate import backup as backups
from fairlead.operate.backup import Entry, Manifest, Restored, State, Subject, Tell
from fairlead.operate.backup.manifest import plain
from fairlead.wiring.backing_up import backup_subject
from fairlead.wiring.project import settings_here

app = typer.Typer(
    add_completion=False, no_args_is_help=True,
    help="Back up the database and large values, prove that they can be restored, and restore them.",
)  # fmt: skip
Id = Annotated[str, typer.Argument(metavar="BACKUP", help="Its id, or `latest`: the newest verified one.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
_MB = 1024**2
_STYLES = {State.VERIFIED: "green", State.DAMAGED: "bold red", State.HALF: "red", State.BEING_MADE: "yellow"}


@app.command()
def create(
    why: Annotated[str, typer.Option(help="Kept with it, for whoever looks for it.", show_default=False)] = "",
    verify: Annotated[bool, typer.Option(help="Restore it into scratch, to see that it is good.")] = True,
    json: AsJson = False,
) -> None:
    """Back up beside running writers. Exit code 1: it could not be taken, or it is not good; 5: the database can't be
    reached; 6: pg_dump or a right is missing."""
    with _told(json=json) as tell:
        manifest = asyncio.run(backups.take(_subject(), why=why, check=verify, tell=tell))
    if json:
        say_json({"event": "backup_taken", "verified": verify, **plain(manifest)})
        return
    _say_blobs(manifest)
    say(f"{manifest.id} is there{' and verified' if verify else ', and not verified'}: {_sum(manifest)}.",
        "green" if verify else "yellow")  # fmt: skip


@app.command(name="list")
def list_(json: AsJson = False) -> None:
    """Backups, newest first."""
    subject = _subject()
    found = subject.archive.list()
    if json:
        say_json([_json(one) for one in found])
    elif found:
        out.print(_listing(found))
    else:
        say(f"There is no backup in {subject.archive.folder}: fairlead backup create")


@app.command()
def show(backup: Id, json: AsJson = False) -> None:
    """What is in one. Exit code 1: it is damaged, or half a one; 3: there is none of that id."""
    entry = _subject().archive.find(backup)
    if json:
        say_json(_json(entry))
    else:
        say(entry.id, "bold")
        say(f"{_words(entry.state)}{f': {entry.said}' if entry.said else ''}", _STYLES.get(entry.state, ""))
        if entry.manifest is not None:
            say_facts(_facts(entry.manifest))
            _say_blobs(entry.manifest)
    if entry.state in (State.DAMAGED, State.HALF):
        raise typer.Exit(Exit.FAILED)


@app.command()
def verify(backup: Id = "latest", json: AsJson = False) -> None:
    """Restore one into scratch and compare it with what was backed up; look at every large value. Exit code 1: it is
    damaged; 5 or 6: it could not be tried."""
    subject = _subject()
    id = subject.archive.find(backup).id
    with _told(json=json) as tell:
        found = asyncio.run(backups.verify(subject, id, tell=tell))
    if json:
        say_json({"event": "backup_verified", "id": id, **plain(found)})
    else:
        say(f"{id} is good: {found.said}.", "green")


@app.command()
def restore(backup: Id, yes: Yes = False, json: AsJson = False) -> None:
    """Put a backup in the place of what is there. Asks first; nobody else may use the database.

    What is there is backed up before, and kept under another name after. Exit code 1: the backup is damaged or a disk
    full; 4: somebody uses the database. Then nothing was changed.
    """
    subject = _subject()
    manifest, _ = subject.archive.whole(backup)
    confirm(_question(manifest, subject), yes=yes)
    with _told(json=json) as tell:
        done = asyncio.run(backups.restore(subject, manifest.id, tell=tell))
    if json:
        say_json({"event": "restored", "id": manifest.id, **{k: v for k, v in asdict(done).items() if k != "manifest"}})
    else:
        _say_restored(done, subject)


@app.command()
def prune(yes: Yes = False, json: AsJson = False) -> None:
    """Remove backups older than RETENTION_DAYS, halves of backups, and what restores that died have left. The newest
    verified one stays, whatever its age."""
    subject, settings = _subject(), settings_here()
    found = backups.prunable(subject, timedelta(days=settings.backup.retention_days))
    if found.expired or found.forsaken:
        confirm(f"Remove {len(found.expired)} backups older than {settings.backup.retention_days} days and "
                f"{len(found.forsaken)} that were never whole?", yes=yes)  # fmt: skip
    gone = asyncio.run(backups.prune(subject, found))
    if json:
        say_json(gone)
    else:
        say(f"{', '.join(gone)}: gone." if gone else "There is nothing to remove.")


def _subject() -> Subject:
    return backup_subject(settings_here())


@contextmanager
def _told(*, json: bool) -> Generator[Tell]:
    """What is done, while it is done: a line of JSON for each step, or one line on the terminal."""
    if json:
        yield lambda step, said: say_json({"event": "step", "step": step, "said": said})
        return
    with out.status("") as shown:
        yield lambda step, said: shown.update(Text(safe(said)))


def _question(manifest: Manifest, subject: Subject) -> str:
    of = f"the {manifest.environment} database {manifest.database} as it was {_ago(manifest)} ({manifest.id})"
    return f"Put {of} in the place of {subject.database.name}, {subject.environment}?"


def _say_restored(done: Restored, subject: Subject) -> None:
    say(
        f"{subject.database.name} is what it was {_ago(done.manifest)}; {done.blobs} large values were put back.",
        "green",
    )
    if done.kept_as is not None:
        say(f"What was there is kept as {done.kept_as}; remove it when nobody needs it.")
    if done.safety is not None:
        say(f"To undo this: fairlead backup restore {done.safety}")
    say("Start again what was stopped: fairlead serve, fairlead work.")


def _say_blobs(manifest: Manifest) -> None:
    if missing := manifest.blobs.missing:
        warn(f"{len(missing)} large values that the database names were not there: retention removed them, or they are "
             f"lost. {', '.join(missing[:3])}")  # fmt: skip
    if damaged := manifest.blobs.damaged:
        warn(f"{len(damaged)} large values are damaged where they are kept, and not in it. {', '.join(damaged[:3])}")


def _sum(manifest: Manifest) -> str:
    rows = sum(manifest.contents.tables.values())
    return f"{rows} rows, {manifest.size / _MB:.1f} MB, {manifest.blobs.count} large values"


def _facts(manifest: Manifest) -> list[tuple[str, object]]:
    contents = manifest.contents
    return [
        ("made", f"{manifest.made_at:%Y-%m-%d %H:%M:%S} UTC, {_ago(manifest)}, by Fairlead {manifest.fairlead}"),
        ("why", manifest.why), ("environment", manifest.environment),
        ("database", f"{manifest.database} ({contents.server})"),
        ("schema", ", ".join(f"{part} {number}" for part, number in sorted(contents.schema.items()))),
        ("rows", ", ".join(f"{name} {rows}" for name, rows in sorted(contents.tables.items()) if rows)),
        ("files", ", ".join(f"{file.name} {file.size / _MB:.1f} MB" for file in manifest.files)),
        ("large values", f"{manifest.blobs.count}, {manifest.blobs.bytes / _MB:.1f} MB"),
    ]  # fmt: skip


def _listing(found: list[Entry]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("backup", "state", "made", "environment", "what", "why"):
        table.add_column(heading, no_wrap=heading in ("backup", "state"))
    for one in found:
        made = one.manifest
        cells = (_ago(made), made.environment, _sum(made), made.why) if made else ("-", "-", one.said, "")
        state = Text(_words(one.state), _STYLES.get(one.state, ""))
        table.add_row(one.id, state, *(Text(safe(cell)) for cell in cells))
    return table


def _json(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id, "state": entry.state.value, "said": entry.said,
        "manifest": None if entry.manifest is None else plain(entry.manifest),
        "verification": None if entry.verification is None else plain(entry.verification),
    }  # fmt: skip


def _words(state: State) -> str:
    return state.value.replace("_", " ")


def _ago(manifest: Manifest) -> str:
    return ago(manifest.made_at.isoformat(), SystemClock().now())
