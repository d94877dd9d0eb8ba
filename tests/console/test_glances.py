"""What many pages look at is asked once for all of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fairlead.errors import DatabaseUnavailable
from fairlead.testing import MovableClock
from fairlead.web.console.glances import LASTS, Glances

AT = datetime(2026, 11, 22, 9, 2, 11, tzinfo=UTC)


class Asked:
    def __init__(self) -> None:
        self.times = 0
        self.broken = False

    async def __call__(self) -> int:
        if self.broken:
            raise DatabaseUnavailable("away")
        self.times += 1
        return self.times


async def test_who_asks_within_a_moment_is_told_what_was_found_before_and_then_it_is_looked_at_anew() -> None:
    clock, asked = MovableClock(AT), Asked()
    glances = Glances(clock)
    assert [await glances.at("workers", asked), await glances.at("workers", asked)] == [1, 1]
    assert await glances.at(("workers", "acme"), asked) == 2
    clock.move(LASTS + timedelta(milliseconds=1))
    assert await glances.at("workers", asked) == 3


async def test_what_could_not_be_found_is_asked_for_again() -> None:
    glances, asked = Glances(MovableClock(AT)), Asked()
    asked.broken = True
    with pytest.raises(DatabaseUnavailable):
        await glances.at("workers", asked)
    asked.broken = False
    assert await glances.at("workers", asked) == 1
