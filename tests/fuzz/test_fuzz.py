from __future__ import annotations

from pathlib import Path

from tests.fuzz.attack import attack, server


def test_nothing_that_the_description_allows_or_forbids_makes_the_api_fail(tmp_path: Path) -> None:
    """`make fuzz` asks more: also that a body is taken exactly when the description says so."""
    with server(tmp_path) as url:
        found = attack(tmp_path, url, examples=1, seed=1, checks="not_a_server_error,ignored_auth,unsupported_method")
    assert found.failures == ""
    assert found.internal == ()
    assert found.cases > 1000
