"""`fairlead checklist …`."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from fairlead.cli.exits import Exit
from fairlead.cli.say import AsJson, out, safe, say, say_json, warn
from fairlead.clock import SystemClock
from fairlead.errors import FairleadError, InvalidInput
from fairlead.ship.checklist.answer import Answer, By, Found, Line, Result, Void, expires_at, judge, verdict_of
from fairlead.ship.checklist.items import Item, ListName, item_of, items_of, list_of
from fairlead.ship.checklist.look import look_at
from fairlead.ship.checklist.report import Report, write_report
from fairlead.ship.verdict import Verdict
from fairlead.wiring.checking import Checking, open_checking

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Go through a checklist: what a machine sees, what a person says."
)
List = Annotated[str, typer.Argument(metavar="LIST", help=f"One of {', '.join(ListName)}.")]
About = Annotated[str | None, typer.Option("--release", help="Default: the one the settings name.", show_default=False)]
Incident = Annotated[str | None, typer.Option(help="Which one, for the list of an incident.", show_default=False)]
MARKS: dict[Result | None, tuple[str, str]] = {
    Verdict.PASS: ("✓", "green"), Verdict.FAIL: ("✗", "bold red"), Verdict.UNCLEAR: ("?", "yellow"),
    Verdict.COULD_NOT_ASK: ("–", "magenta"), Void.NOT_APPLICABLE: ("·", "dim"), None: ("○", "yellow"),
}  # fmt: skip
_LONGEST, _LONGEST_NAME = 2000, 200  # characters


class Word(StrEnum):
    YES = "yes"
    NO = "no"


@app.command()
def run(
    list_name: List,
    release: About = None,
    incident: Incident = None,
    url: Annotated[str, typer.Option(help="Where the service answers; else as [checklist] says.")] = "",
    report: Annotated[
        Path | None, typer.Option(help="Write what came of it: FILE.html, or FILE.md.", show_default=False)
    ] = None,
    json: AsJson = False,
) -> None:
    """Look at every item, and ask what a machine can't decide. Exit code 1: something failed; 9: something is open.

    Without a terminal nobody is asked: open questions are listed, and count as open.
    """
    name = list_of(list_name)
    about = _about(name, release, incident)
    _ensure_writable(report)

    async def do() -> Report:
        async with open_checking(about=about, url=url) as checking:
            items = items_of(name)
            known = await _known(checking, name)
            tell = None if json else say_looked
            answers = await look_at(items, checking.facts, environment=checking.environment, tell=tell)
            await _keep(checking, answers)
            lines = _judged(items, [*known, *answers], checking)
            if not json and _somebody_is_there():
                lines = await _ask_all(lines, [*known, *answers], checking)
            return Report(name, checking.environment.value, checking.facts.about, checking.facts.clock.now(), lines)

    made = asyncio.run(do())
    if report is not None:
        write_report(report, made)
    say_report(made, json=json)
    if report is not None and not json:
        say(f"Written: {report}")
    raise typer.Exit(exit_of_verdict(verdict_of(made.lines)))


@app.command()
def answer(
    item: Annotated[str, typer.Argument(metavar="ITEM", help="Its id: see `fairlead checklist show LIST`.")],
    word: Annotated[Word, typer.Argument(metavar="yes|no")],
    evidence: Annotated[str, typer.Option(help="How you know: a sentence, an address.")] = "",
    release: About = None,
    incident: Incident = None,
    by: Annotated[str, typer.Option(help="Whose answer it is, if not yours.")] = "",
    json: AsJson = False,
) -> None:
    """Answer the question of an item. Your name and the time are kept with it."""
    found = item_of(item)
    if found.question is None:
        raise InvalidInput(
            f"{item} is looked at by a machine: {found.text}", hint=f"fairlead checklist run {found.list.value}"
        )
    about = _about(found.list, release, incident)
    if len(evidence) > _LONGEST or len(by) > _LONGEST_NAME:
        raise InvalidInput(f"Evidence has at most {_LONGEST} characters, and a name {_LONGEST_NAME}.")

    async def do() -> tuple[Answer, Line]:
        async with open_checking(about=about) as checking:
            book = checking.book()
            given = _given(found, word is Word.YES, evidence, by, checking)
            await book.record([given])
            line = _judged([found], await book.newest(found.list), checking)[0]
            return given, line

    given, line = asyncio.run(do())
    if json:
        say_json(_line_json(line))
        return
    say(f"Kept: {found.text} {word.value}, {given.name}.")
    if line.answer is None:
        say(line.why, "dim")
    elif line.answer.by is By.MACHINE:
        warn(f"It does not count: {line.answer.name} has looked, and says {line.answer.found.said}")
    else:
        say(f"It counts until {expires_at(found, line.answer):%Y-%m-%d %H:%M} UTC.", "dim")


@app.command()
def show(
    list_name: List, release: About = None, incident: Incident = None, json: AsJson = False,
    report: Annotated[
        Path | None, typer.Option(help="Write it: FILE.html, or FILE.md.", show_default=False)
    ] = None,
) -> None:  # fmt: skip
    """Say how each item stands by what was answered before; exit codes as of `run`. Changes nothing."""
    name = list_of(list_name)
    _ensure_writable(report)
    about = release if name is not ListName.INCIDENT else incident

    async def do() -> Report:
        async with open_checking(about=about) as checking:
            lines = _judged(items_of(name), await _known(checking, name), checking)
            return Report(name, checking.environment.value, checking.facts.about, checking.facts.clock.now(), lines)

    made = asyncio.run(do())
    if report is not None:
        write_report(report, made)
    if not json:
        for line in made.lines:
            out.print(_drawn(line), soft_wrap=True)
    say_report(made, json=json)
    raise typer.Exit(exit_of_verdict(verdict_of(made.lines)))


def say_looked(item: Item, answer: Answer) -> None:
    """As soon as it was looked at."""
    out.print(_text(item, answer.found.result, answer.found.said), soft_wrap=True)


def say_report(made: Report, *, json: bool) -> None:
    verdict = verdict_of(made.lines)
    if json:
        say_json({
            "list": made.list.value, "environment": made.environment, "about": made.about, "at": made.at,
            "verdict": verdict.value, "items": [_line_json(one) for one in made.lines],
        })  # fmt: skip
        return
    stops = [one for one in made.lines if one.stops]
    if asked := [one for one in stops if one.asks and one.item.question is not None]:
        say()
        say("Open:", "bold")
        for one in asked:
            say(f"  {one.item.question.text if one.item.question else ''}")
            say(f"    {one.why}" if one.why else "", "dim") if one.why else None
            say(f"    fairlead checklist answer {one.item.id} yes{_of_incident(made)}", "dim")
    say()
    if verdict is Verdict.PASS:
        say(f"All of it holds, for {made.environment}{f', {made.about}' if made.about else ''}.", "bold green")
        return
    failed = sum(one.result is Verdict.FAIL for one in stops)
    said = f"{failed} failed, {len(stops) - failed} open or unclear, for {made.environment}."
    say(said, "bold red" if failed else "bold yellow")


def exit_of_verdict(verdict: Verdict) -> Exit:
    match verdict:
        case Verdict.PASS:
            return Exit.OK
        case Verdict.FAIL:
            return Exit.FAILED
        case Verdict.UNCLEAR | Verdict.COULD_NOT_ASK:
            return Exit.UNCLEAR


async def _ask_all(lines: Sequence[Line], answers: list[Answer], checking: Checking) -> list[Line]:
    """One after the other; what is answered is kept at once."""
    for line in lines:
        if not line.asks or line.item.question is None or line.result is Verdict.FAIL:
            continue
        say()
        if line.answer is not None:
            say(line.answer.found.said, "dim")
        said = typer.prompt(f"{line.item.question.text} [yes, no, Enter to leave it open]", default="",
                            show_default=False).strip().lower()  # fmt: skip
        if said not in ("y", "yes", "n", "no"):
            continue
        evidence = typer.prompt("How do you know? [a sentence, an address]", default="", show_default=False)
        given = _given(line.item, said in ("y", "yes"), evidence, "", checking)
        await _keep(checking, [given])
        answers.append(given)
    return _judged([one.item for one in lines], answers, checking)


def _given(item: Item, yes: bool, evidence: str, by: str, checking: Checking) -> Answer:
    assert item.question is not None
    said = evidence.strip() or f"{item.question.text} {'Yes' if yes else 'No'}."
    reference = next((word for word in evidence.split() if word.startswith(("http://", "https://"))), "")
    name = by.strip() or getpass.getuser()
    found = Found(Verdict.PASS if yes else Verdict.FAIL, said[:_LONGEST], reference)
    return Answer(item.id, found, By.PERSON, name, checking.facts.clock.now(), checking.facts.about)


async def _known(checking: Checking, name: ListName) -> list[Answer]:
    if checking.ledger is None:
        warn(f"What was answered before is not known: {checking.facts.database_error}")
        return []
    return await checking.ledger.newest(name)


async def _keep(checking: Checking, answers: Sequence[Answer]) -> None:
    """A look is worth something even where it can't be kept."""
    if checking.ledger is None:
        return
    try:
        await checking.ledger.record(answers)
    except FairleadError as error:
        warn(f"Not kept: {error.message}")


