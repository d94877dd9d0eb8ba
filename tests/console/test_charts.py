"""What the server draws itself, and what it hands to the script: gaps stay gaps, bars begin at 0."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from fairlead.web.console.charts import (
    Axis,
    BarRow,
    Bin,
    Limit,
    Mark,
    Series,
    Shape,
    Unit,
    bars,
    chart,
    histogram,
    percent,
    sparkline,
    write,
)
from fairlead.web.console.format import Format

NOW = datetime(2026, 11, 27, 9, 24, tzinfo=UTC)
FMT = Format(NOW)
HOUR = timedelta(hours=1)
STARTS = [NOW.replace(minute=0) - HOUR * back for back in (3, 2, 1, 0)]


def test_a_sparkline_runs_from_the_lowest_to_the_highest() -> None:
    assert sparkline([0, 10, 5]).path == "M0 96L50 4L100 50"


def test_equal_values_are_a_line_in_the_middle() -> None:
    assert sparkline([7, 7]).path == "M0 50L100 50"


def test_a_missing_value_is_a_gap_and_never_joined() -> None:
    line = sparkline([1, 2, None, 2, 1])
    assert line.path == "M0 96L25 4M75 4L100 96"
    assert line.dots == ()


def test_a_value_alone_between_gaps_is_a_dot() -> None:
    line = sparkline([1, None, 3, None, None])
    assert line.path == ""
    assert line.dots == ((0.0, 96.0), (50.0, 4.0))


def test_no_values_are_no_line() -> None:
    assert sparkline([]).path == sparkline([None, None]).path == ""


def test_columns_begin_at_0_and_the_highest_is_as_high_as_there_is_room() -> None:
    drawn = histogram([Bin("≤ 1 s", 5), Bin("5", 20), Bin("10", 0), Bin("30", 10)])
    assert [one.height for one in drawn.columns] == [25, 100, 0, 50]
    assert [one.top for one in drawn.columns] == [75, 0, 100, 50]
    assert all(one.x + one.width <= 25 * (place + 1) for place, one in enumerate(drawn.columns))


def test_a_mark_stands_where_it_is_among_the_columns() -> None:
    drawn = histogram([Bin("1", 1), Bin("2", 1)], marks=[Mark(1.5, "P95"), Mark(9, "limit", limit=True)])
    assert [(one.x, one.limit) for one in drawn.lines] == [(75, False), (100, True)]


def test_a_histogram_of_nothing_is_empty() -> None:
    assert histogram([]).empty
    assert histogram([Bin("1", 0)]).empty


def test_the_longest_bar_is_as_long_as_there_is_room_and_none_is_longer() -> None:
    rows = [BarRow("a", 50, "50"), BarRow("b", 25, "25"), BarRow("c", 0, "0")]
    assert [one.width for one in bars(rows)] == [100, 50, 0]
    assert [one.width for one in bars(rows, most=25)] == [100, 100, 0]
    assert [one.width for one in bars([BarRow("c", 0, "0")])] == [0]


def test_a_chart_hands_over_its_values_with_gaps_and_as_a_table_with_the_last_first() -> None:
    drawn = chart("errors", Axis(STARTS, HOUR, partial=True), [Series("Error rate", [0.01, None, 0.0, 0.04], "err")],
                  FMT, unit=Unit.SHARE)  # fmt: skip
    assert drawn.data["series"][0]["values"] == [0.01, None, 0.0, 0.04]
    assert drawn.rows == (
        (STARTS[3], ("4%",)), (STARTS[2], ("0%",)), (STARTS[1], ("—",)), (STARTS[0], ("1%",)),
    )  # fmt: skip
    assert drawn.sentence == "Error rate: highest 4%, lowest 0%, last 4%"
    assert json.loads(json.dumps(drawn.data))["starts"][0] == int(STARTS[0].timestamp())


def test_money_is_drawn_in_dollars_and_told_from_nano_dollars() -> None:
    drawn = chart("cost", Axis(STARTS[:1], HOUR), [Series("Cost", [2_500_000_000])], FMT, unit=Unit.MONEY)
    assert drawn.data["series"][0]["values"] == [2.5]
    assert drawn.rows[0][1] == ("$2.50",)


def test_a_limit_far_above_everything_is_told_and_not_drawn() -> None:
    axis, series = Axis(STARTS, HOUR), [Series("Error rate", [0.01] * 4)]
    near = chart("e", axis, series, FMT, unit=Unit.SHARE, limit=Limit(0.05, "alert at 5%"))
    far = chart("e", axis, series, FMT, unit=Unit.SHARE, limit=Limit(0.1, "alert at 10%"))
    assert near.data["limit"] == {"value": 0.05, "label": "alert at 5%"}
    assert near.far == ""
    assert far.data["limit"] is None
    assert far.far == "alert at 10%"
    assert "limit alert at 10%" in far.sentence


def test_whether_a_limit_is_far_goes_by_the_whole_stack() -> None:
    series = [Series("a", [30.0]), Series("b", [30.0])]
    drawn = chart("s", Axis(STARTS[:1], HOUR), series, FMT, shape=Shape.STACK, limit=Limit(200, "200"))
    assert drawn.data["limit"] is not None


def test_a_chart_without_any_value_is_empty_and_one_of_zeros_is_not() -> None:
    axis = Axis(STARTS[:2], HOUR)
    assert chart("a", axis, [Series("a", [None, None])], FMT).empty
    assert not chart("a", axis, [Series("a", [0, 0])], FMT).empty


def test_a_share_is_never_rounded_to_none_or_all() -> None:
    said = [percent(one) for one in (0, 0.0001, 0.014, 0.979, 0.99999, 1)]
    assert said == ["0%", "<0.1%", "1.4%", "97.9%", ">99.9%", "100%"]


def test_what_is_missing_is_a_dash_in_every_unit() -> None:
    assert {write(None, unit, FMT) for unit in Unit} == {"—"}
    assert write(11.8, Unit.SECONDS, FMT) == "11.8 s"
