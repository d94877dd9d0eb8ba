from __future__ import annotations

from typing import Any

import pytest

from fairlead.access import Allowance, Limits, NewKey, Role, Scope
from fairlead.errors import InvalidInput


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""}, {"name": "a b"}, {"name": "-a"}, {"name": "a" * 65}, {"name": "a\n"}, {"name": "key:a"},
        {"name": "ä"}, {"tenant": "../x"}, {"owner": ""}, {"owner": "a\nb"}, {"owner": "\ud800"}, {"owner": "x" * 201},
        {"scopes": frozenset()}, {"models": ("open ai/*",)}, {"models": ("[a-z]*",)}, {"models": ("a",) * 101},
        {"metadata": {"team": ""}}, {"metadata": {"team": 1}}, {"metadata": {"te am": "x"}},
        {"metadata": {f"label{n}": "x" for n in range(51)}}, {"allowance": Allowance(day_nano=0)},
        {"allowance": Allowance(total_nano=-1)}, {"allowance": Allowance(month_nano=2**60)},
        {"limits": Limits(requests_per_minute=0)}, {"limits": Limits(tokens_per_minute=2**70)},
    ],
)  # fmt: skip
def test_a_key_that_makes_no_sense_is_not_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        NewKey(**{"name": "bot", **wrong})


def test_only_an_admin_with_the_scope_makes_keys() -> None:
    assert NewKey("root", role=Role.ADMIN).administers
    assert NewKey("root", role=Role.ADMIN, scopes=frozenset({Scope.ADMIN})).administers
    assert not NewKey("root", role=Role.ADMIN, scopes=frozenset({Scope.MODELS})).administers
    assert not NewKey("bot").administers
