from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.ship.evaluation.compare import compare
from fairlead.ship.evaluation.outcome import Outcome, Result
from tests.ship.evaluation.made import FAILED, LOST, PASSED, outcome


def cases(**results: list[Result]) -> list[Outcome]:
    return [outcome(one, case, trial) for case, found in results.items() for trial, one in enumerate(found, 1)]


def test_cases_are_compared_one_by_one() -> None:
    before = cases(a=[PASSED, PASSED], b=[FAILED, FAILED], c=[PASSED, FAILED], d=[PASSED])
    after = cases(a=[FAILED, PASSED], b=[PASSED, PASSED], c=[FAILED, PASSED], d=[PASSED, PASSED])
    found = compare(before, after)
    assert [one.case for one in found.worse] == ["a"]
    assert [(one.case, one.before, one.after) for one in found.better] == [("b", (0, 2), (2, 2))]
    assert len(found.pairs) == 4 and found.chance == pytest.approx(1.0)


def test_what_one_does_not_have_or_was_changed_is_not_compared() -> None:
    before = [*cases(a=[PASSED], gone=[PASSED], lost=[PASSED]), outcome(PASSED, "changed", digest="1")]
    after = [*cases(a=[PASSED], new=[FAILED], lost=[LOST]), outcome(FAILED, "changed", digest="2")]
    found = compare(before, after)
    assert [one.case for one in found.pairs] == ["a"]
    assert set(found.others) == {"gone", "new", "lost", "changed"}
    nothing = compare([], [])
    assert (nothing.pairs, nothing.chance, nothing.cost_nano, nothing.p95) == ((), 1.0, (None, None), (None, None))


def test_six_of_six_worse_are_hardly_chance_and_five_may_be() -> None:
    def chance(number: int) -> float:
        names = [f"c{place}" for place in range(number)]
        return compare(cases(**{n: [PASSED] for n in names}), cases(**{n: [FAILED] for n in names})).chance

    assert chance(6) == pytest.approx(2 / 64)
    assert chance(5) == pytest.approx(2 / 32)


def test_cost_is_of_the_agent_alone_and_of_the_cases_that_both_have() -> None:
    before = [outcome(cost_nano=100, judge_nano=7, seconds=1), outcome(case="gone", cost_nano=10**9, seconds=99)]
    found = compare(before, [outcome(cost_nano=300, judge_nano=9, seconds=2)])
    assert (found.cost_nano, found.p95) == ((100, 300), (1, 2))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=12))
def test_the_other_way_round_it_is_the_other_way_round(counts: list[tuple[int, int]]) -> None:
    def of(side: int) -> list[Outcome]:
        return cases(**{f"c{n}": [PASSED] * one[side] + [FAILED] * (4 - one[side]) for n, one in enumerate(counts)})

    there, back = compare(of(0), of(1)), compare(of(1), of(0))
    assert there.chance == pytest.approx(back.chance)
    assert [one.case for one in there.worse] == [one.case for one in back.better]
