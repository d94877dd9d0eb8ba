"""`fairlead keys …`."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

import typer
from rich.table import Table
from rich.text import Text

from fairlead.access import Role, Scope
from fairlead.cli.client import part
from fairlead.cli.figures import ago, moment, seconds, usd
from fairlead.cli.reach import reach
from fairlead.cli.say import AsJson, err, out, safe, say, say_json
from fairlead.clock import SystemClock
from fairlead.config.value import parse_duration
from fairlead.errors import InvalidInput

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Make, list, rotate and revoke API keys.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="What the key is called.")]
Tenant = Annotated[str | None, typer.Option(help="Of this tenant. Default: your own.", show_default=False)]
Expires = Annotated[str | None, typer.Option(metavar="TIME", help="When it ends: 12h, 90d.", show_default=False)]
_BUDGET = re.compile(r"(\d+(?:\.\d+)?)(?:/(day|month))?")
_PERIODS = {"day": "/day", "month": "/month", "total": ""}
_DAY = 24 * 3600
_STYLES = {"valid": "green", "expired": "yellow", "revoked": "red"}


@app.command()
def create(
    name: Name,
    owner: Annotated[str | None, typer.Option(help="The user on whose behalf it asks.")] = None,
    role: Annotated[Role, typer.Option(help="How far it is trusted.")] = Role.OPERATOR,
    scope: Annotated[
        list[Scope] | None, typer.Option(help="What it is for; again for more. Default: all that its role may do.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="A model it may ask: openai/gpt-5, openai/*; again for more.")
    ] = None,
    budget_usd: Annotated[
        list[str] | None, typer.Option(help="What it may spend: 5/day, 100/month, 500 in all; again for more.")
    ] = None,
    rpm: Annotated[int | None, typer.Option(min=1, help="Requests to models in a minute.")] = None,
    tpm: Annotated[int | None, typer.Option(min=1, help="Tokens of models in a minute.")] = None,
    expires: Expires = None,
    label: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="For the cost report.")] = None,
    tenant: Tenant = None,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Make a key. It is shown once."""
    given: dict[str, Any] = {
        "name": name, "owner": owner, "role": role.value, "scopes": [one.value for one in scope] if scope else None,
        "models": model, "budget_usd": _budget(budget_usd or []), "requests_per_minute": rpm, "tokens_per_minute": tpm,
        "expires_after_seconds": _seconds(expires), "metadata": _labels(label or []), "tenant": tenant,
    }  # fmt: skip
    with reach() as reached:
        made = reached.client.post("/keys", {field: value for field, value in given.items() if value})
    _show_made(made, json=json)


