from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fairlead.web.console.format import Format, zone

NOW = datetime(2026, 11, 22, 9, 24, 2, 250_000, tzinfo=UTC)
FMT = Format(NOW)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.0004, "0.4 ms"), (0.012, "12 ms"), (0.47, "0.47 s"), (10.8, "10.8 s"), (59.96, "1 min 0 s"),
        (172, "2 min 52 s"), (3599.7, "1 h 0 min"), (11_100, "3 h 5 min"), (200_000, "2 d 7 h"), (-5, "0 ms"),
    ],
)  # fmt: skip
def test_durations_have_at_most_two_units(seconds: float, said: str) -> None:
    assert FMT.duration(timedelta(seconds=seconds)) == said


def test_what_is_not_known_is_a_dash_and_not_a_zero() -> None:
    assert (FMT.duration(None), FMT.money(None), FMT.count(None)) == ("—", "—", "—")


@pytest.mark.parametrize(
    ("nano", "said"),
    [
        (0, "$0.0000"),
        (1, "<$0.0001"),
        (46_800_000, "$0.0468"),
        (5_000_000_000, "$5.00"),
        (1_234_567_000_000, "$1,234.57"),
    ],
)
def test_money_has_four_decimals_under_one_dollar(nano: int, said: str) -> None:
    assert FMT.money(nano) == said


def test_large_counts_that_are_estimates_say_so() -> None:
    assert FMT.count(1_234_567, exact=False) == "about 1.2 M"
    assert FMT.count(1_234_567) == "1,234,567"
    assert FMT.count(9_999, exact=False) == "9,999"


def test_times_are_in_the_zone_of_the_reader() -> None:
    tokyo, name = zone("Asia/Tokyo")
    fmt = Format(NOW, tokyo, name)
    assert fmt.time(NOW) == "18:24:02"
    assert fmt.offset == "UTC+9"
    assert fmt.iso(NOW) == "2026-11-22T18:24:02.250+09:00"


def test_another_day_comes_with_its_date() -> None:
    assert FMT.time(NOW - timedelta(days=1)) == "2026-11-21 09:24"
    assert FMT.precise(NOW) == "09:24:02.250"


@pytest.mark.parametrize("name", ["", None, "Mars/Olympus", "../../etc/passwd", "a" * 99, "/etc", "\0"])
def test_a_zone_nobody_knows_is_utc(name: str | None) -> None:
    assert zone(name) == (UTC, "UTC")


def test_relative_times_end_after_an_hour() -> None:
    assert FMT.ago(NOW - timedelta(minutes=41)) == "41 min ago"
    assert FMT.ago(NOW - timedelta(hours=2)) == "07:24:02"
