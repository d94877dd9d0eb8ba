"""Long tests are begun first, in every hand; each test is in one hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.order import LONG, dealt

_FILES = list(LONG)
_LONG = [f"{file}::{number}" for file in _FILES for number in range(3)]
_SHORT = [f"a.py::{number}" for number in range(90)]


def _file(test: str) -> str:
    return test.partition("::")[0]


def _cut(order: list[str], hands: int) -> list[list[str]]:
    """As xdist does it: to each its share of what is left."""
    cut, left = list[list[str]](), list(order)
    for number in range(hands):
        size = len(left) // (hands - number)
        cut.append(left[:size])
        del left[:size]
    return cut


@pytest.mark.parametrize("hands", [1, 2, 3, 4, 7])
def test_each_hand_begins_with_its_long_files(hands: int) -> None:
    order = dealt(_SHORT[:50] + _LONG + _SHORT[50:], hands, file=_file)
    assert sorted(order) == sorted(_SHORT + _LONG)
    seconds = list[int]()
    for hand in _cut(order, hands):
        is_long = [_file(one) in LONG for one in hand]
        assert is_long == sorted(is_long, reverse=True)
        seconds.append(sum(LONG[name] for name in {_file(one) for one in hand} & set(LONG)))
    assert sum(seconds) == sum(LONG.values()) and max(seconds) - min(seconds) <= max(LONG.values())


@pytest.mark.parametrize("hands", [1, 4, 40])
def test_few_tests_are_all_there(hands: int) -> None:
    for tests in ([], _SHORT[:1], _LONG[:5], _LONG + _SHORT[:2]):
        assert sorted(dealt(tests, hands, file=_file)) == sorted(tests)


def test_the_long_files_are_there() -> None:
    assert [file for file in LONG if not (Path(__file__).parent / file).is_file()] == []
