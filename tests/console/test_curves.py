from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from fairlead.ship.ledger import LookRecord
from fairlead.ship.verdict import Figures, Limits, Look, Verdict
from fairlead.web.console.curves import Curve, of_looks, percent, round_up
from fairlead.web.console.format import Format

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
FMT = Format(AT)


def figures(requests: int, errors: int, *, within: float = 2.5) -> Figures:
    return Figures(requests, errors, {within: requests} if requests else {})


def looks(*pairs: tuple[Figures | None, Figures | None]) -> list[LookRecord]:
    """Of the stable release and of the canary."""
    return [
        LookRecord(1, AT + timedelta(seconds=30 * n), Look(stable, canary), Verdict.UNCLEAR)
        for n, (stable, canary) in enumerate(pairs)
    ]


def drawn(seen: Sequence[LookRecord], limits: Limits | None = None) -> tuple[Curve, Curve, Curve]:
    rate, latency, requests = of_looks(seen, new="v2", old="v1", limits=limits or Limits(), fmt=FMT)
    return rate, latency, requests


def test_both_releases_are_drawn_on_one_scale_with_the_limit_as_a_line() -> None:
    rate, _, requests = drawn(looks((figures(100, 1), figures(10, 2)), (figures(100, 2), figures(10, 0))))
    stable, canary = rate.lines
    assert (stable.build, stable.new, canary.build, canary.new) == ("v1", False, "v2", True)
    assert rate.ticks == ("25%", "12.5%", "0")
    assert [mark.y for mark in stable.marks] == [96.0, 92.0]
    assert [mark.y for mark in canary.marks] == [20.0, 100.0]
    assert rate.limit is not None and (rate.limit.y, rate.limit.label) == (80.0, "5%")
    assert [mark.x for mark in stable.marks] == [mark.x for mark in canary.marks]
    assert [mark.y for mark in requests.lines[0].marks] == [mark.y for mark in requests.lines[0].marks[:1]] * 2


def test_what_could_not_be_had_is_a_gap_and_never_zero() -> None:
    one = figures(10, 1)
    rate, *_ = drawn(looks((one, one), (one, None), (one, one), (one, one)))
    stable, canary = rate.lines
    assert (stable.path.count("M"), stable.path.count("L"), len(stable.marks)) == (1, 3, 4)
    assert (canary.path.count("M"), canary.path.count("L"), len(canary.marks)) == (2, 1, 3)
    rate, *_ = drawn(looks((one, figures(0, 0))))
    assert rate.lines[1].path == "", "of no requests nobody knows how many fail"


def test_a_limit_far_above_everything_is_told_and_flattens_nothing() -> None:
    _, latency, _ = drawn(looks((figures(10, 0), figures(10, 0))), Limits(p95=60))
    assert (latency.limit, latency.far, latency.ticks[0]) == (None, "60 s", "3 s")
    _, latency, _ = drawn(looks((figures(10, 0, within=30), figures(10, 0, within=30))), Limits(p95=60))
    assert latency.limit is not None and latency.far == ""


def test_beyond_every_bucket_is_at_the_upper_edge_and_said_as_endless() -> None:
    _, latency, _ = drawn(looks((figures(10, 0), figures(10, 0, within=float("inf")))))
    assert [mark.y for mark in latency.lines[1].marks] == [0.0]
    assert "v2: highest ∞, last ∞" in latency.sentence


def test_a_chart_is_also_a_sentence() -> None:
    rate, *_ = drawn(looks((figures(100, 1), figures(10, 2)), (None, figures(10, 0))))
    assert rate.sentence == "Error rate. v2: highest 20%, last 0%; v1: highest 1%, last 1%; limit 5%"
    rate, *_ = drawn(looks((None, None)))
    assert "v2: no figures; v1: no figures" in rate.sentence


def test_many_looks_are_lines_without_marks() -> None:
    one = figures(10, 1)
    rate, *_ = drawn(looks(*[(one, one)] * 61))
    assert (rate.lines[0].marks, rate.lines[0].path.count("L")) == ((), 60)


@pytest.mark.parametrize(("value", "top"), [(0, 1.0), (0.052, 0.06), (1, 1.0), (101, 150.0), (9.9, 10.0), (5.2, 6.0)])
def test_a_scale_ends_at_a_round_number(value: float, top: float) -> None:
    assert round_up(value) == pytest.approx(top)


def test_percent_says_no_more_than_is_known() -> None:
    assert [percent(one) for one in (0.05, 0.0491, 0, 1)] == ["5%", "4.9%", "0%", "100%"]
