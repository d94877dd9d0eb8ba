"""Signing in with a provider: who becomes whom, and everything a provider or a browser could bring that must not
open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest

from fairlead.access import Books, NewUser, Role, SessionBook, SignIn, Status, User
from fairlead.access.provider import Provider
from fairlead.config import SignInSettings
from fairlead.errors import Forbidden, IssuerUnavailable, Unauthorised
from fairlead.testing import MovableClock
from tests.access.conftest import Process, StartProcess
from tests.access.issuer import Issuer, forged
from tests.access.sign_in_provider import ADA, CLIENT, ISSUER, SECRET, SignInProvider

CALLBACK = "https://fairlead.example.com/console/sign-in/callback"


class House:
    """One Fairlead, its provider, and a browser for each who comes."""

    def __init__(self, process: Process, clock: MovableClock) -> None:
        self.process = process
        self.clock = clock
        self.provider = SignInProvider(clock)
        self.sign_in = self.with_settings(default_role="viewer")

    def with_settings(self, **more: Any) -> SignIn:
        given: dict[str, Any] = {"issuer": ISSUER, "client_id": CLIENT, "client_secret": SECRET}
        settings = SignInSettings(**(given | more))
        sessions = SessionBook(
            self.process.database, audit=self.process.audit, lives=settings.session_lifetime,
            idle=settings.session_idle, clock=self.clock,
        )  # fmt: skip
        books = Books(self.process.book, self.process.users, sessions, self.process.audit)
        emit = lambda event, /, **fields: self.process.said.append((event, fields))  # noqa: E731
        provider = Provider(settings, send=self.provider.send, clock=self.clock, emit=emit)
        self.sign_in = SignIn(settings, provider=provider, books=books, clock=self.clock, emit=emit)
        return self.sign_in

    async def come(self, **more: str) -> User:
        """Somebody signs in; what they may do is by the session they get."""
        begun = await self.sign_in.begin("", "/console/approvals", redirect_url=CALLBACK)
        query = dict(parse_qsl(self.provider.authorise(begun.address))) | more
        done = await self.sign_in.finish(begun.secret, query, redirect_url=CALLBACK)
        assert done.back == "/console/approvals"
        session = await self.sign_in.find(done.session)
        assert session is not None
        user = session.principal.user
        assert user is not None
        found = await self.process.users.get(user, tenant=session.principal.tenant)
        assert found.role is session.principal.role
        return found


@pytest.fixture
async def house(process: StartProcess, clock: MovableClock) -> AsyncIterator[House]:
    yield House(await process(), clock)


async def test_somebody_new_gets_the_role_that_newcomers_get(house: House) -> None:
    user = await house.come()
    assert (user.name, user.email, user.role, user.tenant) == ("ada@example.com", "ada@example.com", Role.VIEWER,
                                                               "default")  # fmt: skip
    assert user.created_by == "sign-in"
    assert (await house.come()).id == user.id
    assert user.last_seen_at is not None


async def test_without_such_a_role_only_those_come_in_whom_an_administrator_made(house: House) -> None:
    house.with_settings()
    with pytest.raises(Forbidden, match="has no role here"):
        await house.come()
    assert await house.process.users.list(tenant=None) == []
    await house.process.users.create(NewUser("ada", "acme", Role.OPERATOR, "Ada@Example.com"), by="root")
    user = await house.come()
    assert (user.name, user.tenant, user.role) == ("ada", "acme", Role.OPERATOR)
    assert (await house.come()).id == user.id
    house.provider.claims["email"] = "lovelace@example.com"  # they are known by their subject from now on
    assert (await house.come()).id == user.id


async def test_an_address_that_is_not_verified_takes_over_nobody(house: House) -> None:
    house.with_settings(user_claim="preferred_username", default_role="viewer")
    await house.process.users.create(NewUser("boss", role=Role.ADMIN, email="ada@example.com"), by="root")
    house.provider.claims |= {"email_verified": False, "preferred_username": "mallory"}
    user = await house.come()
    assert (user.name, user.role) == ("mallory", Role.VIEWER)


async def test_a_name_that_is_somebody_elses_is_not_taken_over(house: House) -> None:
    house.with_settings(user_claim="preferred_username", default_role="viewer")
    await house.process.users.create(NewUser("boss", role=Role.ADMIN), by="root")
    house.provider.claims["preferred_username"] = "boss"
    with pytest.raises(Forbidden, match="There is a user boss already"):
        await house.come()
    boss = await house.process.users.get("boss", tenant="default")
    assert (boss.subject, boss.last_seen_at) == (None, None)


async def test_one_whom_two_tenants_expect_must_say_of_which_they_are(house: House) -> None:
    house.with_settings(tenant_claim="org")
    for tenant in ("acme", "globex"):
        await house.process.users.create(NewUser("ada", tenant, Role.VIEWER, "ada@example.com"), by="root")
    with pytest.raises(Forbidden, match="no role"):
        await house.come()
    house.provider.claims["org"] = "globex"
    assert (await house.come()).tenant == "globex"
    house.provider.claims["org"] = "acme"
    with pytest.raises(Forbidden, match="another tenant"):
        await house.come()


async def test_a_disabled_user_does_not_come_in_and_a_deleted_one_comes_as_new(house: House) -> None:
    user = await house.come()
    await house.process.users.disable(user.name, tenant="default", by="root")
    with pytest.raises(Forbidden, match="is disabled"):
        await house.come()
    await house.process.users.delete(user.name, tenant="default", by="root")
    again = await house.come()
    assert again.id != user.id and again.status is Status.ACTIVE


async def test_where_a_claim_says_roles_the_provider_has_the_last_word(house: House) -> None:
    house.with_settings(role_claim="groups", roles="leads=admin", default_role="viewer")
    house.provider.claims["groups"] = ["leads"]
    begun = await house.sign_in.begin("", "", redirect_url=CALLBACK)
    query = dict(parse_qsl(house.provider.authorise(begun.address)))
    before = (await house.sign_in.finish(begun.secret, query, redirect_url=CALLBACK)).session
    assert (await house.come()).role is Role.ADMIN
    house.clock.move(timedelta(seconds=1))
    house.provider.claims["groups"] = ["staff"]
    assert (await house.come()).role is Role.VIEWER
    assert await house.sign_in.find(before) is None, "what they held as an administrator has ended"
    house.with_settings(role_claim="groups")
    with pytest.raises(Forbidden, match="no role"):
        await house.come()


async def test_two_tabs_of_somebody_new_make_one_user(house: House) -> None:
    first = await house.sign_in.begin("", "", redirect_url=CALLBACK)
    second = await house.sign_in.begin(first.secret, "", redirect_url=CALLBACK)
    assert first.secret == second.secret
    for begun in (second, first):
        query = dict(parse_qsl(house.provider.authorise(begun.address)))
        await house.sign_in.finish(first.secret, query, redirect_url=CALLBACK)
    assert len(await house.process.users.list(tenant=None)) == 1


WRONG = (
    ({"iss": "https://evil.example"}, "iss"),
    ({"aud": "another-client"}, "aud"),
    ({"aud": [CLIENT, "another"], "azp": "another"}, "azp"),
    ({"aud": [CLIENT, "another"]}, "azp"),
    ({"exp": 1}, "expired"),
    ({"exp": None}, "exp"),
    ({"iat": None}, "iat"),
    ({"iat": 99_999_999_999}, "in the future"),
    ({"nbf": 99_999_999_999}, "not yet valid"),
    ({"nonce": "of another sign-in"}, "nonce"),
    ({"nonce": None}, "nonce"),
    ({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, "at_hash"),
)


async def test_a_token_that_is_not_for_this_sign_in_opens_nothing(house: House) -> None:
    for wrong, told in WRONG:
        house.provider.wrong = wrong
        with pytest.raises(Unauthorised, match=told):
            await house.come()
    assert await house.process.users.list(tenant=None) == []
    assert len([name for name, _ in house.process.said if name == "sign_in_refused"]) == len(WRONG)


async def test_a_signature_that_is_not_the_providers_opens_nothing(house: House) -> None:
    stranger, own = Issuer(), house.provider.issuer
    signatures: list[Any] = [
        lambda claims: forged({"alg": "none"}, claims),
        lambda claims: forged({"alg": "HS256", "kid": own.kid}, claims, own.pem.encode()),
        lambda claims: forged({"alg": "HS256"}, claims, SECRET.encode()),
        lambda claims: forged({"alg": "RS256", "kid": own.kid}, claims),
        lambda claims: stranger.sign(claims),
        lambda claims: stranger.sign(claims, jwk=stranger.key.as_dict(private=False)),
        lambda claims: own.sign(claims)[:-4] + "AAAA",
        lambda claims: "no token",
        lambda claims: None,
    ]
    for sign in signatures:
        house.provider.sign = sign
        with pytest.raises(Unauthorised):
            await house.come()
    assert await house.process.users.list(tenant=None) == []
    house.provider.sign = own.sign
    assert (await house.come()).name == "ada@example.com"


async def test_a_provider_may_turn_its_keys(house: House) -> None:
    await house.come()
    house.provider.issuer.turn("second")
    house.clock.move(timedelta(seconds=31))
    assert (await house.come()).name == "ada@example.com"


async def test_what_comes_back_must_be_what_was_begun(house: House) -> None:
    begun = await house.sign_in.begin("", "", redirect_url=CALLBACK)
    query = dict(parse_qsl(house.provider.authorise(begun.address)))
    other = await house.sign_in.begin("", "", redirect_url=CALLBACK)
    theirs = dict(parse_qsl(house.provider.authorise(other.address)))
    for secret, brought in (
        (other.secret, query),  # a return that somebody else was made to follow
        ("", query),
        (begun.secret, {**query, "state": "made.up.state"}),
        (begun.secret, {"code": query["code"]}),
        (begun.secret, {"state": query["state"]}),
        (begun.secret, {"state": query["state"], "error": "access_denied"}),
        (begun.secret, {**query, "iss": "https://evil.example"}),
        (begun.secret, {**theirs, "state": query["state"]}),  # the code of another attempt: it proves nothing
    ):
        with pytest.raises(Unauthorised):
            await house.sign_in.finish(secret, brought, redirect_url=CALLBACK)
    done = await house.sign_in.finish(begun.secret, {**query, "iss": ISSUER}, redirect_url=CALLBACK)
    assert await house.sign_in.find(done.session) is not None
    with pytest.raises(Unauthorised, match="invalid_grant"):
        await house.sign_in.finish(begun.secret, query, redirect_url=CALLBACK)


async def test_more_is_read_from_userinfo_and_the_token_has_the_last_word(house: House) -> None:
    house.provider.claims = {"sub": "42", "groups": "staff"}
    house.provider.userinfo = {**ADA, "groups": "admin"}
    house.with_settings(role_claim="groups", default_role="viewer")
    user = await house.come()
    assert (user.name, user.role) == ("ada@example.com", Role.VIEWER)
    house.provider.userinfo = {**ADA, "sub": "43"}
    with pytest.raises(Unauthorised, match="two people"):
        await house.come()


async def test_a_secret_is_shown_as_the_provider_takes_it(house: House) -> None:
    house.provider.discovery = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert await house.come()
    house.provider.public = True
    house.with_settings(client_secret=None, default_role="viewer")
    assert await house.come()
    house.provider.public = False
    with pytest.raises(Unauthorised, match="invalid_client"):
        await house.come()


async def test_a_provider_that_does_not_speak_for_the_issuer_is_not_asked(house: House) -> None:
    for discovery in ({"issuer": "https://evil.example"}, {"issuer": f"{ISSUER}/"}, {"token_endpoint": None},
                      {"authorization_endpoint": "javascript:alert(1)"}, {"jwks_uri": 7},
                      {"token_endpoint": "http://sso.example.com/token"}):  # fmt: skip
        house.provider.discovery = dict(discovery)
        with pytest.raises(IssuerUnavailable):
            await house.sign_in.begin("", "", redirect_url=CALLBACK)
    assert set(house.provider.asked) == {"/.well-known/openid-configuration"}


async def test_a_provider_that_is_away_is_told_and_asked_again(house: House) -> None:
    house.provider.away = True
    with pytest.raises(IssuerUnavailable, match="can't be asked now"):
        await house.come()
    house.provider.away = False
    await house.come()
    house.clock.move(timedelta(seconds=3700))
    house.provider.away = True
    begun = await house.sign_in.begin("", "", redirect_url=CALLBACK)  # what we know of it is still good
    query = dict(parse_qsl(house.provider.authorise(begun.address)))
    with pytest.raises(IssuerUnavailable):
        await house.sign_in.finish(begun.secret, query, redirect_url=CALLBACK)
    house.provider.away = False
    assert await house.sign_in.finish(begun.secret, query, redirect_url=CALLBACK)


async def test_a_session_ends_unused_too_old_or_signed_out(house: House) -> None:
    house.with_settings(session_lifetime=timedelta(hours=2), session_idle=timedelta(hours=1), default_role="viewer")

    async def fresh() -> str:
        begun = await house.sign_in.begin("", "", redirect_url=CALLBACK)
        query = dict(parse_qsl(house.provider.authorise(begun.address)))
        return (await house.sign_in.finish(begun.secret, query, redirect_url=CALLBACK)).session

    unused = await fresh()
    used = await fresh()
    for _ in range(3):
        house.clock.move(timedelta(seconds=40 * 60 - 1))
        there = await house.sign_in.find(used)
        assert there is not None
    assert await house.sign_in.find(unused) is None
    house.clock.move(timedelta(seconds=10))
    assert await house.sign_in.find(used) is None, "two hours are over"
    out = await fresh()
    await house.sign_in.end(out)
    assert await house.sign_in.find(out) is None
    assert await house.sign_in.find("made up") is None