@app.command("list")
def list_keys(
    owner: Annotated[str | None, typer.Option(help="Of this user.")] = None,
    revoked: Annotated[bool, typer.Option("--revoked", help="Those that were revoked, too.")] = False,
    before: Annotated[str | None, typer.Option(help="Older than the key of this id: the next page.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="At most this many.")] = 100,
    tenant: Tenant = None,
    json: AsJson = False,
) -> None:
    """Keys, newest first."""
    with reach() as reached:
        found = reached.client.get("/keys", owner=owner, revoked="true" if revoked else None, before=before,
                                   limit=limit, tenant=tenant)  # fmt: skip
    if json:
        say_json(found)
    elif found:
        out.print(_listing(found))
    else:
        say("No keys. Make one: fairlead keys create NAME --role admin")


@app.command()
def show(name: Name, tenant: Tenant = None, json: AsJson = False) -> None:
    """One key: what it may do and spend, and when it was used."""
    with reach() as reached:
        found = reached.client.get(f"/keys/{part(name)}", tenant=tenant)
    if json:
        say_json(found)
    else:
        _show(found)


@app.command()
def rotate(
    name: Name,
    overlap: Annotated[str, typer.Option(metavar="TIME", help="How long the key before it still opens: 24h.")] = "0s",
    expires: Expires = None,
    tenant: Tenant = None,
    json: AsJson = False,
) -> None:
    """Give a key a new secret. It is shown once; owner, limits and budgets go on."""
    body = {"overlap_seconds": _seconds(overlap) or 0, "expires_after_seconds": _seconds(expires)}
    with reach() as reached:
        asked = f"?{urlencode({'tenant': tenant})}" if tenant else ""
        made = reached.client.post(f"/keys/{part(name)}/rotate{asked}", body)
    _show_made(made, json=json)


@app.command()
def revoke(name: Name, tenant: Tenant = None, json: AsJson = False) -> None:
    """End a key at once, for good: every process refuses it within a second."""
    with reach() as reached:
        found = reached.client.delete(f"/keys/{part(name)}", tenant=tenant)
    if json:
        say_json(found)
    else:
        say(f"{found['name']} is revoked.")


def _show_made(made: dict[str, Any], *, json: bool) -> None:
    """The key alone on stdout, so that it can be piped; the rest on stderr."""
    if json:
        say_json(made)
        return
    err.print(Text(safe(f"{made['name']}: {made['role']} for {', '.join(made['scopes'])}; {_ends(made)}")))
    say(made["key"])
    err.print(Text("Keep it: it is not shown again. Send it as X-API-Key or Authorization: Bearer.", style="dim"))


def _show(key: dict[str, Any]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    for cell in _facts(key, SystemClock().now()):
        table.add_row(Text(cell[0], "dim"), Text(safe(cell[1])))
    out.print(table)


def _facts(key: dict[str, Any], now: datetime) -> list[tuple[str, str]]:
    labels = ", ".join(f"{name}={value}" for name, value in key["metadata"].items())
    facts = [
        ("key", f"{key['name']} ({key['id']})"), ("standing", key["standing"]), ("owner", key["owner"]),
        ("tenant", key["tenant"]), ("role", key["role"]), ("for", ", ".join(key["scopes"])),
        ("models", ", ".join(key["models"]) or "all"), ("budget", _spend(key)), ("limits", _limits(key)),
        ("labels", labels), ("made", f"{ago(key['created_at'], now)} by {key['created_by']}"), ("ends", _ends(key)),
        ("rotated", key["rotated_at"] and ago(key["rotated_at"], now)),
        ("revoked", key["revoked_at"] and f"{ago(key['revoked_at'], now)} by {key['revoked_by']}"),
        ("last used", ago(key["last_used_at"], now) if key["last_used_at"] else "never"),
    ]  # fmt: skip
    return [(name, value) for name, value in facts if value]


def _listing(keys: list[dict[str, Any]]) -> Table:
    table, now = Table(box=None, pad_edge=False, header_style="dim"), SystemClock().now()
    for heading in ("key", "standing", "owner", "role", "for", "models", "budget", "limits", "ends", "last used"):
        table.add_column(heading, no_wrap=heading in ("key", "standing"))
    for key in keys:
        cells = (key["name"], key["standing"], key["owner"] or "-", key["role"], ", ".join(key["scopes"]),
                 ", ".join(key["models"]) or "all", _spend(key) or "-", _limits(key) or "-", _ends(key),
                 ago(key["last_used_at"], now))  # fmt: skip
        styles = ("bold", _STYLES.get(key["standing"], ""))
        table.add_row(*(Text(safe(cell), styles[at] if at < len(styles) else "") for at, cell in enumerate(cells)))
    return table


def _spend(key: dict[str, Any]) -> str:
    budget = key["budget_usd"]
    return ", ".join(usd(budget[name]) + per for name, per in _PERIODS.items() if budget[name])


def _limits(key: dict[str, Any]) -> str:
    given = [(key["requests_per_minute"], "requests/min"), (key["tokens_per_minute"], "tokens/min")]
    return ", ".join(f"{amount} {what}" for amount, what in given if amount)


def _ends(key: dict[str, Any]) -> str:
    end = moment(key["expires_at"])
    if end is None:
        return "never ends"
    left = (end - SystemClock().now()).total_seconds()
    if left <= 0:
        return "has ended"
    return f"ends in {round(left / _DAY)} days" if left > 2 * _DAY else f"ends in {seconds(left)}"


def _budget(given: list[str]) -> dict[str, float]:
    budget: dict[str, float] = {}
    for one in given:
        match = _BUDGET.fullmatch(one.strip().removeprefix("$"))
        if match is None:
            raise InvalidInput(f"{one} is no budget.", hint="Write 5/day, 100/month, or 500 for all time.")
        period = match.group(2) or "total"
        if period in budget:
            raise InvalidInput(f"There are two budgets for one {period}.", hint="Give one of them.")
        budget[period] = float(match.group(1))
    return budget


def _labels(given: list[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in given]
    if bad := [name for name, sign, value in pairs if not (name and sign and value)]:
        raise InvalidInput(f"{bad[0]} is no label.", hint="Write it as team=search.")
    return {name: value for name, _, value in pairs}


def _seconds(given: str | None) -> float | None:
    if given is None:
        return None
    try:
        return parse_duration(given).total_seconds()
    except ValueError as error:
        raise InvalidInput(f"{given}: {error}.", hint="Such as 12h or 90d.") from error
