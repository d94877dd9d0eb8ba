"""`fairlead check`."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated

import typer
from rich.text import Text

from fairlead.cli.checklist import MARKS, exit_of_verdict
from fairlead.cli.say import AsJson, out, safe, say, say_json
from fairlead.clock import SystemClock
from fairlead.errors import InvalidInput
from fairlead.operate.check.look import Line, Look, look_at, verdict_of
from fairlead.ship.verdict import Verdict
from fairlead.wiring.looking import open_looks

app = typer.Typer(add_completion=False)


@app.command()
def check(
    url: Annotated[
        str, typer.Argument(help="Where the API is. Not given: where this project is served.", show_default=False)
    ] = "",
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Look at this alone; may be given several times.")
    ] = None,
    retries: Annotated[int, typer.Option(min=0, max=10, help="Further tries of what does not pass.")] = 3,
    timeout: Annotated[float, typer.Option(min=0.1, max=120, help="Seconds for each try.")] = 10.0,
    json: AsJson = False,
) -> None:
    """Look at a running system. Exit code 1: something failed; 9: something could not be told."""
    clock = SystemClock()

    async def do() -> list[Line]:
        limit, lines = timedelta(seconds=timeout), list[Line]()
        async with open_looks(url, timeout=limit) as looks:
            chosen = _chosen(looks, only or [])
            async for line in look_at(chosen, retries=retries, timeout=limit, clock=clock):
                lines.append(line)
                if not json:
                    out.print(_drawn(line), soft_wrap=True)
        return lines

    lines = asyncio.run(do())
    verdict = verdict_of(lines)
    if json:
        say_json({"verdict": verdict.value, "at": clock.now(), "checks": [one.to_json() for one in lines]})
    else:
        _say_whole(lines, verdict)
    raise typer.Exit(exit_of_verdict(verdict))


def _chosen(looks: list[Look], only: list[str]) -> list[Look]:
    names = [one.name for one in looks]
    for name in only:
        if name not in names:
            raise InvalidInput(f"There is nothing called {name} to look at.", hint=f"One of {', '.join(names)}.")
    return [one for one in looks if not only or one.name in only]


def _say_whole(lines: list[Line], verdict: Verdict) -> None:
    failed = [one.name for one in lines if one.found.result is Verdict.FAIL]
    untold = [one.name for one in lines if not one.is_well and one.name not in failed]
    say()
    if verdict is Verdict.PASS:
        say("All is well.", "bold green")
    if failed:
        say(f"Failed: {', '.join(failed)}.", "bold red")
    if untold or not lines:
        say(f"Could not be told: {', '.join(untold)}.", "bold yellow")


def _drawn(line: Line) -> Text:
    mark, style = MARKS[line.found.result]
    tries = f" ({line.tries} tries)" if line.tries > 1 else ""
    text = Text.assemble((f"{mark} {line.name:<20} ", style), safe(line.found.said), (tries, "dim"))
    if not line.is_well and line.mend:
        text.append(f"\n{'':23}{safe(line.mend)}", "dim")
    return text
