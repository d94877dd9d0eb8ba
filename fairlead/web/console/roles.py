"""Roles as forms offer them, and pages that are for administrators."""

from __future__ import annotations

from starlette.requests import Request

from fairlead.access import Principal, Role, require
from fairlead.errors import InvalidInput
from fairlead.web.console.desk import caller_of
from fairlead.web.console.language import N_

ROLES = {
    Role.VIEWER: N_("viewer: reads"), Role.OPERATOR: N_("operator: starts, stops and answers, too"),
    Role.ADMIN: N_("admin: keys, users and settings, too"),
}  # fmt: skip


# What the pages of keys and users say of a role.
ROLE_NAMES = {Role.VIEWER: N_("viewer"), Role.OPERATOR: N_("operator"), Role.ADMIN: N_("admin")}


def parse_role(text: str) -> Role:
    """Raises `InvalidInput`."""
    if text not in set(Role):
        raise InvalidInput(f"{text[:60]!r} is no role.", hint=", ".join(Role))
    return Role(text)


def admin_of(request: Request) -> Principal:
    """Raises `Forbidden`."""
    caller = caller_of(request)
    require(caller, Role.ADMIN)
    return caller
