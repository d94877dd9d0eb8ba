"""Two evaluations of a suite, case by case: better, worse, the same, and whether that may be chance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from fairlead.errors import InvalidInput
from fairlead.ship.evaluation import binomial
from fairlead.ship.evaluation.book import Evaluation
from fairlead.ship.evaluation.compare import Comparison, Pair, compare
from fairlead.ship.evaluation.gate import DOUBT
from fairlead.ship.evaluation.outcome import by_case
from fairlead.web.console.format import NOTHING, Format
from fairlead.web.console.language import N_
from fairlead.web.console.state import State, Tone

_WORSE = State("error", Tone.ERR, N_("worse"))
_BETTER = State("success", Tone.OK, N_("better"))
_SAME = State("pending", Tone.MUTED, N_("same"))
_ORDER = (_WORSE, _BETTER, _SAME)


@dataclass(frozen=True, slots=True)
class PairRow:
    case: str
    state: State
    before: str
    after: str
    kept: str
    runs: tuple[str, str]  # behind it, before and after; the first that failed


@dataclass(frozen=True, slots=True)
class Arm:
    """`low`, `high` and `at` in percent, of the accuracy in the cases that are compared."""

    evaluation: Evaluation
    said: str
    low: float
    high: float
    at: float
    cost: str
    latency: str


@dataclass(frozen=True, slots=True)
class ComparisonView:
    before: Evaluation
    after: Evaluation
    arms: tuple[Arm, Arm]
    rows: tuple[PairRow, ...]
    state: State
    said: str
    counts: tuple[tuple[int, State], ...]
    others: tuple[str, ...]


def shape(before: Evaluation, after: Evaluation, fmt: Format) -> ComparisonView:
    """Raises `InvalidInput`."""
    if before.suite != after.suite:
        raise InvalidInput(
            f"{before.id} is of the suite {before.suite}, {after.id} of {after.suite}.",
            hint="Compare evaluations of one suite.",
        )
    if before.id == after.id:
        raise InvalidInput("An evaluation is as good as itself.", hint="Choose another one.")
    found = compare(before.outcomes, after.outcomes)
    rows = sorted((_row(one, before, after, fmt) for one in found.pairs), key=lambda row: _ORDER.index(row.state))
    counts = tuple((sum(row.state is each for row in rows), each) for each in _ORDER)
    arms = _arm(before, 0, found, fmt), _arm(after, 1, found, fmt)
    return ComparisonView(before, after, arms, tuple(rows), *_verdict(found, fmt), counts, found.others)


def _verdict(found: Comparison, fmt: Format) -> tuple[State, str]:
    _ = fmt.words.gettext
    if not found.pairs:
        return State("unknown", Tone.ASK, N_("not comparable")), _(
            N_("The two have no case in common that both could ask.")
        )
    if not found.better and not found.worse:
        return _SAME, _(N_("Every case fared as before."))
    given = {"chance": f"{100 * found.chance:.3g}%", "needed": f"{DOUBT:.0%}"}
    if found.chance > DOUBT:
        text = N_("It may be chance: if nothing has changed, so much or more is seen in %(chance)s of comparisons. "
                  "Less than %(needed)s would tell; more cases or trials show more.")  # fmt: skip
        return State("unclear", Tone.WARN, N_("it may be chance")), _(text) % given
    total = sum(one.difference for one in found.pairs)
    text = N_("Hardly chance: if nothing has changed, so much or more is seen in %(chance)s of comparisons.")
    return (_BETTER if total > 0 else _WORSE), _(text) % given


def _row(pair: Pair, before: Evaluation, after: Evaluation, fmt: Format) -> PairRow:
    which = _SAME if not pair.difference else _BETTER if pair.difference > 0 else _WORSE
    kept = next((one.kept for one in after.outcomes if one.case == pair.case and one.kept), "")
    runs = _run_of(before, pair.case), _run_of(after, pair.case)
    return PairRow(pair.case, which, _of(pair.before, fmt), _of(pair.after, fmt), kept, runs)


def _run_of(one: Evaluation, case: str) -> str:
    trials = by_case(one.outcomes).get(case, [])
    worst = sorted(trials, key=lambda each: each.result.value != "failed")
    return worst[0].run_id if worst else ""


def _of(counts: tuple[int, int], fmt: Format) -> str:
    return fmt.words.gettext(N_("%(n)s of %(of)s")) % {"n": counts[0], "of": counts[1]}


def _arm(one: Evaluation, place: int, found: Comparison, fmt: Format) -> Arm:
    counts = [(pair.before, pair.after)[place] for pair in found.pairs]
    good, asked = sum(each[0] for each in counts), sum(each[1] for each in counts)
    cost, latency = found.cost_nano[place], found.p95[place]
    low, high = binomial.interval(good, asked, DOUBT) if asked else (0.0, 0.0)
    given = {
        "share": f"{good / asked:.1%}" if asked else NOTHING,
        "n": asked,
        "low": f"{low:.1%}",
        "high": f"{high:.1%}",
    }
    said = fmt.words.gettext(N_("%(share)s of %(n)s answers, so between %(low)s and %(high)s")) % given
    return Arm(
        one, said, round(100 * low, 2), round(100 * high, 2), round(100 * good / asked, 2) if asked else 0.0,
        NOTHING if cost is None else fmt.money(round(cost)),
        NOTHING if latency is None else fmt.duration(timedelta(seconds=latency)),
    )  # fmt: skip
