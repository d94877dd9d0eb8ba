"""`fairlead approvals …`."""

from __future__ import annotations

from contextlib import suppress
from json import dumps
from time import sleep
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from fairlead.access import Role
from fairlead.cli.client import Client, part
from fairlead.cli.figures import ago
from fairlead.cli.reach import reach
from fairlead.cli.say import AsJson, out, safe, say, say_facts, say_json
from fairlead.clock import SystemClock

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Answer what runs ask of people.")
Approval = Annotated[str, typer.Argument(metavar="APPROVAL", help="Its id.")]
_LOOK_EVERY = 2.0  # seconds
Comment = Annotated[str | None, typer.Option(help="Kept with the answer.")]


@app.command("list")
def list_approvals(
    agent: Annotated[str | None, typer.Option(help="Asked by runs of this agent.")] = None,
    run: Annotated[str | None, typer.Option(help="Asked by this run.")] = None,
    answered: Annotated[bool, typer.Option("--answered", help="Those that have an answer, too.")] = False,
    mine: Annotated[bool, typer.Option("--mine", help="Those that you may answer.")] = False,
    role: Annotated[Role | None, typer.Option(help="Those that this role is asked.")] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Those whose time is over.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on, and tell of those that come.")] = False,
    before: Annotated[str | None, typer.Option(help="Older than the one of this id: the next page.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="At most this many.")] = 100,
    json: AsJson = False,
) -> None:
    """Questions that wait for an answer, newest first."""
    wanted = {
        "agent": agent, "run_id": run, "open": "false" if answered else "true", "before": before, "limit": limit,
        "mine": "true" if mine else None, "role": role.value if role else None, "overdue": "true" if overdue else None,
    }  # fmt: skip
    with reach() as reached:
        if watch:
            with suppress(KeyboardInterrupt):
                _watch(reached.client, wanted, json=json)
            return
        found = reached.client.get("/approvals", **wanted)
    if json:
        say_json(found)
    elif found:
        out.print(_listing(found))
    else:
        say("Nobody waits for an answer.")


@app.command()
def show(approval: Approval, json: AsJson = False) -> None:
    """One question: what is asked, of whom, until when."""
    with reach() as reached:
        one = reached.client.get(f"/approvals/{part(approval)}")
    if json:
        say_json(one)
        return
    say_facts([
        ("question", one["question"]), ("data", dumps(one["data"], indent=2) if one["data"] is not None else None),
        ("id", one["id"]), ("run", one["run_id"]), ("asked", ", ".join(one["asked"])),
        ("may answer", "those who were asked" if one["limited"] else "every operator"),
        ("escalates", one["escalates_at"]), ("expires", one["expires_at"]), ("answer", _answered(one)),
        ("comment", one["comment"]),
    ])  # fmt: skip


@app.command()
def approve(approval: Approval, comment: Comment = None, json: AsJson = False) -> None:
    """Say yes. Once: a second answer is a conflict."""
    _answer(approval, True, comment, json=json)


@app.command()
def deny(approval: Approval, comment: Comment = None, json: AsJson = False) -> None:
    """Say no. Once: a second answer is a conflict."""
    _answer(approval, False, comment, json=json)


def _answer(approval: str, approved: bool, comment: str | None, *, json: bool) -> None:
    body = {"approved": approved} | ({"comment": comment} if comment else {})
    with reach() as reached:
        answered = reached.client.post(f"/approvals/{part(approval)}", body)
    if json:
        say_json(answered)
    else:
        say(safe(f"{'Approved' if approved else 'Denied'}: {answered['question']}"))


def _watch(client: Client, wanted: dict[str, Any], *, json: bool) -> None:
    """Each question once, as it comes."""
    seen: set[str] = set()
    while True:
        found = client.get("/approvals", **wanted)
        for one in reversed([one for one in found if one["id"] not in seen]):
            if json:
                say_json(one)
            else:
                say(safe(f"{one['id']}  {one['question']}  (run {one['run_id']}, until {one['expires_at']})"))
        seen = {one["id"] for one in found}
        sleep(_LOOK_EVERY)


def _answered(one: dict[str, Any]) -> str:
    return "-" if one["approved"] is None else f"{'yes' if one['approved'] else 'no'}, {one['decided_by']}"


def _listing(found: list[dict[str, Any]]) -> Table:
    table, now = Table(box=None, pad_edge=False, header_style="dim"), SystemClock().now()
    for heading in ("approval", "question", "run", "asked", "expires", "answer"):
        table.add_column(heading, no_wrap=heading == "approval")
    for one in found:
        cells = (
            one["id"],
            one["question"],
            one["run_id"],
            ago(one["created_at"], now),
            one["expires_at"],
            _answered(one),
        )
        table.add_row(*(Text(safe(str(cell))) for cell in cells))
    return table
