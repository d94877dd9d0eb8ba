"""A new run from a step of another: with another input, or with something else for what came of the step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson
from starlette.requests import Request
from starlette.responses import Response

from fairlead.access import Role, require
from fairlead.errors import FairleadError, InvalidInput, NotFound
from fairlead.runs.run import Run
from fairlead.web.console import reading
from fairlead.web.console.desk import Desk, caller_of
from fairlead.web.console.door import Forking
from fairlead.web.console.headline import headline
from fairlead.web.console.pages import run as run_page
from fairlead.web.console.section import Routes, own_form, see
from fairlead.web.console.steps import Step
from fairlead.web.console.tapes import Tapes

PATH = "/console/runs/{run_id}/fork"
_EDITABLE = ("step", "tool")
_LONGEST = 30_000  # of a text box: what is longer can't be changed here


@dataclass(frozen=True, slots=True)
class ForkView:
    """`input` and `result` as they are typed; empty `result`: what was recorded stands no more, and is done again.
    `fixed`: the input is too long to be changed here."""

    run: Run
    title: str
    step: Step
    input: str
    result: str
    fixed: bool
    editable: bool
    back: str
    error: FairleadError | None = None


def shape(run: Run, step: Step, typed: Mapping[str, str], error: FairleadError | None = None) -> ForkView:
    written = _json(run.input)
    editable = step.kind in _EDITABLE and not isinstance(reading.at(step.data, "error"), dict)
    return ForkView(
        run=run, title=headline(run), step=step, input=typed.get("input", written),
        result=typed.get("result", ""), fixed=len(written) > _LONGEST, editable=editable,
        back=f"/console/runs/{quote(run.id, safe='')}?step={quote(step.key, safe='')}", error=error,
    )  # fmt: skip


def parse(form: Mapping[str, str], run: Run) -> Forking:
    """Raises `InvalidInput` for what is no JSON. An input that stands as it was is none."""
    step = form.get("step", "")
    given = (_value("input", form["input"]),) if form.get("input", "").strip() else None
    if given is not None and given[0] == run.input:
        given = None
    result = (_value("result", form["result"]),) if form.get("result", "").strip() else None
    return Forking(step, given, result)


def _value(name: str, text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(
            f"The {name} is no JSON: {error.msg}, line {error.lineno}, column {error.colno}.",
            hint='A text stands in quotes: "like this".',
        ) from error


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode()


class ForkPages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def pages(self) -> Routes:
        return [(PATH, self.ask)]

    def writes(self) -> Routes:
        return [(PATH, self.fork)]

    async def ask(self, request: Request) -> Response:
        require(caller_of(request), Role.OPERATOR)
        run, step = await self._read(request, request.query_params.get("step", ""))
        return self._desk.page(request, "pages/fork.html", view=shape(run, step, {}), here="runs")

    async def fork(self, request: Request) -> Response:
        form = await own_form(request)
        run, step = await self._read(request, form.get("step", ""))
        try:
            forked = await self._desk.door(request).fork(run.id, parse(form, run))
        except InvalidInput as error:  # nothing that was typed is lost
            view = shape(run, step, form, error)
            return self._desk.page(request, "pages/fork.html", status=422, view=view, here="runs")
        return see(f"/console/runs/{quote(forked.id, safe='')}")

    async def _read(self, request: Request, key: str) -> tuple[Run, Step]:
        door = self._desk.door(request)
        material = await run_page.read(door, self._desk.shared(Tapes), request.path_params["run_id"])
        step = next((one for one in material.tape.story().steps if one.key == key), None)
        if step is None or step.end is None:
            raise NotFound("The run has recorded no such step.", hint="Open the run and choose a step that is over.")
        return material.run, step
