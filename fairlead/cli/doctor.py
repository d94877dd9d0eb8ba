"""`fairlead doctor`."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

import typer
from rich.text import Text

from fairlead.cli.exits import Exit
from fairlead.cli.say import AsJson, out, safe, say, say_json
from fairlead.wiring.examine import Finding, Verdict, examine

app = typer.Typer(add_completion=False)
_MARKS = {Verdict.OK: ("✓", "green"), Verdict.NOTE: ("·", "yellow"), Verdict.WRONG: ("✗", "bold red")}


@app.command()
def doctor(json: AsJson = False) -> None:
    """Say what is wrong here and how to mend it. Exit code 1: something is. Changes nothing."""
    findings = asyncio.run(examine())
    wrong = [one for one in findings if one.verdict is Verdict.WRONG]
    if json:
        say_json([asdict(one) for one in findings])
    else:
        for finding in findings:
            out.print(_drawn(finding), soft_wrap=True)
        say("All is well." if not wrong else f"{len(wrong)} to mend.", "bold")
    raise typer.Exit(Exit.FAILED if wrong else Exit.OK)


def _drawn(finding: Finding) -> Text:
    mark, style = _MARKS[finding.verdict]
    text = Text.assemble((f"{mark} {finding.about:<9} ", style), safe(finding.said))
    return text.append(f"\n{'':12}{safe(finding.mend)}", "dim") if finding.mend else text
