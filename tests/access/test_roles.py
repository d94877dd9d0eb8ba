from __future__ import annotations

import pytest

from fairlead.access import Principal, Role, require
from fairlead.errors import Unauthorised


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("needed", list(Role))
def test_each_role_may_do_what_the_one_before_it_may(role: Role, needed: Role) -> None:
    rank = ["viewer", "operator", "admin"]
    assert role.covers(needed) == (rank.index(role) >= rank.index(needed))


def test_a_role_that_is_too_small_is_refused_by_name() -> None:
    with pytest.raises(Unauthorised, match=r"ann is viewer; this needs operator\."):
        require(Principal("ann", Role.VIEWER), Role.OPERATOR)
    require(Principal("ann", Role.OPERATOR), Role.OPERATOR)
