from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fairlead.web.console.rails import LANES, Placed, arrange
from fairlead.web.console.steps import Step, StepState

AT = datetime(2026, 11, 22, tzinfo=UTC)


def step(name: str, second: float, branch: str = "") -> Step:
    start = AT + timedelta(seconds=second)
    return Step(name, "tool", name, branch, 0, 1, start, start + timedelta(seconds=1), StepState.DONE)


def drawn(rows: list[Placed]) -> list[tuple[str, int]]:
    return [(row.step.name, row.rail.lane) for row in rows]


FORKED = [
    step("plan", 0),
    step("order 1", 1, "order.0"),
    step("policy 1", 1.1, "policy.0"),
    step("order 2", 3, "order.0"),
    step("policy 2", 2, "policy.0"),
    step("decide", 9),
]


def test_rows_stay_together_by_branch() -> None:
    assert drawn(arrange(FORKED)) == [
        ("plan", 0), ("order 1", 1), ("order 2", 1), ("policy 1", 2), ("policy 2", 2), ("decide", 0),
    ]  # fmt: skip


def test_branches_fork_from_the_row_before_and_join_in_the_row_after() -> None:
    rows = arrange(FORKED)
    assert rows[0].rail.fork == {1, 2}
    assert rows[-1].rail.join == {1, 2}
    assert not rows[0].rail.down


def test_a_lane_passes_the_rows_of_its_neighbour() -> None:
    rows = arrange(FORKED)
    assert [row.rail.through for row in rows] == [set(), {2}, {2}, {1}, {1}, set()]


def test_one_branch_after_another_is_a_straight_line() -> None:
    rows = arrange([step("a", 0), step("b", 1), step("c", 2)])
    assert [(row.rail.up, row.rail.down) for row in rows] == [(False, True), (True, True), (True, False)]


def test_a_branch_within_a_branch_gets_a_lane_of_its_own() -> None:
    rows = arrange([step("a", 0), step("b", 1, "x.0"), step("c", 2, "x.0/y.0"), step("d", 3, "x.0"), step("e", 4)])
    assert drawn(rows) == [("a", 0), ("b", 1), ("c", 2), ("d", 1), ("e", 0)]
    assert rows[1].rail.fork == {2}
    assert rows[3].rail.join == {2}


def test_there_are_never_more_than_four_lanes() -> None:
    rows = arrange([step("a", 0), *(step(f"s{n}", 1 + n, f"x.{n}") for n in range(9))])
    assert max(row.rail.lane for row in rows) == LANES - 1


def test_a_long_branch_is_one_row_until_it_is_opened() -> None:
    steps = [step("a", 0), *(step(f"s{n}", 1 + n, "x.0") for n in range(51)), step("z", 99)]
    folded = arrange(steps)
    assert [row.folded for row in folded] == ["", "x.0", ""]
    assert len(folded[1].hidden) == 51
    assert len(arrange(steps, unfolded=frozenset({"x.0"}))) == 53


def test_no_steps_are_no_rows() -> None:
    assert arrange([]) == []


def test_branches_before_any_step_of_the_main_one_are_drawn() -> None:
    rows = arrange([step("a", 0, "x.0"), step("b", 0.1, "x.1"), step("c", 3)])
    assert drawn(rows) == [("a", 1), ("b", 2), ("c", 0)]
    assert rows[2].rail.join == {1, 2}
