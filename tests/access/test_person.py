"""What a provider's claims make of somebody."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead.access import Role
from fairlead.access.person import person_of
from fairlead.config import SignInSettings
from fairlead.errors import Unauthorised

ISSUER = "https://sso.example.com"
ADA = {"sub": "42", "email": "ada@example.com", "email_verified": True, "groups": ["staff", "fairlead-admins"]}


def settings(**more: Any) -> SignInSettings:
    return SignInSettings(issuer=ISSUER, client_id="fairlead", **more)


def test_the_subject_is_of_its_issuer() -> None:
    """Another provider's 42 is somebody else."""
    assert person_of(ADA, settings()).subject == f"{ISSUER} 42"


def test_an_address_that_nobody_has_verified_is_neither_name_nor_address() -> None:
    for verified in (False, None, "no", 1, "false"):
        claims = {**ADA, "email_verified": verified, "preferred_username": "ada"}
        with pytest.raises(Unauthorised, match="no `email` that it has verified"):
            person_of(claims, settings())
        assert person_of(claims, settings(user_claim="preferred_username")).email is None
    assert person_of({**ADA, "email_verified": "true"}, settings()).email == "ada@example.com"


@pytest.mark.parametrize(
    ("said", "role"),
    [
        (["staff", "fairlead-admins"], Role.ADMIN),
        (["engineers", "staff"], Role.OPERATOR),
        ("engineers", Role.OPERATOR),
        (["viewer"], Role.VIEWER),
        (["Admin", "FAIRLEAD-ADMINS"], None),
        ({"admin": True}, None),
        ([["admin"]], None),
        (None, None),
    ],
)
def test_the_highest_role_that_a_claim_names_counts(said: Any, role: Role | None) -> None:
    given = settings(role_claim="groups", roles="fairlead-admins=admin, engineers = operator")
    assert person_of({**ADA, "groups": said}, given).role is role


def test_roles_are_not_read_where_no_claim_has_them() -> None:
    assert person_of({**ADA, "role": "admin", "roles": ["admin"]}, settings()).role is None


def test_a_tenant_is_read_where_a_claim_has_it() -> None:
    assert person_of({**ADA, "org": "acme"}, settings()).tenant is None
    assert person_of({**ADA, "org": {"id": "acme"}}, settings(tenant_claim="org.id")).tenant == "acme"
    for wrong in (7, "a b", "", ["acme"], "../x"):
        with pytest.raises(Unauthorised, match="is no tenant"):
            person_of({**ADA, "org": wrong}, settings(tenant_claim="org"))


@pytest.mark.parametrize("wrong", [{"sub": ""}, {"sub": 42}, {"sub": "x" * 256}, {"sub": None}, {"email": "no address"},
                                   {"email": "a@b\n"}, {"email": ["ada@example.com"]}])  # fmt: skip
def test_nobody_is_nobody(wrong: dict[str, Any]) -> None:
    with pytest.raises(Unauthorised):
        person_of({**ADA, **wrong}, settings())


@pytest.mark.parametrize("wrong", [
    {"issuer": "http://sso.example.com"}, {"issuer": "sso.example.com"}, {"issuer": f"{ISSUER}?x=1"},
    {"client_id": None}, {"issuer": None}, {"roles": "admins"}, {"roles": "admins=root"}, {"scopes": "email"},
    {"redirect_url": "http://fairlead.example.com/console/sign-in/callback"},
])  # fmt: skip
def test_settings_that_make_no_sense_are_told(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"OIDC_|is no address|says no role"):
        SignInSettings(**{"issuer": ISSUER, "client_id": "fairlead", **wrong})
