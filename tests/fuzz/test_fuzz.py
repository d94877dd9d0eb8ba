from __future__ import annotations

from pathlib import Path

from tests.fuzz.attack import attack, server


def test_what_the_description_of_the_api_says_holds(tmp_path: Path) -> None:
    with server(tmp_path) as url:
        found = attack(tmp_path, url, examples=2, seed=1)
    assert found.failures == ""
    assert found.internal == ()
    assert found.cases > 1000
