"""The crash battery in small: forty faults, and each planted bug caught. The large one is `make crash`."""

from __future__ import annotations

import pytest

from tests.crash import bugs
from tests.crash.battery import Config, run
from tests.crash.plan import Kind, plan
from tests.crash.report import lines

_SEED = 7
_SHARE = 0.6


def _quiet(line: str) -> None:
    """Progress is for people."""


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
async def test_twenty_faults_break_no_promise(database: str) -> None:
    said: list[str] = []
    report = await run(Config(database, 20, _SEED), said.append)
    assert not report.violations, "\n".join([*said, *lines(report)])
    assert report.share >= _SHARE, "\n".join(lines(report))


@pytest.mark.parametrize("bug", bugs.BUGS)
async def test_a_planted_bug_is_caught(bug: str) -> None:
    report = await run(Config(bugs.BUGS[bug].database, 40, _SEED, bug, until_broken=True), _quiet)
    assert bugs.BUGS[bug].caught(report), "\n".join([*(one.said for one in report.violations), *lines(report)])


def test_the_plan_follows_from_the_seed() -> None:
    again = [plan(3, 50, database="postgres", slots=3, lease=2.0) for _ in range(2)]
    assert again[0] == again[1] != plan(4, 50, database="postgres", slots=3, lease=2.0)


def test_a_short_plan_has_every_kind_of_fault() -> None:
    assert {fault.kind for fault in plan(1, 20, database="postgres", slots=3, lease=2.0)} == set(Kind)
