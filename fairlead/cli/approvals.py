"""`fairlead approvals …`."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from fairlead.cli.client import part
from fairlead.cli.figures import ago
from fairlead.cli.reach import reach
from fairlead.cli.say import AsJson, out, safe, say, say_json
from fairlead.clock import SystemClock

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Answer what runs ask of people.")
Approval = Annotated[str, typer.Argument(metavar="APPROVAL", help="Its id.")]
Comment = Annotated[str | None, typer.Option(help="Kept with the answer.")]


@app.command("list")
def list_approvals(
    agent: Annotated[str | None, typer.Option(help="Asked by runs of this agent.")] = None,
    run: Annotated[str | None, typer.Option(help="Asked by this run.")] = None,
    answered: Annotated[bool, typer.Option("--answered", help="Those that have an answer, too.")] = False,
    before: Annotated[str | None, typer.Option(help="Older than the one of this id: the next page.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="At most this many.")] = 100,
    json: AsJson = False,
) -> None:
    """Questions that wait for an answer, newest first."""
    with reach() as reached:
        found = reached.client.get("/approvals", agent=agent, run_id=run, open="false" if answered else "true",
                                   before=before, limit=limit)  # fmt: skip
    if json:
        say_json(found)
    elif found:
        out.print(_listing(found))
    else:
        say("Nobody waits for an answer.")


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


def _listing(found: list[dict[str, Any]]) -> Table:
    table, now = Table(box=None, pad_edge=False, header_style="dim"), SystemClock().now()
    for heading in ("approval", "question", "run", "asked", "expires", "answer"):
        table.add_column(heading, no_wrap=heading == "approval")
    for one in found:
        answer = "-" if one["approved"] is None else f"{'yes' if one['approved'] else 'no'}, {one['decided_by']}"
        cells = (one["id"], one["question"], one["run_id"], ago(one["created_at"], now), one["expires_at"], answer)
        table.add_row(*(Text(safe(str(cell))) for cell in cells))
    return table