def _judged(items: Sequence[Item], answers: Sequence[Answer], checking: Checking) -> list[Line]:
    facts = checking.facts
    return judge(items, answers, environment=checking.environment, about=facts.about, now=SystemClock().now())


def _about(name: ListName, release: str | None, incident: str | None) -> str | None:
    if name is not ListName.INCIDENT:
        if incident is not None:
            raise InvalidInput(f"The list {name.value} is of no incident.", hint="Leave --incident out.")
        return release
    if not incident:
        raise InvalidInput("Which incident?", hint="--incident NAME, such as 2026-11-27-timeouts.")
    return incident


def _ensure_writable(report: Path | None) -> None:
    """Said before anything is looked at."""
    if report is None:
        return
    if report.suffix not in (".html", ".md"):
        raise InvalidInput(f"{report} is neither .html nor .md.", hint="Give the report one of these endings.")
    if not report.absolute().parent.is_dir():
        raise InvalidInput(f"There is no folder {report.parent}.", hint="Make it first.")


def _somebody_is_there() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _drawn(line: Line) -> Text:
    if line.answer is None:
        return _text(line.item, line.result, line.why)
    who = line.answer.name if line.answer.by is By.PERSON else f"machine {line.answer.name}"
    said = f"{line.answer.found.said} ({who}, {line.answer.at:%Y-%m-%d %H:%M} UTC) {line.why}".rstrip()
    return _text(line.item, line.result, said)


def _text(item: Item, result: Result | None, said: str) -> Text:
    mark, style = MARKS[result]
    text = Text.assemble((f"{mark} ", style), (f"{item.id:<26} ", "bold" if result is Verdict.FAIL else ""), safe(said))
    if result is Verdict.FAIL:
        text.append(f"\n  {'':<26} {safe(item.mend)}", "dim")
    return text


def _of_incident(made: Report) -> str:
    return f" --incident {made.about}" if made.list is ListName.INCIDENT else ""


def _line_json(line: Line) -> dict[str, Any]:
    answer = line.answer
    return {
        "item": line.item.id, "text": line.item.text, "result": line.result and line.result.value,
        "open": line.is_open, "blocks": line.item.blocks, "why": line.why,
        "question": line.item.question and line.item.question.text, "mend": line.item.mend,
        "evidence": answer and answer.found.said, "reference": answer and answer.found.reference,
        "by": answer and answer.name, "asked": answer and answer.by.value, "at": answer and answer.at,
        "expires_at": answer and expires_at(line.item, answer),
    }  # fmt: skip
