"""In which order tests are run: what takes long is begun first, so that nobody is left alone with it at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

LONG = {
    "ship/test_ship_command.py": 300,
    "crash/test_crash.py": 220,
    "ship/test_front.py": 120,
    "ship/test_host.py": 90,
    "console/test_accessibility.py": 85,
    "fuzz/test_fuzz.py": 62,
    "budget/test_budget.py": 60,
}
"""Seconds that all tests of a file take, with others beside them. What is not here is short."""


def dealt(tests: Sequence[T], hands: int, *, file: Callable[[T], str]) -> list[T]:
    """In the order in which `--dist worksteal` cuts them into hands of the same size: each with about as many seconds
    of long files, and these first. A file stays in one hand, so that what strikes and measures does not do it twice
    at once."""
    long = _shared_out(tests, hands, file)
    rest = iter([one for one in tests if file(one) not in LONG])
    left, order = len(tests), list[T]()
    for number, first in enumerate(long):
        size = left // (hands - number)
        order += first
        order += islice(rest, max(0, size - len(first)))
        left -= size
    return [*order, *rest]


def _shared_out(tests: Sequence[T], hands: int, file: Callable[[T], str]) -> list[list[T]]:
    """The longest file to whoever has least."""
    files: dict[str, list[T]] = {}
    for one in tests:
        if file(one) in LONG:
            files.setdefault(file(one), []).append(one)
    seconds, held = [0] * hands, [list[T]() for _ in range(hands)]
    for name in sorted(files, key=LONG.__getitem__, reverse=True):
        least = seconds.index(min(seconds))
        seconds[least] += LONG[name]
        held[least] += files[name]
    return held
