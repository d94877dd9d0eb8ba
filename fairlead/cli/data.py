"""`fairlead data …`: what is held of a user, or of a tenant."""

from __future__ import annotations

import time
import zipfile
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import IO, Annotated, Any

import orjson
import typer
from rich.status import Status
from rich.table import Table
from rich.text import Text

from fairlead.cli.client import Client, Refused, Unreachable, asking, part
from fairlead.cli.figures import ago
from fairlead.cli.reach import reach
from fairlead.cli.say import AsJson, confirm, out, safe, say, say_json
from fairlead.clock import SystemClock
from fairlead.errors import InvalidInput

app = typer.Typer(add_completion=False, no_args_is_help=True, help="What is held of people: export it, delete it.")
User = Annotated[str | None, typer.Option(help="As keys call their owner, and runs their user.", show_default=False)]
Whole = Annotated[bool, typer.Option("--whole-tenant", help="Not one user: everything of the tenant.")]
Tenant = Annotated[str | None, typer.Option(help="Of this tenant. Default: your own.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
_EVERY = 0.5  # seconds
_UNKNOWN = 401
_MB = 1024**2


@app.command()
def export(
    to: Annotated[Path, typer.Option("--to", metavar="FILE.zip", help="What to write. It must be new.")],
    user: User = None,
    whole_tenant: Whole = False,
    tenant: Tenant = None,
    json: AsJson = False,
) -> None:
    """Write all that is held of a user into one file: a table of each kind, and the bytes of files."""
    whose = _whose(user, whole_tenant, tenant)
    if to.exists():
        raise InvalidInput(f"{to} is there already.", hint="Choose another name.")
    path = asking("/data/tenant" if whole_tenant else "/data", {"user": user, "tenant": tenant})
    aside = to.with_name(f".{to.name}.part")
    try:
        with reach() as reached, closing(_Archive(aside)) as archive, out.status("Asking") as shown:
            _write(archive, reached.client.lines(path), whose, shown)
        aside.rename(to)
    except OSError as error:
        raise InvalidInput(f"{to} can't be written: {error.strerror or error}.") from error
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
    if json:
        say_json({"file": str(to), "counts": archive.counts})
    elif archive.counts:
        out.print(_counted(archive.counts))
        say(f"All that is held of {whose} is in {to}.")
    else:
        say(f"Nothing is held of {whose}; {to} says so.")


@app.command()
def delete(
    user: User = None,
    whole_tenant: Whole = False,
    tenant: Tenant = None,
    wait: Annotated[bool, typer.Option(help="Until all is gone; else it goes on by itself.")] = True,
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """Delete all data of a user, or of a tenant, for good. Runs under way are cancelled, keys revoked."""
    whose = _whose(user, whole_tenant, tenant)
    confirm(f"Delete all data of {whose}, for good?", yes=yes)
    body = {"user": user, "whole_tenant": whole_tenant or None, "tenant": tenant}
    with reach(with_worker=True) as reached:
        made = reached.client.post("/data/erasures", {name: value for name, value in body.items() if value is not None})
        # An engine of our own ends with us, and with it the work.
        if wait or reached.own:
            made = _followed(reached.client, made, quiet=json)
    if json:
        say_json(made)
    elif made["finished_at"] is None:
        say(f"{made['id']} goes on by itself. See how far it is: fairlead data erasures --tenant {made['tenant']}")
    elif made["erased"]:
        out.print(_counted(made["erased"]))
        say(f"All data of {whose} is gone. Who did what stays in the audit log, and costs stay, as nobody's.")
    else:
        say(f"Nothing was held of {whose}.")


@app.command()
def erasures(
    user: Annotated[str | None, typer.Option(help="Those of this user, also when they are finished.")] = None,
    before: Annotated[str | None, typer.Option(help="Older than the erasure of this id: the next page.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="At most this many.")] = 20,
    tenant: Tenant = None,
    json: AsJson = False,
) -> None:
    """What was deleted, and how far that is."""
    with reach() as reached:
        found = reached.client.get("/data/erasures", user=user, before=before, limit=limit, tenant=tenant)
    if json:
        say_json(found)
    elif found:
        out.print(_listing(found))
    else:
        say("Nobody's data was deleted.")


def _whose(user: str | None, whole_tenant: bool, tenant: str | None) -> str:
    if (user is None) != whole_tenant:
        raise InvalidInput("Whose data?", hint="Say --user NAME or --whole-tenant.")
    return user if user is not None else f"tenant {tenant or 'default'}"


class _Archive:
    """Each kind in a file of its own, each content in one: what belongs together comes together."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
        self._name = ""
        self._entry: IO[bytes] | None = None
        self.counts = Counter[str]()
        self.bytes = 0

    def add(self, kind: str, data: dict[str, Any]) -> None:
        name = f"content/{data['reference']}" if kind == "content" else f"{kind}.jsonl"
        if self._entry is None or name != self._name:
            self._end()
            self._name, self._entry = name, self._zip.open(name, "w", force_zip64=True)
        self.counts[kind] += 1
        self.bytes += self._entry.write(b64decode(data["base64"]) if kind == "content" else orjson.dumps(data) + b"\n")

    def conclude(self, whose: str, end: dict[str, Any]) -> None:
        self._end()
        about = {
            "of": whose,
            **end,
            "content": "Bytes of files and large values, by their names in the other tables.",
        }
        self._zip.writestr("manifest.json", orjson.dumps(about, option=orjson.OPT_INDENT_2))

    def close(self) -> None:
        self._end()
        self._zip.close()

    def _end(self) -> None:
        if self._entry is not None:
            self._entry.close()
            self._entry = None


def _write(archive: _Archive, lines: Iterator[Any], whose: str, shown: Status) -> None:
    for line in lines:
        if line["kind"] == "end":
            if line["data"]["counts"] == archive.counts:
                archive.conclude(whose, line["data"])
                return
            break
        archive.add(line["kind"], line["data"])
        shown.update(f"{archive.counts.total()} things, {archive.bytes / _MB:.1f} MB")
    raise Unreachable("The answer was cut off; nothing is kept.", hint="Try it again.")


def _followed(client: Client, made: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    path = asking(f"/data/erasures/{part(made['id'])}", {"tenant": made["tenant"]})
    with out.status("Deleting") as shown:
        if quiet:
            shown.stop()
        while made["finished_at"] is None:
            time.sleep(_EVERY)
            try:
                made = client.get(path)
            except Refused as error:
                if error.status != _UNKNOWN:
                    raise
                return made  # the key is of the tenant that goes
            waits = f", waiting for {', '.join(made['waits_for'])} in use" if made["waits_for"] else ""
            shown.update(f"{sum(made['erased'].values())} things are gone{waits}")
    return made


def _counted(counts: Mapping[str, int]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(justify="right")
    for kind, count in counts.items():
        table.add_row(str(count), Text(safe(kind.replace("_", " ")), "dim"))
    return table


def _listing(found: list[dict[str, Any]]) -> Table:
    table, now = Table(box=None, pad_edge=False, header_style="dim"), SystemClock().now()
    for heading in ("erasure", "of", "asked", "by", "state", "gone"):
        table.add_column(heading, no_wrap=heading in ("erasure", "state"))
    for one in found:
        of = "the tenant" if one["whole_tenant"] else one["user"] or "forgotten"
        state = (
            "done" if one["finished_at"] else f"waits for {', '.join(one['waits_for'])}" if one["waits_for"] else "open"
        )
        cells = (
            one["id"],
            of,
            ago(one["requested_at"], now),
            one["requested_by"],
            state,
            str(sum(one["erased"].values())),
        )
        table.add_row(*(Text(safe(cell)) for cell in cells))
    return table
