"""The form that makes a case of a run: which suite, which name, and what is right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response

from fairlead.access import Principal, Role, require
from fairlead.errors import Conflict, FairleadError, InvalidInput, NotFound
from fairlead.runs.run import Run
from fairlead.ship.evaluation.kept import NewCase
from fairlead.web.console.desk import KEEPS_CASES, Desk, caller_of
from fairlead.web.console.doors import Doors
from fairlead.web.console.format import Format
from fairlead.web.console.headline import headline
from fairlead.web.console.language import N_
from fairlead.web.console.section import Routes, ensure_house, own_form, see

PATH = KEEPS_CASES
CASES = "/console/evaluations/cases"
EXPECTED, RUBRIC, LATER = RIGHT = ("expected", "rubric", "later")
SCORERS = ("", "Exact", "Contains")
_LONGEST_NAME = 40
_LONGEST_SHOWN = 20_000  # characters of an output that a form can hold
_LONGEST_RUBRIC = 4000


@dataclass(frozen=True, slots=True)
class Given:
    """What the form says. `right`: one of `RIGHT`."""

    suite: str = ""
    name: str = ""
    right: str = EXPECTED
    expected: str = ""
    as_json: bool = False
    scorer: str = ""
    rubric: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str


@dataclass(frozen=True, slots=True)
class CaseView:
    """`long`: the output is too long for the form, and is taken whole where nothing is written."""

    run: Run
    title: str
    path: str
    given: Given
    suites: tuple[str, ...]
    scorers: tuple[Choice, ...]
    models: tuple[str, ...]
    long: bool
    failed: bool
    problem: FairleadError | None = None


def parse(form: Mapping[str, str]) -> Given:
    """Raises `InvalidInput`."""
    given = Given(
        form.get("suite", "").strip(), form.get("name", "").strip(), form.get("right", ""),
        form.get("expected", "").replace("\r\n", "\n"), form.get("as_json") == "yes", form.get("scorer", ""),
        form.get("rubric", "").strip(), form.get("model", "").strip(),
    )  # fmt: skip
    if given.right not in RIGHT or given.scorer not in SCORERS:
        raise InvalidInput("The form is not ours.", hint="Open the page again.")
    return given


def first(run: Run, suites: Mapping[str, str], models: tuple[str, ...]) -> Given:
    """What the form says before anybody has written in it."""
    mine = [suite for suite, agent in suites.items() if agent == run.agent]
    text, as_json = written(run.output)
    return Given(
        suite=mine[-1] if mine else "" if suites else "smoke",
        name=suggested(run),
        right=EXPECTED,
        expected=text if len(text) <= _LONGEST_SHOWN else "",
        as_json=as_json,
        model=models[0] if models else "",
    )


def written(output: Any) -> tuple[str, bool]:
    """An output as text, and whether that is JSON."""
    if output is None:
        return "", False
    if isinstance(output, str):
        return output, False
    return orjson.dumps(output, option=orjson.OPT_INDENT_2).decode(), True


def suggested(run: Run) -> str:
    """A name from the first words of what was asked."""
    words = "".join(letter if letter.isalnum() else " " for letter in headline(run).lower()).split()
    name = ""
    for word in words:
        longer = f"{name}-{word}" if name else word
        if len(longer) > _LONGEST_NAME:
            break
        name = longer
    return name or run.id


def made(run: Run, given: Given, *, user: str | None) -> NewCase:
    """Raises `InvalidInput` that says what is missing."""
    expected, evaluators = None, tuple[Any, ...]()
    match given.right:
        case "expected":
            expected = _expected(run, given)
            evaluators = (given.scorer,) if given.scorer else ()
        case "rubric":
            if not given.rubric or not given.model:
                raise InvalidInput("A judge needs a rubric and a model.", hint="Say what a right answer has in it.")
            if len(given.rubric) > _LONGEST_RUBRIC:
                raise InvalidInput(f"A rubric has at most {_LONGEST_RUBRIC} characters.")
            evaluators = ({"Judge": {"rubric": given.rubric, "model": given.model}},)
        case _:
            pass
    return NewCase(
        given.suite, given.name, run.agent, run.input, run.id, run.release, expected, evaluators, user
    )  # fmt: skip


def _expected(run: Run, given: Given) -> Any:
    if not given.expected.strip():
        if len(written(run.output)[0]) > _LONGEST_SHOWN:
            return run.output
        raise InvalidInput("Nothing is expected.", hint="Write what is right, or leave it to be judged.")
    if not given.as_json:
        return given.expected
    try:
        found: Any = orjson.loads(given.expected)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"What is expected is no JSON: {error.msg}, line {error.lineno}.") from error
    if found is None:
        raise InvalidInput("Null can't be compared with.", hint="Leave it to be judged.")
    return found


def shape(
    run: Run, given: Given, suites: Mapping[str, str], models: tuple[str, ...], fmt: Format, *,
    problem: FairleadError | None = None,
) -> CaseView:  # fmt: skip
    _ = fmt.words.gettext
    scorers = (N_("as the suite compares"), N_("exactly this"), N_("this is in it"))
    return CaseView(
        run, headline(run), PATH.format(run_id=quote(run.id, safe="")), given,
        tuple(suite for suite, agent in suites.items() if agent == run.agent),
        tuple(Choice(value, _(label)) for value, label in zip(SCORERS, scorers, strict=True)), models,
        len(written(run.output)[0]) > _LONGEST_SHOWN, run.output is None, problem,
    )  # fmt: skip


class CasePages:
    def __init__(self, desk: Desk, doors: Doors) -> None:
        self._desk = desk
        self._doors = doors

    def pages(self) -> Routes:
        return [(PATH, self.form)]

    def writes(self) -> Routes:
        return [(PATH, self.keep)]

    async def form(self, request: Request) -> Response:
        caller, run = await self._run(request)
        suites = await self._doors.evaluations.cases.suites(tenant=caller.tenant)
        models = self._models(run)
        return self._page(request, shape(run, first(run, suites, models), suites, models, self._fmt(request)))

    async def keep(self, request: Request) -> Response:
        """What is wrong is said in the form, which keeps what was written."""
        form = await own_form(request)
        caller, run = await self._run(request)
        given, cases = parse(form), self._doors.evaluations.cases
        try:
            kept = await cases.keep(made(run, given, user=await self._user(run)), tenant=caller.tenant, by=caller.name)
        except (InvalidInput, Conflict) as error:
            suites = await cases.suites(tenant=caller.tenant)
            view = shape(run, given, suites, self._models(run), self._fmt(request), problem=error)
            return self._page(request, view, status=409 if isinstance(error, Conflict) else 422)
        await self._doors.books.audit.report(
            "case.keep", tenant=caller.tenant, by=caller.name, subject=kept.id,
            detail={"run": run.id, "suite": kept.case.suite},
        )  # fmt: skip
        return see(f"{CASES}?{urlencode({'suite': kept.case.suite})}")

    async def _run(self, request: Request) -> tuple[Principal, Run]:
        """Raises `Forbidden`, `NotFound`."""
        caller = caller_of(request)
        require(caller, Role.OPERATOR)
        ensure_house(caller)
        return caller, await self._desk.door(request).run(request.path_params["run_id"])

    async def _user(self, run: Run) -> str | None:
        """Whose data it is: the run's, or the thread's where the run is nobody's."""
        if run.user is not None or run.thread_id is None:
            return run.user
        try:
            return (await self._doors.threads.get(run.thread_id, tenant=run.tenant)).user
        except NotFound:
            return None

    def _models(self, run: Run) -> tuple[str, ...]:
        spec = self._doors.agents.get(run.agent)
        model = spec.native.model if spec is not None and spec.native is not None else None
        return (model,) if isinstance(model, str) else ()

    def _fmt(self, request: Request) -> Format:
        return self._desk.reader(request).fmt

    def _page(self, request: Request, view: CaseView, *, status: int = 200) -> Response:
        return self._desk.page(request, "pages/case.html", status=status, view=view, here="runs")
