"""Who a caller is, and what their role may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fairlead.errors import Unauthorised


class Role(StrEnum):
    """Each role may do what the one before it may."""

    VIEWER = "viewer"  # read
    OPERATOR = "operator"  # start, cancel, answer
    ADMIN = "admin"  # move, keys, settings

    def covers(self, needed: Role) -> bool:
        order = tuple(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller we know. `name` never holds a secret."""

    name: str
    role: Role
    tenant: str = "default"


LOCAL_ADMIN = Principal("local", Role.ADMIN)


def require(caller: Principal, needed: Role) -> None:
    """Raises Unauthorised when the caller's role does not cover `needed`."""
    if not caller.role.covers(needed):
        raise Unauthorised(
            f"{caller.name} is {caller.role.value}; this needs {needed.value}.", hint="Use a key of that role."
        )
