from __future__ import annotations

from pathlib import Path

from tests.fuzz.attack import attack, server


def test_nothing_that_the_description_allows_or_forbids_makes_the_api_fail(tmp_path: Path) -> None:
    """Nothing fails, and what is described is taken, and nothing else. `make fuzz` tries ten times as many."""
    with server(tmp_path) as url:
        found = attack(tmp_path, url, examples=1, seed=1)
    assert not found.failures, found.failures
    assert found.internal == ()
    assert found.cases > 1000
