from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.config.value import parse_duration, parse_size, write_duration, write_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("15s", 15), ("250ms", 0.25), ("3 min", 180), ("3m", 180), ("72h", 259_200), ("30 days", 2_592_000), ("2", 2),
     (30, 30), (0.5, 0.5), (" 5 S ", 5), ("1 hour", 3600), ("2 hours", 7200)],
)  # fmt: skip
def test_durations_are_read_as_people_write_them(text: object, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "s", "5 parsecs", "-5s", "1h30m", "nan", True, None])
def test_anything_else_says_how_to_write_it(text: object) -> None:
    with pytest.raises(ValueError, match="15s"):
        parse_duration(text)


def test_sizes_count_in_powers_of_1024() -> None:
    assert [parse_size(text) for text in ("64 KB", "1MB", "1 mib", 10, "10 b")] == [65536, 1048576, 1048576, 10, 10]


@given(st.integers(min_value=1, max_value=10**9))
def test_a_written_duration_reads_back(milliseconds: int) -> None:
    duration = timedelta(milliseconds=milliseconds)
    assert parse_duration(write_duration(duration)) == duration


@given(st.integers(min_value=1, max_value=2**40))
def test_a_written_size_reads_back(size: int) -> None:
    assert parse_size(write_size(size)) == size
