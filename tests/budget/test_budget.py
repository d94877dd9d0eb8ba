"""The budget battery in small: a round of each kind, and each planted bug caught. The large one is
`python -m tests.budget`."""

from __future__ import annotations

import pytest

from tests.budget.battery import Config, planted, run
from tests.budget.bugs import BUGS


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
@pytest.mark.parametrize(("processes", "kills"), [(1, 0), (4, 0), (3, 2)])
async def test_a_budget_is_kept_and_used(database: str, processes: int, kills: int) -> None:
    report = await run(Config(database, processes, kills, seed=7, callers=120))
    assert not report.violations(), report.line()


@pytest.mark.parametrize("bug", BUGS)
async def test_a_planted_bug_is_caught(bug: str) -> None:
    reports = [await run(planted(bug, "sqlite", seed)) for seed in (7, 8)]
    assert any(report.violations() for report in reports), [report.line() for report in reports]
