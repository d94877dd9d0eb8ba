"""`fairlead webhooks …`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from fairlead.cli.client import part
from fairlead.cli.figures import ago
from fairlead.cli.reach import reach
from fairlead.cli.say import AsJson, err, out, safe, say, say_json
from fairlead.clock import SystemClock
from fairlead.config.value import parse_duration
from fairlead.errors import InvalidInput

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Tell others of what becomes of runs.")
Webhook = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Its id.")]
_STYLES = {"delivered": "green", "pending": "yellow", "failed": "red"}


@app.command("list")
def list_webhooks(json: AsJson = False) -> None:
    """Webhooks, oldest first."""
    with reach() as reached:
        found = reached.client.get("/webhooks")
    if json:
        say_json(found)
    elif found:
        out.print(_table(("webhook", "address", "told", "agent", "standing"), [_row(one) for one in found]))
    else:
        say("No webhooks. Add one: fairlead webhooks add https://example.com/hook")


@app.command()
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="Called with POST.")],
    type: Annotated[
        list[str] | None, typer.Option("--type", help="run.success, run.*, approval.*, …; again for more.")
    ] = None,
    agent: Annotated[str | None, typer.Option(help="Only of this agent's runs.")] = None,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    json: AsJson = False,
) -> None:
    """Be told of what becomes of runs. Its secret is shown once."""
    body: dict[str, Any] = {"url": url, "types": type or ["*"], "description": description}
    with reach() as reached:
        made = reached.client.post("/webhooks", body | ({"agent": agent} if agent else {}))
    _show_secret(made, json=json)


@app.command()
def remove(webhook: Webhook) -> None:
    """Tell it nothing more."""
    with reach() as reached:
        reached.client.delete(f"/webhooks/{part(webhook)}")
    say(f"{webhook} is removed.")


@app.command()
def rotate(
    webhook: Annotated[str, typer.Argument(metavar="WEBHOOK", help="Its id; runs: what signs a run's own `webhook`.")],
    overlap: Annotated[str, typer.Option(metavar="TIME", help="How long the secret before it signs too.")] = "24h",
    json: AsJson = False,
) -> None:
    """Give a webhook a new secret. It is shown once."""
    with reach() as reached:
        made = reached.client.post(
            f"/webhooks/{part(webhook)}/rotate", {"overlap_seconds": _time(overlap).total_seconds()}
        )
    _show_secret(made, json=json)


@app.command()
def deliveries(
    webhook: Webhook,
    status: Annotated[str | None, typer.Option(help="pending, delivered or failed.")] = None,
    run: Annotated[str | None, typer.Option(help="Of this run.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="At most this many.")] = 20,
    json: AsJson = False,
) -> None:
    """What it was told, newest first, and what it said."""
    with reach() as reached:
        found = reached.client.get(f"/webhooks/{part(webhook)}/deliveries", status=status, run_id=run, limit=limit)
    if json:
        say_json(found)
        return
    now = SystemClock().now()
    rows = [
        (one["id"], one["status"], one["type"], one["run_id"], ago(one["created_at"], now),
         str(len(one["attempts"])), one["error"] or "")
        for one in found
    ]  # fmt: skip
    out.print(_table(("delivery", "status", "type", "run", "when", "attempts", "error"), rows))


@app.command()
def replay(
    webhook: Webhook,
    delivery: Annotated[str | None, typer.Option(help="This one.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="All of this long: 2h, 3d.")] = None,
) -> None:
    """Send again what was delivered or given up, under the same ids."""
    body = {"delivery_id": delivery} if delivery else {}
    if since:
        body["since"] = (SystemClock().now() - _time(since)).isoformat()
    with reach() as reached:
        again = reached.client.post(f"/webhooks/{part(webhook)}/replay", body)
    say(f"{len(again['deliveries'])} to be sent again.")


@app.command()
def test(webhook: Webhook) -> None:
    """Send it something that stands for nothing."""
    with reach() as reached:
        made = reached.client.post(f"/webhooks/{part(webhook)}/test")
    say(f"{made['id']} is on its way: fairlead webhooks deliveries {webhook}")


def _show_secret(made: dict[str, Any], *, json: bool) -> None:
    """The secret alone on stdout, so that it can be piped."""
    if json:
        say_json(made)
        return
    err.print(Text(safe(f"{made['id']}: {made['url'] or 'the webhook of single runs'}")))
    say(made["secret"])
    err.print(Text("Keep it: it is not shown again. It verifies the header webhook-signature.", style="dim"))


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    standing = "enabled" if one["enabled"] else f"disabled: {one['disabled_reason'] or 'by hand'}"
    failing = "failing" if one["enabled"] and one["failing_since"] else standing
    return one["id"], one["url"] or "of each run", ", ".join(one["types"]), one["agent"] or "all", failing


def _table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in headings:
        table.add_column(heading, no_wrap=heading in ("webhook", "delivery", "status"))
    for row in rows:
        table.add_row(*(Text(safe(cell), _STYLES.get(cell, "")) for cell in row))
    return table


def _time(given: str) -> timedelta:
    try:
        return parse_duration(given)
    except ValueError as error:
        raise InvalidInput(f"{given}: {error}.", hint="Such as 2h or 3d.") from error
