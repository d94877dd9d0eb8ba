"""What evaluations have to do with a run, on its page: whose answer it is, and which cases were kept from it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from fairlead.ship.evaluation.book import Asked, MadeCase, OfRun
from fairlead.ship.evaluation.outcome import passed
from fairlead.web.console import state
from fairlead.web.console.format import Format
from fairlead.web.console.language import N_
from fairlead.web.console.pages import evaluation
from fairlead.web.console.state import State


@dataclass(frozen=True, slots=True)
class Trial:
    """`of`: the evaluation's verdict."""

    asked: Asked
    state: State
    of: State
    address: str


@dataclass(frozen=True, slots=True)
class Case:
    """`state` None: it was not asked yet."""

    made: MadeCase
    address: str
    state: State | None
    passed: str
    newest: str


@dataclass(frozen=True, slots=True)
class Evaluated:
    trials: tuple[Trial, ...]
    cases: tuple[Case, ...]


def shape(found: OfRun, fmt: Format) -> Evaluated:
    return Evaluated(tuple(map(_trial, found.asked)), tuple(_case(one, fmt) for one in found.cases))


def _trial(one: Asked) -> Trial:
    told = one.outcome
    return Trial(
        one, evaluation.state_of([told]), state.of_verdict(one.evaluation.verdict),
        evaluation.address(one.evaluation, told.case),
    )  # fmt: skip


def _case(one: MadeCase, fmt: Format) -> Case:
    kept = one.kept.case
    address = f"/console/evaluations/cases?{urlencode({'suite': kept.suite})}"
    if one.newest is None:
        return Case(one, address, None, "", "")
    counts = {"n": fmt.count(passed(one.outcomes)), "of": fmt.count(len(one.outcomes))}
    return Case(
        one, address, evaluation.state_of(one.outcomes), fmt.words.gettext(N_("%(n)s of %(of)s")) % counts,
        evaluation.address(one.newest, kept.name),
    )  # fmt: skip
