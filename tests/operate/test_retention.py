"""Which backups go, and which never do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fairlead.operate.backup.retention import Age, expired

NOW = datetime(2026, 11, 27, tzinfo=UTC)
WEEK = timedelta(days=7)


def backup(days: float, *, good: bool = True) -> Age:
    return Age(f"backup-of-{days:05}", NOW - timedelta(days=days), good)


def gone(*backups: Age) -> list[str]:
    return expired(backups, now=NOW, keep_for=WEEK)


def test_those_past_their_time_go_oldest_first() -> None:
    assert gone(backup(1), backup(8), backup(30), backup(7)) == ["backup-of-00030", "backup-of-00008"]


def test_the_newest_verified_one_stays_however_old() -> None:
    assert gone(backup(30), backup(20), backup(10, good=False), backup(1, good=False)) == [
        "backup-of-00030",
        "backup-of-00010",
    ]


def test_where_none_is_verified_the_newest_stays() -> None:
    assert gone(backup(30, good=False), backup(20, good=False)) == ["backup-of-00030"]


def test_of_nothing_nothing_goes() -> None:
    assert gone() == []


@given(st.lists(st.builds(backup, st.integers(0, 60), good=st.booleans()), min_size=1, unique_by=lambda one: one.id))
def test_something_to_go_back_to_is_always_left(backups: list[Age]) -> None:
    left = {one.id: one for one in backups if one.id not in gone(*backups)}
    assert left
    assert any(one.good for one in left.values()) == any(one.good for one in backups)
    assert all(one.id in left for one in backups if NOW - one.made_at <= WEEK)
