"""Checklists: the seven lists as they stand for a release or an incident, one of them item by item, and answers of
persons. What a machine sees it sees from the command line."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from fairlead.access import may_for_all, require_for_all
from fairlead.config import Environment
from fairlead.errors import FairleadError, InvalidInput, NotFound
from fairlead.ship.checklist.answer import Answer, By, Found, Line, Result, Void, expires_at, judge, verdict_of
from fairlead.ship.checklist.items import Item, ListName, item_of, items_of, list_of
from fairlead.ship.checklist.ledger import AnswerLedger
from fairlead.ship.verdict import Verdict
from fairlead.web.console import below, found
from fairlead.web.console.desk import Desk, caller_of
from fairlead.web.console.doors import Doors
from fairlead.web.console.format import Format
from fairlead.web.console.language import N_
from fairlead.web.console.section import Routes, ensure_house, is_fragment, own_form, see
from fairlead.web.console.state import State, Tone

PATH = "/console/checklists"
TITLES = {
    ListName.RELEASE: N_("Before a release"), ListName.DEPLOY: N_("Before a deploy"),
    ListName.DURING: N_("During a deploy"), ListName.AFTER: N_("After a deploy"),
    ListName.GOING_LIVE: N_("Going live"), ListName.DAILY: N_("Daily"), ListName.INCIDENT: N_("Incident"),
}  # fmt: skip
_RESULTS: Mapping[Result | None, State] = {
    Verdict.PASS: State("success", Tone.OK, N_("holds"), "pass"),
    Verdict.FAIL: State("error", Tone.ERR, N_("fails"), "fail"),
    Verdict.UNCLEAR: State("unclear", Tone.WARN, N_("unclear")),
    Verdict.COULD_NOT_ASK: State("unknown", Tone.ASK, N_("could not ask"), "could_not_ask"),
    Void.NOT_APPLICABLE: State("cancelled", Tone.MUTED, N_("does not apply"), "not_applicable"),
    None: State("pending", Tone.WARN, N_("unanswered")),
}
_WHOLE = {
    Verdict.PASS: State("success", Tone.OK, N_("all of it holds"), "pass"),
    Verdict.FAIL: State("error", Tone.ERR, N_("something fails"), "fail"),
    Verdict.UNCLEAR: State("unclear", Tone.WARN, N_("something is unclear"), "unclear"),
    Verdict.COULD_NOT_ASK: State("pending", Tone.WARN, N_("something is open"), "could_not_ask"),
}
_NOT_BEGUN = State("pending", Tone.MUTED, N_("not begun"))
_ORDER: tuple[Result | None, ...] = (
    Verdict.FAIL, Verdict.UNCLEAR, Verdict.COULD_NOT_ASK, None, Verdict.PASS, Void.NOT_APPLICABLE
)  # fmt: skip
_LONGEST, _LONGEST_ABOUT = 2000, 200  # characters
_MOST_HISTORY = 50


@dataclass(frozen=True, slots=True)
class Count:
    number: int
    state: State


@dataclass(frozen=True, slots=True)
class ListRow:
    """`error`: why it could not be read."""

    name: ListName
    title: str
    about: str
    state: State
    counts: tuple[Count, ...]
    newest: datetime | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class ItemRow:
    line: Line
    state: State
    said: str
    who: str
    machine: bool
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Past:
    answer: Answer
    state: State
    said: str


@dataclass(frozen=True, slots=True)
class ChecklistView:
    name: ListName
    title: str
    environment: str
    about: str
    abouts: tuple[str, ...]  # there are answers for, the newest first
    state: State
    counts: tuple[Count, ...]
    rows: tuple[ItemRow, ...]
    aside: tuple[ItemRow, ...]  # that do not apply here
    command: str
    may: bool
    selected: ItemRow | None
    missing: bool  # the item that was asked for is not in the list
    history: tuple[Past, ...]

    @property
    def path(self) -> str:
        return f"{PATH}/{self.name.value}"

    def address(self, item: str = "") -> str:
        return address(self.name, self.about, item)


def address(name: ListName, about: str, item: str = "") -> str:
    asked = urlencode({key: value for key, value in (("about", about), ("item", item)) if value})
    return f"{PATH}/{name.value}?{asked}".rstrip("?")


def standing(
    name: ListName, answers: Sequence[Answer], about: str, *, environment: Environment, now: datetime
) -> list[Line]:
    return judge(items_of(name), answers, environment=environment, about=about, now=now)


def abouts(answers: Sequence[Answer]) -> tuple[str, ...]:
    """What answers were given for, the newest first."""
    ordered = sorted(answers, key=lambda one: one.at, reverse=True)
    return tuple(dict.fromkeys(one.about for one in ordered if one.about))


def chosen(name: ListName, given: str, answers: Sequence[Answer], release: str) -> str:
    """Of what the list is shown: what was asked for; of an incident the newest there is, else the release of here."""
    if given:
        return given
    if name is ListName.INCIDENT:
        return next(iter(abouts(answers)), "")
    return release


def row_of(
    name: ListName, answers: Sequence[Answer], release: str, *, environment: Environment, fmt: Format
) -> ListRow:
    about = chosen(name, "", answers, release)
    lines = standing(name, answers, about, environment=environment, now=fmt.now)
    begun = any(one.answer is not None for one in lines)
    newest = max((one.at for one in answers), default=None)
    whole = _WHOLE[verdict_of(lines)] if begun else _NOT_BEGUN
    return ListRow(name, fmt.words.gettext(TITLES[name]), about, whole, _counts(lines), newest)


def shape(
    name: ListName, answers: Sequence[Answer], about: str, fmt: Format, *, environment: Environment, item: str = "",
    history: Sequence[Answer] = (), may: bool,
) -> ChecklistView:  # fmt: skip
    lines = standing(name, answers, about, environment=environment, now=fmt.now)
    rows = tuple(_row(one, fmt) for one in sorted(lines, key=lambda one: _ORDER.index(one.result)))
    aside = tuple(row for row in rows if row.line.result is Void.NOT_APPLICABLE)
    begun = any(one.answer is not None for one in lines)
    selected = next((row for row in rows if row.line.item.id == item), None)
    command = f"fairlead checklist run {name.value}" + (
        f" --{'incident' if name is ListName.INCIDENT else 'release'} {about}" if about else ""
    )
    past = tuple(_past(one, fmt) for one in history)
    return ChecklistView(
        name, fmt.words.gettext(TITLES[name]), environment.value, about,
        tuple(one for one in abouts(answers) if one != about),
        _WHOLE[verdict_of(lines)] if begun else _NOT_BEGUN, _counts(lines),
        tuple(row for row in rows if row not in aside), aside, command, may, selected,
        bool(item) and selected is None, past,
    )  # fmt: skip


def _counts(lines: Sequence[Line]) -> tuple[Count, ...]:
    many = Counter(one.result for one in lines)
    return tuple(Count(many[result], _RESULTS[result]) for result in _ORDER if many[result])


def _past(one: Answer, fmt: Format) -> Past:
    return Past(one, _RESULTS[one.found.result], found.of_item(item_of(one.item), one.found.said, fmt))


def _row(line: Line, fmt: Format) -> ItemRow:
    answer = line.answer
    if answer is None:
        return ItemRow(line, _RESULTS[line.result], found.in_words(line.why, fmt), "", False, None)
    until = None if answer.by is By.MACHINE else expires_at(line.item, answer)
    told = found.of_item(line.item, answer.found.said, fmt)
    return ItemRow(line, _RESULTS[line.result], told, answer.name, answer.by is By.MACHINE, until)


def given_answer(item: Item, form: Mapping[str, str], *, by: str, now: datetime) -> Answer:
    """Raises `InvalidInput`."""
    if item.question is None:
        raise InvalidInput(
            f"{item.id} is looked at by a machine: {item.text}", hint=f"fairlead checklist run {item.list.value}"
        )
    word, evidence, about = form.get("word", ""), form.get("evidence", "").strip(), form.get("about", "").strip()
    if word not in ("yes", "no"):
        raise InvalidInput("The answer is neither yes nor no.")
    if len(evidence) > _LONGEST or len(about) > _LONGEST_ABOUT:
        raise InvalidInput(f"Evidence has at most {_LONGEST} characters, and a name {_LONGEST_ABOUT}.")
    if item.list is ListName.INCIDENT and not about:
        raise InvalidInput("Which incident?", hint="Name it first.")
    said = evidence or f"{item.question.text} {word.capitalize()}."
    reference = next((one for one in evidence.split() if one.startswith(("http://", "https://"))), "")
    given = Found(Verdict.PASS if word == "yes" else Verdict.FAIL, said, reference)
    return Answer(item.id, given, By.PERSON, by, now, about)


class ChecklistsPages:
    def __init__(self, desk: Desk, doors: Doors) -> None:
        self._desk = desk
        self._doors = doors

    def pages(self) -> Routes:
        return [(PATH, self.all), (f"{PATH}/{{name}}", self.one)]

    def writes(self) -> Routes:
        return [(f"{PATH}/{{name}}/{{item}}", self.answer)]

    async def all(self, request: Request) -> Response:
        ensure_house(caller_of(request))
        found = await asyncio.gather(*(self._ledger.newest(name) for name in ListName), return_exceptions=True)
        rows = [self._listed(name, one, request) for name, one in zip(ListName, found, strict=True)]
        return self._desk.page(
            request, "pages/checklists.html", rows=rows, environment=self._environment.value, here="checklists"
        )

    def _listed(self, name: ListName, found: Sequence[Answer] | BaseException, request: Request) -> ListRow:
        """One that can't be read is told, and the others stay."""
        fmt = self._desk.reader(request).fmt
        if isinstance(found, BaseException):
            if not isinstance(found, FairleadError):
                raise found
            could_not = _RESULTS[Verdict.COULD_NOT_ASK]
            return ListRow(
                name, fmt.words.gettext(TITLES[name]), "", could_not, (), None, below.in_words(found.message, fmt)
            )
        return row_of(name, found, self._release, environment=self._environment, fmt=fmt)

    async def one(self, request: Request) -> Response:
        ensure_house(caller_of(request))
        name, given = list_of(request.path_params["name"]), request.query_params
        answers = await self._ledger.newest(name)
        about = chosen(name, given.get("about", "").strip()[:_LONGEST_ABOUT], answers, self._release)
        item = given.get("item", "")
        known = item in {one.id for one in items_of(name)}
        history = await self._ledger.history(item, limit=_MOST_HISTORY) if known else ()
        view = shape(
            name, answers, about, self._desk.reader(request).fmt, environment=self._environment, item=item,
            history=history, may=may_for_all(caller_of(request)),
        )  # fmt: skip
        template = "parts/_checklist_pane.html" if is_fragment(request) else "pages/checklist.html"
        return self._desk.page(request, template, view=view, here="checklists")

    async def answer(self, request: Request) -> Response:
        form = await own_form(request)
        caller = caller_of(request)
        require_for_all(caller)
        item = item_of(request.path_params["item"])
        if item.list is not list_of(request.path_params["name"]):
            raise NotFound("The list has no such item.")
        given = given_answer(item, form, by=caller.name, now=self._desk.clock.now())
        await self._ledger.record([given])
        await self._doors.books.audit.report(
            "checklist.answer", tenant=caller.tenant, by=caller.name, subject=item.id,
            detail={"result": given.found.result.value, "about": given.about},
        )  # fmt: skip
        return see(address(item.list, given.about, quote(item.id)))

    @property
    def _ledger(self) -> AnswerLedger:
        return self._doors.answers

    @property
    def _environment(self) -> Environment:
        return self._doors.settings.app.environment

    @property
    def _release(self) -> str:
        return self._doors.settings.engine.release
