"""`fairlead users …`."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from fairlead.access import Role
from fairlead.cli.client import asking, part
from fairlead.cli.figures import ago
from fairlead.cli.reach import reach
from fairlead.cli.say import AsJson, confirm, out, safe, say, say_json
from fairlead.clock import SystemClock

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Make and list users, give roles, disable, delete.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="As keys call their owner, and tokens their user.")]
Tenant = Annotated[str | None, typer.Option(help="Of this tenant. Default: your own.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
_STYLES = {"active": "green", "disabled": "red"}


@app.command()
def create(
    name: Name,
    role: Annotated[Role, typer.Option(help="How far they are trusted.")] = Role.VIEWER,
    email: Annotated[str | None, typer.Option(help="Where they sign in with an email address.")] = None,
    tenant: Tenant = None,
    json: AsJson = False,
) -> None:
    """Make a user: somebody who may sign in, and to whom keys can belong."""
    given = {"name": name, "role": role.value, "email": email, "tenant": tenant}
    with reach() as reached:
        made = reached.client.post("/users", {field: value for field, value in given.items() if value})
    if json:
        say_json(made)
    else:
        say(f"{made['name']} is {made['role']} in {made['tenant']}.")


@app.command("list")
def list_users(
    before: Annotated[str | None, typer.Option(help="Older than the user of this id: the next page.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="At most this many.")] = 100,
    tenant: Tenant = None,
    json: AsJson = False,
) -> None:
    """Users, newest first."""
    with reach() as reached:
        found = reached.client.get("/users", before=before, limit=limit, tenant=tenant)
    if json:
        say_json(found)
    elif found:
        out.print(_listing(found))
    else:
        say("No users. They come with their first sign-in, or: fairlead users create NAME")


@app.command()
def role(
    name: Name,
    role: Annotated[Role, typer.Argument(help="How far they are trusted from now on.")],
    tenant: Tenant = None,
    json: AsJson = False,
) -> None:
    """Give a user another role. They sign in anew, and tokens from before open nothing."""
    _change(name, tenant, {"role": role.value}, json=json)


@app.command()
def disable(name: Name, tenant: Tenant = None, json: AsJson = False) -> None:
    """From now on nothing of theirs opens: sign-ins, tokens, keys they own. Open streams end."""
    _change(name, tenant, {"disabled": True}, json=json)


@app.command()
def enable(name: Name, tenant: Tenant = None, json: AsJson = False) -> None:
    """Let a disabled user in again."""
    _change(name, tenant, {"disabled": False}, json=json)


@app.command()
def delete(name: Name, tenant: Tenant = None, yes: Yes = False) -> None:
    """Delete a user and revoke their keys. Their runs and messages stay: see `fairlead data delete`."""
    confirm(f"Delete {name}, and revoke their keys?", yes=yes)
    with reach() as reached:
        reached.client.delete(f"/users/{part(name)}", tenant=tenant)
    say(f"{name} is deleted.")


def _change(name: str, tenant: str | None, change: dict[str, Any], *, json: bool) -> None:
    with reach() as reached:
        found = reached.client.patch(asking(f"/users/{part(name)}", {"tenant": tenant}), change)
    if json:
        say_json(found)
    else:
        say(f"{found['name']} is {found['role']}, {found['status']}.")


def _listing(users: list[dict[str, Any]]) -> Table:
    table, now = Table(box=None, pad_edge=False, header_style="dim"), SystemClock().now()
    for heading in ("user", "status", "role", "email", "tenant", "last seen", "made by"):
        table.add_column(heading, no_wrap=heading in ("user", "status"))
    for user in users:
        seen = ago(user["last_seen_at"], now) if user["last_seen_at"] else "never"
        cells = (user["role"], user["email"] or "-", user["tenant"], seen, user["created_by"])
        status = Text(user["status"], _STYLES.get(user["status"], ""))
        table.add_row(Text(safe(user["name"]), "bold"), status, *(Text(safe(cell)) for cell in cells))
    return table
