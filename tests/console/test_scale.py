from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.web.console import scale
from fairlead.web.console.format import Format
from fairlead.web.console.language import words
from fairlead.web.console.scale import Flag, Gap, Scale

AT = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
ENGLISH = Format(AT)


def test_the_axis_is_linear_from_zero_and_the_last_bar_ends_before_99_percent() -> None:
    axis = scale.build([(0.0, 8.0)], 8.0)
    assert axis.x(0) == 0
    assert axis.x(4) == pytest.approx(axis.x(8) / 2, abs=0.01)
    assert 80 < axis.x(8) < 99


def test_a_long_idle_stretch_becomes_a_band_of_five_percent() -> None:
    axis = scale.build([(0.0, 20.0), (153.0, 172.0)], 172.0)
    (gap,) = axis.gaps
    assert 120 < gap.length < 133
    assert axis.x(gap.end) - axis.x(gap.start) == pytest.approx(5.0, abs=0.01)


def test_the_scale_is_the_same_on_both_sides_of_a_break() -> None:
    axis = scale.build([(0.0, 20.0), (153.0, 172.0)], 172.0)
    assert axis.x(10) - axis.x(5) == pytest.approx(axis.x(165) - axis.x(160), abs=0.01)


def test_thirty_seconds_of_waiting_are_shown_as_they_are() -> None:
    assert scale.idle([(0, 5), (34, 40)], 40) == ()


def test_a_gap_shorter_than_a_quarter_of_the_work_is_shown_as_it_is() -> None:
    assert scale.idle([(0, 200), (240, 400)], 400) == ()


def test_the_axis_of_a_running_run_ends_well_beyond_now_and_moves_seldom() -> None:
    ends = {scale.build([(0, now)], now, growing=True).end for now in [10 + n / 10 for n in range(300)]}
    assert len(ends) <= 8
    for now in (0.2, 3.0, 19.0, 500.0):
        axis = scale.build([(0, now)], now, growing=True)
        assert 74 < axis.x(now) < 97


def test_a_bar_is_never_too_thin_to_see_nor_off_the_axis() -> None:
    axis = Scale(1000.0)
    assert axis.bar(500.0, 500.001)[1] == scale.THINNEST
    x, width = axis.bar(1000.0, 1000.0)
    assert x + width <= 100


@pytest.mark.parametrize(
    ("seconds", "step"), [(8, 2), (38, 10), (0.2, 0.05), (200, 50), (400, 60), (3600, 600), (90_000, 18_000)]
)
def test_ticks_are_one_two_or_five_and_clock_like_from_a_minute_on(seconds: float, step: float) -> None:
    assert scale.tick_step(seconds) == step


def test_ticks_say_elapsed_time() -> None:
    axis = scale.build([(0.0, 20.0), (153.0, 172.0)], 172.0)
    assert [tick.label for tick in scale.ticks(axis, ENGLISH)] == ["0 s", "10 s", "20 s", "2:40", "2:50"]
    assert scale.ticks(axis, Format(AT, words=words("ja")))[1].label == "10 秒"


def test_ticks_of_a_short_run_are_in_milliseconds_and_further_apart_where_words_are_wide() -> None:
    axis = scale.build([(0.0, 0.3)], 0.3)
    assert [tick.label for tick in scale.ticks(axis, ENGLISH)] == [f"{n} ms" for n in (0, 50, 100, 150, 200, 250)]
    chinese = [tick.label for tick in scale.ticks(axis, Format(AT, words=words("zh")))]
    assert chinese == ["0 毫秒", "100 毫秒", "200 毫秒"]


@given(st.lists(st.tuples(st.floats(0, 9000), st.floats(0, 900)), min_size=1, max_size=30))
def test_ticks_never_crowd_and_everything_stays_on_the_axis(spans: list[tuple[float, float]]) -> None:
    busy = [(start, start + length) for start, length in spans]
    until = max(end for _, end in busy)
    axis = scale.build(busy, until)
    found = scale.ticks(axis, ENGLISH)
    apart = scale.TICK_APART / scale.WIDTH * 100
    assert all(b.x - a.x >= apart - 0.02 for a, b in pairwise(found))
    assert 0 <= axis.x(until) <= 100
    assert [axis.x(a) for a, _ in sorted(busy)] == sorted(axis.x(a) for a, _ in busy)


def test_flags_are_moved_until_none_overlaps() -> None:
    placed = scale.place([Flag(50, "↻ resumed"), Flag(51, "2 min 11 s wait"), Flag(99, "now")])
    edges = [(flag.x - _half(flag), flag.x + _half(flag)) for flag in placed]
    assert all(right <= left + 0.01 for (_, right), (left, _) in pairwise(edges))
    assert edges[-1][1] <= 100.01


@given(st.lists(st.floats(0, 100), max_size=9))
def test_no_flag_ever_leaves_the_axis(places: list[float]) -> None:
    placed = scale.place([Flag(x, "↻ resumed") for x in places])
    assert all(flag.x - _half(flag) >= -0.01 and flag.x + _half(flag) <= 100.01 for flag in placed)


def test_a_gap_knows_its_length() -> None:
    assert Gap(3.0, 7.5).length == 4.5


def _half(flag: Flag) -> float:
    return (sum(6.2 for _ in flag.label) + 14) / 2 / scale.WIDTH * 100
