"""One evaluation: what it found, beside what is wanted, and how each case fared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote, urlencode

from fairlead.ship.evaluation.book import Evaluation
from fairlead.ship.evaluation.gate import NANO, trials_to_pass
from fairlead.ship.evaluation.outcome import Outcome, Result, by_case, cost_nano, p95, passed
from fairlead.ship.verdict import Finding, Verdict
from fairlead.web.console import state
from fairlead.web.console.format import NOTHING, Format
from fairlead.web.console.language import N_
from fairlead.web.console.state import State, Tone
from fairlead.web.console.trend import interval, share

PAGE = 100  # cases
_RESULTS = {
    Result.PASSED: State("success", Tone.OK, N_("passed"), "passed"),
    Result.FAILED: State("error", Tone.ERR, N_("failed"), "failed"),
    Result.COULD_NOT_ASK: State("unknown", Tone.ASK, N_("could not ask"), "could_not_ask"),
}
_SOMETIMES = State("unclear", Tone.WARN, N_("failed sometimes"), "failed")
_ABOUT = {"accuracy": N_("Accuracy"), "cost": N_("Cost"), "latency": N_("Latency")}
_ORDER = (_RESULTS[Result.FAILED], _SOMETIMES, _RESULTS[Result.COULD_NOT_ASK], _RESULTS[Result.PASSED])


@dataclass(frozen=True, slots=True)
class Scale:
    """In percent of the width. `low` to `high`: the interval. `at`: what was measured. `limit`: what is wanted."""

    low: float
    high: float
    at: float
    limit: float
    ends: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Check:
    label: str
    said: str
    state: State
    needed: str = ""  # what would tell, where it is unclear
    scale: Scale | None = None


@dataclass(frozen=True, slots=True)
class TrialRow:
    outcome: Outcome
    state: State
    took: str
    cost: str
    scores: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class CaseRow:
    name: str
    state: State
    passed: str
    took: str
    cost: str
    why: str
    kept: str
    trials: tuple[TrialRow, ...]


@dataclass(frozen=True, slots=True)
class EvaluationView:
    evaluation: Evaluation
    state: State
    took: timedelta
    passed: str
    latency: str
    checks: tuple[Check, ...]
    rows: tuple[CaseRow, ...]
    hidden: int
    kept: int
    others: tuple[tuple[str, str], ...]  # ids, and what they are called in a choice
    before: str  # the evaluation before it, to compare with
    selected: CaseRow | None
    missing: bool  # the case that was asked for is not in it

    @property
    def path(self) -> str:
        return f"/console/evaluations/{self.evaluation.id}"


def state_of(trials: Sequence[Outcome]) -> State:
    """Of a case."""
    results = {one.result for one in trials}
    if Result.FAILED in results:
        return _SOMETIMES if Result.PASSED in results else _RESULTS[Result.FAILED]
    return _RESULTS[Result.COULD_NOT_ASK if Result.COULD_NOT_ASK in results else Result.PASSED]


def address(one: Evaluation, case: str) -> str:
    return f"/console/evaluations/{quote(one.id, safe='')}?{urlencode({'case': case})}"


def shape(
    one: Evaluation, others: Sequence[Evaluation], fmt: Format, *, whole: bool = False, case: str = ""
) -> EvaluationView:
    """`others` of its suite, the newest first."""
    figures = one.figures
    cases = [_case(name, trials, fmt) for name, trials in by_case(one.outcomes).items()]
    cases.sort(key=lambda row: _ORDER.index(row.state))  # stable: else as they were asked
    shown = cases if whole else cases[:PAGE]
    selected = next((row for row in cases if row.name == case), None)
    of = fmt.words.gettext(N_("%(n)s of %(of)s"))
    return EvaluationView(
        one, state.of_verdict(one.verdict), one.finished_at - one.started_at,
        of % {"n": fmt.count(figures.passed), "of": fmt.count(figures.planned)}, _seconds(figures.latency, fmt),
        tuple(_check(found, one, fmt) for found in one.findings), tuple(shown), len(cases) - len(shown),
        sum(bool(row.kept) for row in cases), tuple((each.id, _called(each, fmt)) for each in others),
        next((each.id for each in others if each.started_at < one.started_at), ""), selected,
        bool(case) and selected is None,
    )  # fmt: skip


def said_of(found: Finding, one: Evaluation, fmt: Format) -> str:
    """The evidence in the reader's words; that of a finding we do not know as it was kept."""
    _, figures, bounds = fmt.words.gettext, one.figures, one.bounds
    match found.about:
        case "accuracy":
            return _accuracy(one, fmt)
        case "cost":
            given = {"sum": fmt.money(figures.cost_nano), "most": fmt.money(bounds.max_cost_nano)}
            return _(N_("%(sum)s, at most %(most)s")) % given
        case "latency" if figures.latency is not None:
            given = {"time": _seconds(figures.latency, fmt), "most": _seconds(bounds.max_latency, fmt)}
            return _(N_("P95 %(time)s, at most %(most)s")) % given
        case _:
            return found.said


