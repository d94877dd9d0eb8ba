"""Evaluations of releases: the list, one of them case by case, two side by side, and the cases kept from runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from fairlead.access import Principal, Role, require
from fairlead.clock import from_micros, to_micros
from fairlead.errors import FairleadError, InvalidInput
from fairlead.ship.evaluation.book import Book, Evaluation
from fairlead.ship.evaluation.kept import KeptCase
from fairlead.ship.verdict import Verdict
from fairlead.web.console import reading, state
from fairlead.web.console.desk import Desk, caller_of
from fairlead.web.console.doors import Doors
from fairlead.web.console.format import NOTHING, Format
from fairlead.web.console.headline import asked
from fairlead.web.console.language import N_
from fairlead.web.console.pages import comparison, evaluation
from fairlead.web.console.pages.ask import Question
from fairlead.web.console.section import Routes, ensure_house, is_fragment, own_form, see
from fairlead.web.console.state import State
from fairlead.web.console.trend import MOST, Trend, trend

PATH = "/console/evaluations"
CASES = f"{PATH}/cases"
PAGE = 50
_LONGEST_INPUT = 160


@dataclass(frozen=True, slots=True)
class Query:
    """`before`: the time and the id of the last row of the page before."""

    suite: str = ""
    release: str = ""
    before: tuple[datetime, str] | None = None

    def address(self, path: str = PATH, **changes: str) -> str:
        """With some filters changed; paging starts again."""
        found = {"suite": self.suite, "release": self.release} | changes
        return f"{path}?{urlencode({name: value for name, value in found.items() if value})}".rstrip("?")


@dataclass(frozen=True, slots=True)
class Row:
    evaluation: Evaluation
    state: State
    evidence: str
    passed: str
    latency: str


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    address: str
    current: bool


@dataclass(frozen=True, slots=True)
class EvaluationsView:
    query: Query
    rows: tuple[Row, ...]
    suites: tuple[Link, ...]
    trend: Trend | None
    failed: FairleadError | None  # why the trend could not be read
    kept: int | None
    older: str
    newest: str


@dataclass(frozen=True, slots=True)
class CaseRow:
    """`right`: what says whether an answer is."""

    kept: KeptCase
    asked: str
    right: str


@dataclass(frozen=True, slots=True)
class CasesView:
    suite: str
    rows: tuple[CaseRow, ...]
    suites: tuple[Link, ...]
    may: bool


def parse(params: Mapping[str, str]) -> Query:
    """Nonsense is no filter. Raises `InvalidInput` for a place that is none."""
    found = {name: params.get(name, "").strip()[:200] for name in ("suite", "release")}
    before = None
    if given := params.get("before", ""):
        micros, _, id = given.partition("-")
        if not micros.isdecimal() or len(micros) > 17 or not id:
            raise InvalidInput("This is no place in the list.", hint=f"Begin at {PATH}.")
        before = (from_micros(int(micros)), id[:100])
    return Query(**found, before=before)


async def read(
    book: Book, query: Query, *, tenant: str
) -> tuple[Sequence[Evaluation], Mapping[str, str], Sequence[Evaluation] | BaseException, int | None]:
    """A page of them and one more, all suites, those of the trend, and how many cases are kept."""
    suites = await book.cases.suites(tenant=tenant)
    of_one = query.suite or (next(iter(suites)) if len(suites) == 1 else "")
    found, drawn, kept = await asyncio.gather(
        book.list(suite=query.suite or None, release=query.release or None, before=query.before, limit=PAGE + 1),
        book.list(suite=of_one, limit=MOST) if of_one else _none(),
        book.cases.list(tenant=tenant, suite=query.suite or None),
        return_exceptions=True,
    )
    if isinstance(found, BaseException):
        raise found
    for one in (drawn, kept):
        if isinstance(one, BaseException) and not isinstance(one, FairleadError):
            raise one
    return found, suites, drawn, None if isinstance(kept, BaseException) else len(kept)


async def _none() -> Sequence[Evaluation]:
    return ()


def shape(
    query: Query, found: Sequence[Evaluation], suites: Mapping[str, str],
    drawn: Sequence[Evaluation] | BaseException, kept: int | None, fmt: Format,
) -> EvaluationsView:  # fmt: skip
    shown = found[:PAGE]
    older = ""
    if len(found) > PAGE:
        last = shown[-1]
        older = query.address(before=f"{to_micros(last.started_at)}-{last.id}")
    links = (
        Link(fmt.words.gettext(N_("All suites")), query.address(suite=""), not query.suite),
        *(Link(one, query.address(suite=one), one == query.suite) for one in suites),
    )
    return EvaluationsView(
        query, tuple(_row(one, fmt) for one in shown), links if len(suites) > 1 else (),
        None if isinstance(drawn, BaseException) else trend(drawn, fmt),
        drawn if isinstance(drawn, FairleadError) else None, kept, older,
        query.address() if query.before is not None else "",
    )  # fmt: skip


def _row(one: Evaluation, fmt: Format) -> Row:
    figures, _ = one.figures, fmt.words.gettext
    against = next((found for found in one.findings if found.verdict is one.verdict), None)
    evidence = "" if against is None else evaluation.said_of(against, one, fmt)
    if one.verdict is Verdict.PASS:
        evidence = evaluation.said_of(one.findings[0], one, fmt) if one.findings else ""
    return Row(
        one, state.of_verdict(one.verdict), evidence,
        _(N_("%(n)s of %(of)s")) % {"n": fmt.count(figures.passed), "of": fmt.count(figures.planned)},
        NOTHING if figures.latency is None else fmt.duration(timedelta(seconds=figures.latency)),
    )  # fmt: skip


def shape_cases(
    suite: str, found: Sequence[KeptCase], fmt: Format, *, may: bool
) -> CasesView:  # fmt: skip
    suites = sorted({one.case.suite for one in found} | ({suite} if suite else set()))
    shown = [one for one in found if not suite or one.case.suite == suite]
    links = (
        Link(fmt.words.gettext(N_("All suites")), CASES, not suite),
        *(Link(one, f"{CASES}?{urlencode({'suite': one})}", one == suite) for one in suites),
    )
    rows = tuple(CaseRow(one, _short(asked(one.case.inputs)), _right(one, fmt)) for one in reversed(shown))
    return CasesView(suite, rows, links if len(suites) > 1 else (), may)


def _right(one: KeptCase, fmt: Format) -> str:
    _, case = fmt.words.gettext, one.case
    if rubric := reading.text(next(iter(case.evaluators), None), "Judge", "rubric"):
        return _(N_("a model judges: %(rubric)s")) % {"rubric": _short(rubric)}
    if case.expected_output is None:
        return _(N_("to be judged"))
    text = case.expected_output if isinstance(case.expected_output, str) else asked(case.expected_output)
    return _(N_("expects %(text)s")) % {"text": _short(text)}


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_INPUT else line[: _LONGEST_INPUT - 1] + "…"


class EvaluationsPages:
    def __init__(self, desk: Desk, doors: Doors) -> None:
        self._desk = desk
        self._doors = doors

    def pages(self) -> Routes:
        return [
            (PATH, self.all), (CASES, self.cases), (f"{CASES}/{{case_id}}/remove", self.ask_remove),
            (f"{PATH}/{{evaluation_id}}", self.one),
        ]  # fmt: skip

    def writes(self) -> Routes:
        return [(f"{CASES}/{{case_id}}/remove", self.remove)]

    async def all(self, request: Request) -> Response:
        caller = self._caller(request)
        query = parse(request.query_params)
        view = shape(query, *await read(self._book, query, tenant=caller.tenant), self._fmt(request))
        return self._desk.page(request, "pages/evaluations.html", view=view, here="evaluations")

    async def one(self, request: Request) -> Response:
        self._caller(request)
        given, fmt = request.query_params, self._fmt(request)
        one = await self._book.get(request.path_params["evaluation_id"])
        if with_id := given.get("with", ""):
            other = await self._book.get(with_id)
            before, after = sorted((one, other), key=lambda each: each.started_at)
            view = comparison.shape(before, after, fmt)
            return self._desk.page(request, "pages/comparison.html", view=view, here="evaluations")
        others = [each for each in await self._book.list(suite=one.suite, limit=MOST) if each.id != one.id]
        shown = evaluation.shape(one, others, fmt, whole=given.get("all") == "1", case=given.get("case", ""))
        template = "parts/_evaluation_pane.html" if is_fragment(request) else "pages/evaluation.html"
        return self._desk.page(request, template, view=shown, here="evaluations")

    async def cases(self, request: Request) -> Response:
        caller = self._caller(request)
        suite = request.query_params.get("suite", "").strip()[:100]
        found = await self._book.cases.list(tenant=caller.tenant)
        view = shape_cases(suite, found, self._fmt(request), may=caller.role.covers(Role.OPERATOR))
        return self._desk.page(request, "pages/kept_cases.html", view=view, here="evaluations")

    async def ask_remove(self, request: Request) -> Response:
        caller = self._caller(request)
        require(caller, Role.OPERATOR)
        kept = await self._book.cases.get(request.path_params["case_id"], tenant=caller.tenant)
        template = "parts/_question.html" if is_fragment(request) else "pages/question.html"
        question = _removal(kept, self._fmt(request))
        return self._desk.page(request, template, question=question, here="evaluations")

    async def remove(self, request: Request) -> Response:
        await own_form(request)
        caller = self._caller(request)
        case_id = request.path_params["case_id"]
        await self._book.cases.remove(case_id, tenant=caller.tenant, by=caller.name)
        await self._doors.books.audit.report("case.remove", tenant=caller.tenant, by=caller.name, subject=case_id)
        return see(CASES)

    @property
    def _book(self) -> Book:
        return self._doors.evaluations

    def _caller(self, request: Request) -> Principal:
        """Raises `Forbidden`."""
        caller = caller_of(request)
        ensure_house(caller)
        return caller

    def _fmt(self, request: Request) -> Format:
        return self._desk.reader(request).fmt


def _removal(kept: KeptCase, fmt: Format) -> Question:
    _, text = fmt.words.gettext, N_("Evaluations of %(suite)s ask it no longer. Those that were stay as they are.")
    return Question(
        title=_(N_("Remove the case %(name)s?")) % {"name": kept.case.name},
        text=_(text) % {"suite": kept.case.suite},
        detail=_short(asked(kept.case.inputs)), confirm=_(N_("Remove")),
        action=f"{CASES}/{quote(kept.id, safe='')}/remove", back=CASES, danger=True,
    )  # fmt: skip
