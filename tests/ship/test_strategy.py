"""The steps from one release to the next, and back: values in, values out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from fairlead.errors import InvalidInput
from fairlead.ship.strategy import Done, Kind, Outcome, Plan, Step, Word, next_step
from fairlead.ship.terms import Strategy, Terms
from fairlead.ship.verdict import Verdict


def said(plan: Plan) -> list[str]:
    return [step.said for step in plan.forward]


def test_the_first_release_is_started_tried_and_routed_to() -> None:
    assert said(Plan("v1", None, Terms(strategy=Strategy.CANARY, instances=2))) == [
        "have 2 of v1", "wait until v1 is ready", "try v1", "route 100 % to v1",
    ]  # fmt: skip


def test_blue_green_switches_once_and_keeps_the_old_one_for_a_while() -> None:
    assert said(Plan("v2", "v1", Terms())) == [
        "have 1 of v2", "wait until v2 is ready", "try v2", "route 100 % to v2", "keep the old release for 1800 s",
        "let v1 end",
    ]  # fmt: skip


def test_a_canary_is_watched_at_each_share() -> None:
    assert said(Plan("v2", "v1", Terms(strategy=Strategy.CANARY, steps=(10, 50)))) == [
        "have 1 of v2", "wait until v2 is ready", "try v2",
        "route 10 % to v2, 90 % to v1", "watch v2 for 300 s",
        "route 50 % to v2, 50 % to v1", "watch v2 for 300 s",
        "route 100 % to v2", "keep the old release for 1800 s", "let v1 end",
    ]  # fmt: skip


@given(
    wanted=some.integers(1, 8), surge=some.integers(0, 4), unavailable=some.integers(0, 8),
)  # fmt: skip
def test_a_rolling_deploy_never_has_too_many_nor_too_few(wanted: int, surge: int, unavailable: int) -> None:
    if surge + unavailable == 0 or unavailable > wanted:
        return
    terms = Terms(strategy=Strategy.ROLLING, instances=wanted, max_surge=surge, max_unavailable=unavailable)
    have = {"old": wanted, "new": 0}
    routed = {"old": 100}
    for step in Plan("new", "old", terms).forward:
        match step.kind:
            case Kind.START:
                fewer = step.given["instances"] < have[step.given["build"]]
                have[step.given["build"]] = step.given["instances"]
                assert sum(have.values()) <= wanted + surge
                assert not fewer or sum(have.values()) >= wanted - unavailable
            case Kind.ROUTE:
                routed = step.given["weights"]
                assert sum(routed.values()) == 100
                assert all(have[build] for build in routed)
            case Kind.RETIRE:
                assert "old" not in routed
            case _:
                pass
    assert have["new"] == wanted and routed == {"new": 100}


def test_whatever_fails_the_old_release_gets_the_requests_before_the_new_one_ends() -> None:
    plan = Plan("v2", "v1", Terms(strategy=Strategy.CANARY))
    assert next_step(plan, [], Word.BACK) is Outcome.REFUSED, "nothing was begun"
    for place in range(len(plan.forward)):
        done = [Done(step) for step in plan.forward[:place]] + [Done(plan.forward[place], Verdict.FAIL)]
        back: list[str] = []
        while isinstance(step := next_step(plan, done), Step):
            done.append(Done(step, back=True))
            back.append(step.said)
        assert back == ["have 1 of v1", "wait until v1 is ready", "route 100 % to v1", "let v2 end"]
        assert step is Outcome.ROLLED_BACK


def test_whoever_says_halt_is_heard_at_every_step_forward_and_back() -> None:
    plan = Plan("v2", "v1", Terms(strategy=Strategy.CANARY))
    for place in range(len(plan.forward) + 1):
        done = [Done(step) for step in plan.forward[:place]]
        assert next_step(plan, done, Word.HALT) is Outcome.FROZEN
        assert next_step(plan, [*done, Done(plan.back[0], back=True)], Word.HALT) is Outcome.FROZEN
        assert next_step(plan, done, Word.PROMOTE) == next_step(plan, done)


def test_a_way_back_that_fails_leaves_everything_as_it_is() -> None:
    plan = Plan("v2", "v1", Terms())
    failed = [Done(plan.forward[0], Verdict.FAIL), Done(plan.back[0], Verdict.FAIL, back=True)]
    assert next_step(plan, failed) is Outcome.FAILED


@pytest.mark.parametrize("wrong", [
    {"instances": 0}, {"max_unavailable": 2}, {"steps": (50, 10)}, {"steps": (0,)}, {"steps": (100,)},
    {"strategy": Strategy.ROLLING, "max_surge": 0}, {"paces": 0},
])  # fmt: skip
def test_terms_that_make_no_sense_are_told(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        Terms(**wrong)  # type: ignore[arg-type]
