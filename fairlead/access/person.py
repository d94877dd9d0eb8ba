"""Whom a provider's claims speak of, as we read them, and what they may do here. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fairlead.access.claims import Claims, claim_of, highest_role
from fairlead.access.key import NAME, TEXT
from fairlead.access.roles import Role
from fairlead.access.user import EMAIL
from fairlead.config import SignInSettings
from fairlead.errors import Unauthorised

_LONGEST_SUBJECT = 255  # OpenID Connect Core, 2


@dataclass(frozen=True, slots=True)
class Person:
    """`subject`: who they are, for good, with this issuer. `email`: only one that the provider has verified. `tenant`
    and `role`: what the claims say of it."""

    subject: str
    name: str
    email: str | None
    tenant: str | None
    role: Role | None


def person_of(claims: Claims, settings: SignInSettings) -> Person:
    """Raises `Unauthorised` when they have no name, or a tenant that is none."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= _LONGEST_SUBJECT:
        raise Unauthorised("The provider does not say who signs in: it gave no `sub`.")
    email, told = claims.get("email"), claims.get("email_verified")
    verified = told is True or told == "true"  # some write it as text
    known = email if verified and isinstance(email, str) and re.fullmatch(EMAIL, email) else None
    return Person(
        f"{settings.issuer} {subject}", _name_of(claims, settings.user_claim, known), known,
        _tenant_of(claims, settings.tenant_claim), _role_of(claims, settings),
    )  # fmt: skip


def _name_of(claims: Claims, claim: str, email: str | None) -> str:
    """An address that nobody has verified is no name: anybody could call themselves by it."""
    name = email if claim == "email" else claim_of(claims, claim)
    if not isinstance(name, str) or not re.fullmatch(TEXT, name):
        why = " that it has verified" if claim == "email" else ""
        raise Unauthorised(f"The provider gave no `{claim}`{why}.", hint="Check OIDC_SCOPES and OIDC_USER_CLAIM.")
    return name


def _tenant_of(claims: Claims, claim: str | None) -> str | None:
    tenant = None if claim is None else claim_of(claims, claim)
    if tenant is not None and (not isinstance(tenant, str) or not re.fullmatch(NAME, tenant)):
        raise Unauthorised(f"The provider's `{claim}` is no tenant.", hint="Check OIDC_TENANT_CLAIM.")
    return tenant


def _role_of(claims: Claims, settings: SignInSettings) -> Role | None:
    if settings.role_claim is None:
        return None
    known = {said: Role(role) for said, role in settings.role_of_claim.items()}
    return highest_role(claim_of(claims, settings.role_claim), known)
