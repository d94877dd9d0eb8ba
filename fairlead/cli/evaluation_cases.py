"""`fairlead evaluations cases …`."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import typer
from rich.table import Table
from rich.text import Text

from fairlead.access import HOUSE
from fairlead.cli.figures import ago, short
from fairlead.cli.say import AsJson, out, safe, say, say_json
from fairlead.clock import SystemClock
from fairlead.errors import InvalidInput, NotFound
from fairlead.ship.evaluation.book import Book
from fairlead.ship.evaluation.kept import KeptCase
from fairlead.wiring.evaluating import open_book, pull_cases
from fairlead.wiring.project import Setup, open_setup

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Cases that the console has kept from runs: see, pull, remove."
)
SUITE = "Its file's name in evaluations/, without the ending."
T = TypeVar("T")


@app.command("list")
def list_cases(suite: Annotated[str | None, typer.Option(help="Of this suite.")] = None, json: AsJson = False) -> None:
    """Those that evaluations take beside the cases of their suite's file."""
    found = _with(lambda book, _: book.cases.list(tenant=HOUSE, suite=suite))
    if json:
        say_json([_as_json(one) for one in found])
    elif found:
        out.print(_listing(found))
    else:
        say("No case is kept: make one of a run, in the console.")


@app.command()
def pull(
    names: Annotated[list[str] | None, typer.Argument(metavar="[CASE]…", help="Default: all of the suite.")] = None,
    suite: Annotated[str, typer.Option(help=SUITE)] = "smoke",
    json: AsJson = False,
) -> None:
    """Write kept cases into their suite's file; the database keeps them no longer. The rest of the file stays."""
    written = _with(lambda book, setup: pull_cases(setup, book, suite, names or (), by=getpass.getuser()))
    if json:
        say_json({"suite": suite, "cases": written})
    elif written:
        say(f"In {suite} now: {', '.join(written)}. Look at what they expect, and commit the file.")
    else:
        say(f"Nothing to pull for {suite}.")


@app.command()
def remove(
    case: Annotated[str, typer.Argument(metavar="CASE", help="Its id, or its name.")], json: AsJson = False
) -> None:
    """Keep a case no longer. Evaluations that were stay as they are."""

    async def do(book: Book, _: Setup) -> KeptCase:
        kept = await book.cases.list(tenant=HOUSE)
        found = [one for one in kept if case in (one.id, one.case.name)]
        if not found:
            raise NotFound(f"No case {case} is kept.", hint="fairlead evaluations cases list")
        if len(found) > 1:
            raise InvalidInput(f"{len(found)} suites have kept a case {case}.", hint="Give its id.")
        await book.cases.remove(found[0].id, tenant=HOUSE, by=getpass.getuser())
        return found[0]

    removed = _with(do)
    if json:
        say_json({"id": removed.id, "case": removed.case.name, "suite": removed.case.suite})
    else:
        say(f"{removed.case.name} is no case of {removed.case.suite} any more.")


def _with(do: Callable[[Book, Setup], Awaitable[T]]) -> T:
    async def run() -> T:
        setup = open_setup()
        async with open_book(setup) as book:
            return await do(book, setup)

    return asyncio.run(run())


def _listing(found: Any) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("case", "suite", "name", "agent", "input", "from run", "by", "kept"):
        table.add_column(heading, no_wrap=True)
    now = SystemClock().now()
    for one in found:
        case = one.case
        table.add_row(
            one.id, safe(case.suite), Text(safe(case.name), "bold"), safe(case.agent),
            Text(safe(short(str(case.inputs), 40)), "dim"), case.run_id, safe(one.kept_by),
            ago(one.kept_at.isoformat(), now),
        )  # fmt: skip
    return table


def _as_json(one: KeptCase) -> dict[str, Any]:
    case = one.case
    return {
        "id": one.id, "suite": case.suite, "agent": case.agent, "by": one.kept_by, "at": one.kept_at, "case": one.row,
        "run_id": case.run_id,
    }  # fmt: skip
