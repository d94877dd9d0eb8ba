"""What people, rules and models think of a run, on its page; and the reader's own word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from fairlead.errors import InvalidInput
from fairlead.runs.scores import NewScore, Score, Source, Value
from fairlead.web.console.desk import Desk
from fairlead.web.console.language import N_
from fairlead.web.console.section import Routes, own_form, see

PATH = "/console/runs/{run_id}/scores"
NAME = "rating"  # what a person says here, when they give it no other name
_LONGEST_COMMENT = 10_000
_SOURCES = {Source.PERSON: N_("person"), Source.RULE: N_("rule"), Source.MODEL: N_("model")}
_KINDS = {"good": True, "bad": False}


@dataclass(frozen=True, slots=True)
class Line:
    """`verdict`: True is good, False bad, None neither: then `said` tells it."""

    score: Score
    verdict: bool | None
    said: str
    source: str


def shape(scores: Sequence[Score]) -> tuple[Line, ...]:
    return tuple(Line(one, one.value if isinstance(one.value, bool) else None, _said(one.value),
                      _SOURCES[one.source]) for one in scores)  # fmt: skip


def _said(value: Value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def parse(form: Mapping[str, str]) -> NewScore:
    """Raises `InvalidInput`."""
    verdict, comment = form.get("value", ""), form.get("comment", "").strip()
    if verdict not in _KINDS:
        raise InvalidInput("Neither good nor bad was chosen.", hint="Go back and choose one.")
    if len(comment) > _LONGEST_COMMENT:
        raise InvalidInput(f"The comment is longer than {_LONGEST_COMMENT} characters.")
    return NewScore(NAME, _KINDS[verdict], Source.PERSON, comment=comment or None)


class ScorePages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def pages(self) -> Routes:
        return []

    def writes(self) -> Routes:
        return [(PATH, self.score)]

    async def score(self, request: Request) -> Response:
        form = await own_form(request)
        run_id = request.path_params["run_id"]
        await self._desk.door(request).score(run_id, parse(form))
        return see(f"/console/runs/{quote(run_id, safe='')}#scores")
