from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.errors import InvalidInput
from fairlead.ship.evaluation.gate import Bounds, judge, trials_of, trials_to_pass
from fairlead.ship.evaluation.outcome import Outcome, Result, p95
from fairlead.ship.verdict import Verdict, verdict_of
from tests.ship.evaluation.made import LOST, PASSED, outcome, outcomes

BEST_FIRST = [Verdict.PASS, Verdict.UNCLEAR, Verdict.COULD_NOT_ASK, Verdict.FAIL]


def accuracy(found: list[Outcome], least: float = 0.85, planned: int | None = None) -> Verdict:
    return judge(found, Bounds(least), planned=len(found) if planned is None else planned)[0].verdict


def verdict(found: list[Outcome], bounds: Bounds) -> Verdict:
    return verdict_of(judge(found, bounds, planned=len(found)))


@pytest.mark.parametrize(
    ("passed", "failed", "said"),
    [
        (19, 0, Verdict.PASS),  # 0.85^19 = 0.0456
        (18, 0, Verdict.UNCLEAR),  # 0.85^18 = 0.0536
        (1, 0, Verdict.UNCLEAR),
        (0, 1, Verdict.UNCLEAR),
        (0, 2, Verdict.FAIL),  # 0.15^2
        (93, 7, Verdict.PASS),
        (90, 10, Verdict.UNCLEAR),
        (80, 20, Verdict.UNCLEAR),
        (70, 30, Verdict.FAIL),
    ],
)
def test_accuracy_is_told_only_where_the_interval_says_so(passed: int, failed: int, said: Verdict) -> None:
    assert accuracy(outcomes(passed, failed)) is said


def test_what_could_not_be_asked_never_passes_and_only_a_sure_fail_is_one() -> None:
    assert accuracy(outcomes(1000, lost=1)) is Verdict.COULD_NOT_ASK
    assert accuracy(outcomes(0, lost=30)) is Verdict.COULD_NOT_ASK
    assert accuracy([]) is Verdict.COULD_NOT_ASK
    assert accuracy(outcomes(10, 10, lost=1)) is Verdict.FAIL
    assert accuracy(outcomes(10, 8)) is Verdict.FAIL
    assert accuracy(outcomes(10, 8, lost=60)) is Verdict.COULD_NOT_ASK, "they might all have passed"


def test_what_was_never_asked_is_unclear() -> None:
    assert accuracy(outcomes(30), planned=40) is Verdict.UNCLEAR
    assert accuracy(outcomes(39), planned=40) is Verdict.PASS


def test_cost_is_the_agents_and_the_judges() -> None:
    spent = [outcome(cost_nano=600_000_000, judge_nano=400_000_000)] * 2
    assert judge(spent, Bounds(max_cost=2.0), planned=2)[1].verdict is Verdict.PASS
    found = judge([*spent, outcome(cost_nano=1)], Bounds(max_cost=2.0), planned=3)[1]
    assert (found.verdict, found.said) == (Verdict.FAIL, "$2, at most $2")
    assert judge([], Bounds(), planned=2)[1].verdict is Verdict.COULD_NOT_ASK


def test_latency_is_the_95th_of_a_hundred_and_the_slowest_of_a_few() -> None:
    quick, slow = outcome(seconds=1.0), outcome(seconds=31.0)
    assert judge([quick] * 95 + [slow] * 5, Bounds(), planned=100)[2].verdict is Verdict.PASS
    assert judge([quick] * 94 + [slow] * 6, Bounds(), planned=100)[2].verdict is Verdict.FAIL
    assert judge([quick] * 18 + [slow], Bounds(), planned=19)[2].verdict is Verdict.FAIL
    assert p95([quick, outcome(LOST, seconds=99.0)]) == 1.0
    assert judge([outcome(LOST)], Bounds(), planned=1)[2].verdict is Verdict.COULD_NOT_ASK


@pytest.mark.parametrize(
    ("given_", "says"),
    [
        ({"min_accuracy": 1.0}, "below 1"), ({"min_accuracy": -0.1}, "from 0"), ({"min_accuracy": 85}, "85"),
        ({"min_accuracy": math.nan}, "nan"), ({"max_cost": -1}, "dollars"), ({"max_cost": math.inf}, "inf"),
        ({"max_latency": 0}, "seconds"), ({"max_latency": math.nan}, "nan"),
    ],
)  # fmt: skip
def test_bounds_that_make_no_sense_are_refused(given_: dict[str, float], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        Bounds(**given_)


@settings(deadline=None)
@given(st.integers(1, 40), st.floats(0, 0.99))
def test_as_few_trials_as_can_pass(cases: int, least: float) -> None:
    bounds = Bounds(least)
    trials = trials_of(cases, bounds)
    assert accuracy(outcomes(trials * cases), least) is Verdict.PASS
    if trials > 1:
        assert accuracy(outcomes((trials - 1) * cases), least) is Verdict.UNCLEAR


def test_the_advice_is_what_would_pass() -> None:
    trials = trials_to_pass(18, 20, 10, Bounds(0.8))
    assert trials is not None
    assert accuracy(outcomes(trials * 9, trials), 0.8) is Verdict.PASS
    assert trials_to_pass(17, 20, 10, Bounds(0.85)) is None


any_outcomes = st.lists(
    st.builds(
        outcome, st.sampled_from(Result), st.sampled_from(["one", "two", "three"]), seconds=st.floats(0.1, 60),
        cost_nano=st.integers(0, 10**9),
    ),
    min_size=1, max_size=60,
)  # fmt: skip


@settings(deadline=None)
@given(any_outcomes, st.floats(0, 0.99), st.data())
def test_more_passes_never_worsen_the_verdict(found: list[Outcome], least: float, data: st.DataObject) -> None:
    bounds = Bounds(least)
    place = data.draw(st.integers(0, len(found) - 1))
    after = [*found[:place], replace(found[place], result=PASSED, seconds=0.1), *found[place + 1 :]]
    assert BEST_FIRST.index(verdict(after, bounds)) <= BEST_FIRST.index(verdict(found, bounds))


@settings(deadline=None)
@given(any_outcomes, st.floats(0, 0.99))
def test_one_more_pass_never_worsens_the_accuracy(found: list[Outcome], least: float) -> None:
    before, after = accuracy(found, least), accuracy([*found, outcome()], least)
    if before is Verdict.COULD_NOT_ASK:
        assert after is Verdict.COULD_NOT_ASK
    else:
        assert BEST_FIRST.index(after) <= BEST_FIRST.index(before)


@settings(deadline=None)
@given(st.integers(1, 18), st.floats(0.85, 0.99))
def test_few_trials_never_pass(trials: int, least: float) -> None:
    assert accuracy(outcomes(trials), least) is Verdict.UNCLEAR
