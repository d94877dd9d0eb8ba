"""Counting runs that ended, as values: outcomes, times, tools."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.runs.figures import (
    DAY,
    FINE,
    HOUR,
    Course,
    Ended,
    Figure,
    Range,
    Sums,
    Used,
    bound_of,
    bucket_of,
    cover,
    fold,
    octaves,
    quantile,
    sums_of,
)

MINUTE = 60_000_000
AT = 29_700_017 * MINUTE


def ended(
    status: str = "success", *, reason: str | None = None, took: float = 2.0, at: int = AT, cost: int = 5
) -> Ended:
    return Ended("default", "triage", "v1", status, reason, at, int(took * 1_000_000), cost)


def folded(*runs: Ended, used: tuple[Used, ...] = (), fine_from: int = 0) -> list[Figure]:
    return fold(runs, used, fine_from=fine_from)


def test_a_run_counts_in_its_five_minutes_its_hour_and_its_day() -> None:
    rows = [one for one in folded(ended()) if one.kind == "status"]
    assert [(one.grain, one.minute) for one in rows] == [
        (FINE, 29_700_015), (HOUR, 29_700_000), (DAY, 29_700_000 // DAY * DAY),
    ]  # fmt: skip
    assert {(one.name, one.total, one.took_us, one.cost_nano) for one in rows} == {("success", 1, 2_000_000, 5)}


def test_runs_alike_are_one_row() -> None:
    rows = [one for one in folded(ended(), ended(took=3), ended("error")) if one.grain == HOUR and one.kind == "status"]
    assert [(one.name, one.total, one.took_us) for one in rows] == [("success", 2, 5_000_000), ("error", 1, 2_000_000)]


def test_five_minutes_of_long_ago_are_not_kept() -> None:
    assert {one.grain for one in folded(ended(), fine_from=29_700_020)} == {HOUR, DAY}
    assert {one.grain for one in folded(ended(), fine_from=29_700_015)} == {FINE, HOUR, DAY}


def test_why_it_ended_stands_beside_how() -> None:
    assert {one.name for one in folded(ended("error", reason="budget")) if one.kind == "status"} == {"error/budget"}


def test_of_what_was_interrupted_the_time_does_not_count_and_the_cost_does() -> None:
    rows = folded(ended("interrupted", reason="cancelled", took=9000))
    assert {one.kind for one in rows} == {"status"}
    assert {(one.took_us, one.cost_nano) for one in rows} == {(0, 5)}


def test_a_tool_counts_its_calls_and_failures() -> None:
    rows = folded(used=(Used("default", "triage", "v1", "search", 29_700_015, 7, 2),))
    assert {(one.kind, one.name, one.total, one.failed) for one in rows} == {("tool", "search", 7, 2)}
    assert {one.grain for one in rows} == {FINE, HOUR, DAY}


def test_an_outcome_says_whether_it_failed() -> None:
    assert sums_of("success", 3, 9, 1) == Sums(success=3, took_us=9, cost_nano=1)
    assert sums_of("error/poison", 3, 9, 1) == sums_of("timeout", 3, 9, 1) == Sums(failed=3, took_us=9, cost_nano=1)
    assert sums_of("interrupted/cancelled", 3, 9, 1) == Sums(interrupted=3, cost_nano=1)


def test_rates_of_nothing_are_not_known() -> None:
    assert (Sums().success_rate, Sums().error_rate, Sums().mean) == (None, None, None)
    sums = Sums(success=6, interrupted=2, failed=2, took_us=16_000_000)
    assert (sums.success_rate, sums.error_rate, sums.mean) == (0.6, 0.2, 2.0)


@given(st.integers(0, 10**12))
def test_a_time_is_in_the_bucket_that_ends_after_it_and_begins_before(took_us: int) -> None:
    bucket, seconds = bucket_of(took_us), took_us / 1_000_000
    assert 0 <= bucket <= 108
    if bucket < 108:
        assert seconds <= bound_of(bucket) * 1.000001
    if bucket > 0:
        assert seconds > bound_of(bucket - 1) * 0.999999


def test_whole_octaves_end_at_a_bucket() -> None:
    assert [bound_of(bucket_of(seconds * 1_000_000)) for seconds in (1, 2, 4, 64, 128)] == [1, 2, 4, 64, 128]


@pytest.mark.parametrize("seed", range(5))
def test_quantiles_are_at_most_ten_per_cent_off(seed: int) -> None:
    dice = random.Random(seed)
    times = sorted(dice.lognormvariate(2, 1.2) for _ in range(5000))
    buckets: dict[int, int] = {}
    for one in times:
        buckets[bucket_of(int(one * 1_000_000))] = buckets.get(bucket_of(int(one * 1_000_000)), 0) + 1
    for wanted in (0.5, 0.95, 0.99):
        true, found = times[int(wanted * 5000) - 1], quantile(buckets, wanted)
        assert found is not None
        assert abs(found - true) / true < 0.1


def test_quantiles_of_nothing_are_not_known() -> None:
    assert quantile({}, 0.5) is None


def test_octaves_have_no_gaps_and_the_shortest_are_one() -> None:
    second = bucket_of(1_000_000)
    assert octaves({second: 2, second + 1: 1, second + 12: 4}) == [(1, 2), (2, 1), (4, 0), (8, 4)]
    merged = octaves({0: 3, second: 2, second + 24: 1}, most=7)
    assert merged == [(1, 5), (2, 0), (4, 0), (8, 0), (16, 0), (32, 0), (64, 1)]
    assert octaves({}) == []


def test_a_course_adds_up_part_of_itself() -> None:
    course = Course(0, 240, {0: Sums(success=1), 60: Sums(failed=2), 180: Sums(success=4)})
    assert course.sums(0, 120) == Sums(success=1, failed=2)
    assert course.sums(120, 240) == Sums(success=4)
    assert course.steps(range(60, 240, 120)) == [Sums(failed=2), Sums(success=4)]


def test_a_step_that_is_not_all_counted_is_not_known() -> None:
    course = Course(0, 240, {0: Sums(success=1), 60: Sums(failed=2)}, counted_from=30)
    assert course.steps(range(0, 240, 60)) == [None, Sums(failed=2), Sums(), Sums()]


def test_what_is_read_is_as_coarse_as_can_be() -> None:
    assert cover((0, 2 * DAY), finest=FINE) == [Range(DAY, 0, 2 * DAY)]
    assert cover((55, DAY + 65), finest=FINE) == [
        Range(FINE, 55, 60), Range(HOUR, 60, DAY + 60), Range(FINE, DAY + 60, DAY + 65),
    ]  # fmt: skip
    assert cover((0, 60, 120, 240), finest=FINE) == [Range(HOUR, 0, 240)]
    assert cover((0, 2 * DAY), finest=DAY) == [Range(DAY, 0, 2 * DAY)]


@given(st.sets(st.integers(0, 400), min_size=2, max_size=6), st.sampled_from((FINE, HOUR)))
def test_all_that_lies_between_cuts_is_read_once_and_no_span_crosses_one(cuts: set[int], finest: int) -> None:
    at = sorted(one * finest for one in cuts)
    found = cover(at, finest=finest)
    assert [one.since for one in found] == [at[0], *(one.until for one in found[:-1])]
    assert found[-1].until == at[-1]
    for one in found:
        assert one.since % one.grain == one.until % one.grain == 0
        starts = range(one.since, one.until, one.grain)
        assert not any(start < cut < start + one.grain for start in starts for cut in at)
