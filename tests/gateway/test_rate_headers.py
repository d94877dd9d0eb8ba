from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairlead.gateway.rate import SECOND, Left
from fairlead.gateway.rate_headers import left, retry_after

NOW = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Sun, 01 Nov 2026 12:00:30 GMT"}, 30),
        ({"retry-after": "Sun, 01 Nov 2026 11:00:00 GMT"}, 0),
        ({"retry-after": "999999999999"}, 86_400),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Sun, 99 Nov 2026 12:00:30 GMT"}, None),
        ({}, None),
    ],
)
def test_how_long_the_provider_asks_us_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == (None if seconds is None else timedelta(seconds=seconds))


def test_what_openai_says_is_left() -> None:
    said = {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "9",
        "x-ratelimit-reset-requests": "1s",
        "x-ratelimit-limit-tokens": "150000",
        "x-ratelimit-remaining-tokens": "14998",
        "x-ratelimit-reset-tokens": "6m0.5s",
    }
    assert left(said, NOW) == Left(9, 14998, 60, SECOND, 360 * SECOND + SECOND // 2)


def test_what_anthropic_says_is_left_of_the_limit_that_is_nearest_its_end() -> None:
    said = {
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-reset": "2026-11-01T12:00:12Z",
        "anthropic-ratelimit-input-tokens-remaining": "9000",
        "anthropic-ratelimit-output-tokens-remaining": "800",
        "anthropic-ratelimit-output-tokens-reset": "2026-11-01T12:00:02Z",
    }
    assert left(said, NOW) == Left(0, 800, 50, 12 * SECOND, 2 * SECOND)


@pytest.mark.parametrize("value", ["", "1x", "s", "-3s", "1h1", "yesterday", "inf"])
def test_a_reset_that_is_nonsense_counts_as_not_said(value: str) -> None:
    said = {"x-ratelimit-remaining-tokens": "5", "x-ratelimit-reset-tokens": value}
    assert left(said, NOW) == Left(tokens=5)


def test_nothing_is_made_of_limits_that_are_far_from_their_end() -> None:
    said = {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-limit-tokens": "100",
        "x-ratelimit-remaining-tokens": "20",
    }
    assert left(said, NOW) == Left(tokens=20)
    assert left({**said, "x-ratelimit-remaining-tokens": "80"}, NOW) is None


def test_headers_that_say_nothing_of_limits() -> None:
    assert left({"content-type": "application/json"}, NOW) is None
    assert left({"x-ratelimit-remaining-requests": "many"}, NOW) is None


_NAMES = ["retry-after", "retry-after-ms"] + [
    f"{prefix}{word}{suffix}"
    for prefix, suffix in (("x-ratelimit-", "-tokens"), ("anthropic-ratelimit-requests-", ""))
    for word in ("remaining", "limit", "reset")
]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is not its fault
@given(st.dictionaries(st.sampled_from(_NAMES), st.text() | st.floats().map(str) | st.integers().map(str)))
def test_whatever_a_provider_says_is_bounded(headers: dict[str, str]) -> None:
    wait, said = retry_after(headers, NOW), left(headers, NOW)
    assert wait is None or timedelta(0) <= wait <= timedelta(days=1)
    if said is not None:
        assert 0 <= said.requests_reset <= 86_400 * SECOND
        assert 0 <= said.tokens_reset <= 86_400 * SECOND
        assert said.requests is None or 0 <= said.requests <= 10**12
