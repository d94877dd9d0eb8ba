"""What came of a list, for people: one page of HTML that needs nothing else, or Markdown. Pure, but for writing it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from fairlead.errors import InvalidInput
from fairlead.ship.checklist.answer import By, Line, Void, expires_at, verdict_of
from fairlead.ship.checklist.items import ListName
from fairlead.ship.verdict import Verdict
from fairlead.whole_file import PUBLIC, write_whole

TITLES = {
    ListName.RELEASE: "Before a release", ListName.DEPLOY: "Before a deploy", ListName.DURING: "During a deploy",
    ListName.AFTER: "After a deploy", ListName.GOING_LIVE: "Going live", ListName.DAILY: "Daily",
    ListName.INCIDENT: "Incident",
}  # fmt: skip
_WORDS = {
    Verdict.PASS: "holds", Verdict.FAIL: "fails", Verdict.UNCLEAR: "unclear", Verdict.COULD_NOT_ASK: "could not ask",
    Void.NOT_APPLICABLE: "does not apply", None: "open",
}  # fmt: skip
_WHOLE = {
    Verdict.PASS: "It may go on", Verdict.FAIL: "It must not go on", Verdict.UNCLEAR: "It waits for answers",
    Verdict.COULD_NOT_ASK: "It waits for answers",
}  # fmt: skip
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~])")


@dataclass(frozen=True, slots=True)
class Report:
    """`about`: the release or the incident."""

    list: ListName
    environment: str
    about: str
    at: datetime
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Shown:
    """One item as a reader sees it."""

    id: str
    text: str
    state: str  # a name for its shape and colour
    word: str
    said: str
    reference: str
    link: str
    who: str
    at: datetime | None
    until: datetime | None
    why: str
    missing: str  # what to do about it; empty when nothing is
    advice: bool


def shown(line: Line) -> Shown:
    answer, result = line.answer, line.result
    who = "" if answer is None else answer.name if answer.by is By.PERSON else f"machine {answer.name}"
    reference = "" if answer is None else answer.found.reference
    said = "" if answer is None else answer.found.said
    link = reference if reference.startswith(("http://", "https://")) else ""
    until = None if answer is None or answer.by is By.MACHINE else expires_at(line.item, answer)
    well = result in (Verdict.PASS, Void.NOT_APPLICABLE)
    question = line.item.question.text if line.asks and line.item.question is not None else ""
    return Shown(
        line.item.id, line.item.text, "open" if result is None else result.value, _WORDS[result],
        said, "" if reference in said and not link else reference,
        link, who, None if answer is None else answer.at, until,
        line.why, "" if well else question or line.item.mend, not line.item.blocks,
    )  # fmt: skip


def html(report: Report) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    rows = [shown(one) for one in report.lines]
    verdict = verdict_of(report.lines)
    counts = [
        (state, word, sum(row.state == state for row in rows))
        for state, word in ((("open" if one is None else one.value), word) for one, word in _WORDS.items())
    ]
    return environment.get_template("report.html").render(
        title=TITLES[report.list], report=report, rows=rows, whole=_WHOLE[verdict], verdict=verdict.value,
        counts=[one for one in counts if one[2]], missing=_missing(report),
    )  # fmt: skip


def markdown(report: Report) -> str:
    verdict = verdict_of(report.lines)
    lines = [
        f"# {TITLES[report.list]}: {_WHOLE[verdict].lower()}", "",
        f"Environment {_plain(report.environment)}"
        + (f", {_kind(report)} {_plain(report.about)}" if report.about else "")
        + f", {report.at:%Y-%m-%d %H:%M} UTC.", "",
        "| item | | evidence | by | at (UTC) |", "| --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    for row in (shown(one) for one in report.lines):
        said = " ".join(part for part in (row.said, row.reference, row.why) if part)
        at = "" if row.at is None else f"{row.at:%Y-%m-%d %H:%M}"
        cells = (f"{row.text} ({row.id})", row.word, said, row.who, at)
        lines.append(f"| {' | '.join(map(_plain, cells))} |")
    if missing := _missing(report):
        lines += ["", "## What is missing", ""]
        lines += [f"- **{_plain(row.text)}** {_plain(row.missing)}" for row in missing]
    return "\n".join(lines) + "\n"


def write_report(path: Path, report: Report) -> None:
    """By its ending. Whole, or not at all. Raises `InvalidInput`."""
    text = html(report) if path.suffix == ".html" else markdown(report)
    try:
        write_whole(path, text.encode(), mode=PUBLIC)
    except OSError as error:
        raise InvalidInput(f"{path} can't be written: {error.strerror}.") from None


def _missing(report: Report) -> list[Shown]:
    """What failed first."""
    return [shown(one) for one in sorted(report.lines, key=lambda one: one.result is not Verdict.FAIL) if one.stops]


def _kind(report: Report) -> str:
    return "incident" if report.list is ListName.INCIDENT else "release"


def _plain(text: str) -> str:
    """As it is: no markup, and on one line."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