def _accuracy(one: Evaluation, fmt: Format) -> str:
    _, figures, bounds, right = fmt.words.gettext, one.figures, interval(one), share(one)
    if bounds is None or right is None:
        return _(N_("none of %(n)s answers could be had")) % {"n": fmt.count(figures.planned)}
    missing = figures.planned - figures.asked
    given = {
        "share": f"{right:.1%}", "n": fmt.count(figures.asked), "low": f"{bounds[0]:.1%}", "high": f"{bounds[1]:.1%}",
        "least": f"{one.bounds.min_accuracy:.1%}", "missing": fmt.count(missing),
    }  # fmt: skip
    text = N_("%(share)s of %(n)s answers, so between %(low)s and %(high)s; at least %(least)s is wanted")
    if missing:
        text = N_("%(share)s of %(n)s answers, so between %(low)s and %(high)s; at least %(least)s is wanted, and "
                  "%(missing)s could not be had")  # fmt: skip
    return _(text) % given


def _check(found: Finding, one: Evaluation, fmt: Format) -> Check:
    label = fmt.words.gettext(_ABOUT[found.about]) if found.about in _ABOUT else found.about
    needed = _needed(one, fmt) if found.about == "accuracy" and found.verdict is Verdict.UNCLEAR else ""
    return Check(
        label, said_of(found, one, fmt), state.of_verdict(found.verdict), needed, _scale(found.about, one, fmt)
    )


def _needed(one: Evaluation, fmt: Format) -> str:
    _, figures = fmt.words.gettext, one.figures
    trials = trials_to_pass(figures.passed, figures.asked, figures.cases, one.bounds)
    if trials is None:
        return _(N_("Too near the least accuracy to be told from it. Look at the cases that fail."))
    return _(N_("If as many go on being right, %(trials)s trials of each case would show it. Or add cases.")) % {
        "trials": trials
    }  # fmt: skip


def _scale(about: str, one: Evaluation, fmt: Format) -> Scale | None:
    figures, bounds = one.figures, one.bounds
    if about == "accuracy":
        found, right = interval(one), share(one)
        if found is None or right is None:
            return None
        return Scale(
            _percent(found[0]), _percent(found[1]), _percent(right), _percent(bounds.min_accuracy), ("0%", "100%")
        )
    if about == "cost":
        return _up_to(figures.cost_nano / NANO, bounds.max_cost, fmt.money(bounds.max_cost_nano))
    if about == "latency" and figures.latency is not None:
        return _up_to(figures.latency, bounds.max_latency, _seconds(bounds.max_latency, fmt))
    return None


def _up_to(value: float, most: float, label: str) -> Scale:
    """From nothing to a quarter beyond the limit, or to what was measured."""
    end = max(most * 1.25, value * 1.02) or 1.0
    return Scale(0.0, _percent(value / end), _percent(value / end), _percent(most / end), ("0", label))


def _percent(value: float) -> float:
    return round(100 * min(max(value, 0.0), 1.0), 2)


def _case(name: str, trials: Sequence[Outcome], fmt: Format) -> CaseRow:
    good, _ = passed(trials), fmt.words.gettext
    failed = [one.why for one in trials if one.result is Result.FAILED]
    why = next(filter(None, (*failed, *(one.why for one in trials))), "")
    kept = next((one.kept for one in trials if one.kept), "")
    of = _(N_("%(n)s of %(of)s")) % {"n": good, "of": len(trials)}
    rows = tuple(_trial(one, fmt) for one in trials)
    cost = fmt.money(cost_nano(trials))
    return CaseRow(name, state_of(trials), of, _seconds(p95(trials), fmt), cost, why, kept, rows)


def _trial(one: Outcome, fmt: Format) -> TrialRow:
    _ = fmt.words.gettext
    scores = tuple(
        (name, (_(N_("yes")) if value else _(N_("no"))) if isinstance(value, bool) else f"{value}")
        for name, value in one.scores.items()
    )
    took = _seconds(one.seconds, fmt) if one.run_id else NOTHING
    return TrialRow(one, _RESULTS[one.result], took, fmt.money(one.cost_nano + one.judge_nano), scores)


def _seconds(value: float | None, fmt: Format) -> str:
    return NOTHING if value is None else fmt.duration(timedelta(seconds=value))


def _called(one: Evaluation, fmt: Format) -> str:
    return f"{one.release} · {fmt.time(one.started_at)} · {fmt.words.gettext(state.of_verdict(one.verdict).word)}"
