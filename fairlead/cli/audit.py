"""`fairlead audit …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.table import Table
from rich.text import Text

from fairlead.cli.client import Client
from fairlead.cli.exits import Exit
from fairlead.cli.figures import ago
from fairlead.cli.reach import reach
from fairlead.cli.say import AsJson, out, safe, say, say_json
from fairlead.clock import SystemClock
from fairlead.errors import InvalidInput

app = typer.Typer(add_completion=False, no_args_is_help=True, help="See who did what, and that nobody changed the log.")
Tenant = Annotated[str | None, typer.Option(help="Of this tenant. Default: your own.", show_default=False)]
_PAGE = 1000


@app.command("list")
def list_entries(
    action: Annotated[str | None, typer.Option(help="Such as key.create.")] = None,
    by: Annotated[str | None, typer.Option(help="Who did it: key:NAME, user:NAME.")] = None,
    subject: Annotated[str | None, typer.Option(help="To what it was done.")] = None,
    before: Annotated[int | None, typer.Option(min=1, help="Older than this number: the next page.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=_PAGE, help="At most this many.")] = 50,
    tenant: Tenant = None,
    json: AsJson = False,
) -> None:
    """Who did what, newest first."""
    with reach() as reached:
        found = reached.client.get("/audit", action=action, by=by, subject=subject, before=before, limit=limit,
                                   tenant=tenant)  # fmt: skip
    if json:
        say_json(found)
    elif found:
        out.print(_listing(found))
    else:
        say("Nothing of this kind was done.")


@app.command()
def verify(
    head: Annotated[str | None, typer.Option(metavar="SEQ:HASH", help="A head that was kept: proves the end.")] = None,
    tenant: Tenant = None,
    json: AsJson = False,
) -> None:
    """Look at every entry. Exit code 1: something was changed, taken away, put in or cut off."""
    with reach() as reached:
        found = reached.client.get("/audit/verify", head=head, tenant=tenant)
    if json:
        say_json(found)
    elif found["whole"]:
        keyed = f", {found['keyed']} of them with the secret" if found["keyed"] else ""
        say(f"Whole: {found['entries']} entries{keyed}. Keep this head elsewhere:")
        say(found["head"])
    else:
        for fault in found["faults"]:
            say(fault, "red")
    raise typer.Exit(Exit.OK if found["whole"] else Exit.FAILED)


@app.command()
def export(
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="A line of JSON for each entry. It must be new.")],
    tenant: Tenant = None,
) -> None:
    """Write the whole log to a file, in order."""
    try:
        with reach() as reached, to.open("xb") as file:
            count = sum(file.write(orjson.dumps(one) + b"\n") > 0 for one in _every(reached.client, tenant))
    except FileExistsError:
        raise InvalidInput(f"{to} is there already.", hint="Choose another name.") from None
    except OSError as error:
        raise InvalidInput(f"{to} can't be written: {error.strerror}.") from error
    say(f"{count} entries are in {to}.")


def _every(client: Client, tenant: str | None) -> Any:
    after = 0
    while found := client.get("/audit", after=after, limit=_PAGE, tenant=tenant):
        yield from found
        after = found[-1]["seq"]


def _listing(entries: list[dict[str, Any]]) -> Table:
    table, now = Table(box=None, pad_edge=False, header_style="dim"), SystemClock().now()
    for heading in ("no.", "when", "who", "did", "to", "detail"):
        table.add_column(heading, no_wrap=heading in ("no.", "when", "did"))
    for entry in entries:
        detail = ", ".join(f"{name}={value}" for name, value in entry["detail"].items() if value is not None)
        cells = (str(entry["seq"]), ago(entry["at"], now), entry["by"], entry["action"], entry["subject"], detail)
        table.add_row(*(Text(safe(cell)) for cell in cells))
    return table
