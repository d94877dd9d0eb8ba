"""What a token or a sign-in says of somebody, read as we read it: user, role, tenant, scopes. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from fairlead.access.key import NAME, TEXT
from fairlead.access.roles import Role, Scope
from fairlead.errors import Unauthorised

Claims = Mapping[str, Any]
_OUR_ROLES = {role.value: role for role in Role}


@dataclass(frozen=True, slots=True)
class ClaimNames:
    """Where what stands. `realm_access.roles` is `roles` within `realm_access`. `scope` of None: not looked at."""

    user: str = "sub"
    role: str = "role"
    tenant: str = "tenant"
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """`role` is None when none was named that we know."""

    user: str
    tenant: str
    role: Role | None
    scopes: frozenset[Scope]


def said_of(claims: Claims, names: ClaimNames) -> Said:
    """Raises `Unauthorised` when the user or the tenant is none."""
    user, tenant = claim_of(claims, names.user), claim_of(claims, names.tenant)
    if not isinstance(user, str) or not re.fullmatch(TEXT, user):
        raise Unauthorised(f"The token names no user: `{names.user}`.")
    tenant = "default" if tenant is None else tenant
    if not isinstance(tenant, str) or not re.fullmatch(NAME, tenant):
        raise Unauthorised(f"The token's tenant (`{names.tenant}`) is none.")
    scopes = frozenset((Scope.EVERYTHING,)) if names.scope is None else _scopes(claim_of(claims, names.scope))
    return Said(user, tenant, highest_role(claim_of(claims, names.role), _OUR_ROLES), scopes)


def claim_of(claims: Claims, name: str) -> Any:
    """The claim of this very name (some are addresses, with dots), else the one that it leads to."""
    if name in claims:
        return claims[name]
    value: Any = claims
    for part in name.split("."):
        value = cast("dict[str, Any]", value).get(part) if isinstance(value, dict) else None
    return value


@dataclass(frozen=True, slots=True)
class Times:
    """When a token was issued and when it ends, in microseconds."""

    issued: int
    ends: int


def times_of(claims: Claims, *, now: int, leeway: int, longest: int) -> Times:
    """All in microseconds. Raises `Unauthorised` for a token that is not yet, no longer, or too long good."""
    issued, ends = _moment(claims, "iat"), _moment(claims, "exp")
    if ends + leeway <= now:
        raise Unauthorised("The token has expired.", hint="Get a new one.")
    if issued - leeway > now or ("nbf" in claims and _moment(claims, "nbf") - leeway > now):
        raise Unauthorised("The token is not valid yet.", hint="Check the clock of its issuer.")
    if ends - issued > longest:
        raise Unauthorised(
            f"The token lives longer than {longest // 1_000_000} seconds.",
            hint="Have shorter ones issued, or set JWT_MAX_AGE.",
        )
    return Times(issued, ends)


def _moment(claims: Claims, name: str) -> int:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Unauthorised(f"The token has no `{name}`.")
    if not 0 <= value < 1e11:
        raise Unauthorised(f"The token's `{name}` is no time.")
    return round(value * 1_000_000)


def highest_role(value: Any, known: Mapping[str, Role]) -> Role | None:
    """Of what a claim names, one or a list, that is known for a role."""
    named = cast("list[Any]", value) if isinstance(value, list) else [value]
    found = [known[one] for one in named if isinstance(one, str) and one in known]
    return max(found, key=list(Role).index, default=None)


def _scopes(value: Any) -> frozenset[Scope]:
    """Those we know. A token that says others only is for others only."""
    named = value.split() if isinstance(value, str) else cast("list[Any]", value) if isinstance(value, list) else []
    known = set(Scope)
    return frozenset(Scope(one) for one in named if isinstance(one, str) and one in known)


def looks_like_token(given: str) -> bool:
    """Three parts, of which the first is a JSON object: `{"` in base64 begins so."""
    return given.count(".") == 2 and given.startswith("eyJ")
