"""`fairlead budgets …`: what may be spent, and the kill switch."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from fairlead.cli.figures import usd
from fairlead.cli.reach import reach
from fairlead.cli.say import AsJson, out, safe, say, say_json
from fairlead.errors import InvalidInput

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Limit what is spent, and stop model calls.")
Scope = Annotated[
    str, typer.Argument(metavar="SCOPE", help="all, user:NAME, agent:NAME, key:NAME or metadata:KEY=VALUE.")
]
Stoppable = Annotated[
    str, typer.Argument(metavar="SCOPE", help="all, user:NAME, agent:NAME, key:NAME, provider:NAME, …")
]
Per = Annotated[str, typer.Option("--per", help="day, month or total.")]
_LOW = 0.8


@app.command("list")
def list_budgets(json: AsJson = False) -> None:
    """Every budget with what is spent and held, and what is stopped."""
    with reach() as reached:
        found, stops = reached.client.get("/budgets"), reached.client.get("/stops")
    if json:
        say_json({"budgets": found, "stops": stops})
        return
    for stop in stops:
        say(f"STOPPED {stop['scope']} by {stop['stopped_by']}: {stop['reason'] or 'no reason given'}", "bold red")
    if found:
        out.print(_listing(found))
    else:
        say("No budget limits anything. Set one: fairlead budgets set all 100 --per day")


@app.command("set")
def set_budget(
    scope: Scope, amount: Annotated[str, typer.Argument(metavar="USD", help="A number, or `unlimited`.")],
    per: Per = "day", json: AsJson = False,
) -> None:  # fmt: skip
    """Limit a scope from now on, in all processes. `user:*` gives each user a budget of that size."""
    body = {"scope": scope, "period": per, "usd": _amount(amount)}
    with reach() as reached:
        found = reached.client.post("/budgets", body)
    _show(found, scope, per, json=json)


@app.command()
def remove(scope: Scope, per: Per = "day", json: AsJson = False) -> None:
    """Go by the settings again."""
    with reach() as reached:
        found = reached.client.post("/budgets/remove", {"scope": scope, "period": per})
    if json:
        say_json(found)
    else:
        say(f"The limit of {scope} per {per} is removed.")


@app.command()
def stop(
    scope: Stoppable, reason: Annotated[str, typer.Option(help="Told to whoever is refused.")] = "",
    json: AsJson = False,
) -> None:  # fmt: skip
    """Kill switch: refuse these model calls and cut off those under way, in all processes."""
    with reach() as reached:
        stops = reached.client.post("/stops", {"scope": scope, "reason": reason})
    if json:
        say_json(stops)
    else:
        say(f"Model calls of {scope} are stopped.", "bold red")
        say(f"Let them go on: fairlead budgets resume {scope}", "dim")


@app.command()
def resume(scope: Stoppable, json: AsJson = False) -> None:
    """Let stopped model calls go on."""
    with reach() as reached:
        stops = reached.client.post("/stops/resume", {"scope": scope})
    if json:
        say_json(stops)
    else:
        say(f"Model calls of {scope} go on.")


def _amount(text: str) -> float | None:
    if text == "unlimited":
        return None
    try:
        amount = Decimal(text.removeprefix("$"))
    except InvalidOperation as error:
        raise InvalidInput(f"{text!r} is not an amount of USD.", hint="Write a number, or `unlimited`.") from error
    if not amount.is_finite() or amount < 0:
        raise InvalidInput(f"{text!r} is not an amount of USD.", hint="Write 0 or more.")
    return float(amount)


def _show(found: list[dict[str, Any]], scope: str, per: str, *, json: bool) -> None:
    if json:
        say_json(found)
        return
    for one in found:
        if (one["scope"], one["period"]) == (scope, per):
            limit = "without a limit" if one["limit_usd"] is None else f"limited to {usd(one['limit_usd'])}"
            say(f"{scope} is {limit} per {per}; {usd(one['spent_usd'])} spent so far.")


def _listing(found: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("scope", "per", "limit", "spent", "held", "remaining", "set by"):
        table.add_column(heading, no_wrap=True, justify="right" if heading in ("limit", "spent", "held") else "left")
    for one in found:
        limit, spent = one["limit_usd"], one["spent_usd"]
        style = "" if not limit or spent < _LOW * limit else "red" if spent >= limit else "yellow"
        cells = (one["scope"], one["period"], "unlimited" if limit is None else usd(limit), usd(spent),
                 usd(one["held_usd"]), usd(one["remaining_usd"]), one["set_by"])  # fmt: skip
        table.add_row(*(Text(safe(cell), "red" if one["stopped"] else style) for cell in cells))
    return table
