from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr, ValidationError

from fairlead.access import LOCAL_ADMIN, KeysOfAll, KeysOfIssuer, Principal, Role, Scope, Tokens, keys_of_file
from fairlead.access.signing import keys_of_set, secret_keys
from fairlead.config import TokenSettings
from fairlead.errors import Conflict, FairleadError, IssuerUnavailable, Unauthorised
from fairlead.telemetry.emit import silent
from fairlead.testing import MovableClock
from tests.access.issuer import Issuer, forged

OLD, NEW = "o" * 32, "n" * 32
NOW = MovableClock().micros() // 1_000_000
CLAIMS: dict[str, Any] = {"iss": "https://issuer.test", "sub": "ann", "iat": NOW, "exp": NOW + 3600, "aud": "fairlead"}
RSA, ED = Issuer("RS256"), Issuer("EdDSA")


class Published:
    """What an issuer's address gives; counts how often it was read."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.read = 0
        self.away = False

    async def fetch(self, url: str) -> bytes:
        self.read += 1
        if self.away:
            raise FairleadError(f"{url} does not answer.")
        return self.issuer.key_set


def tokens(
    *secrets: str, published: Published | None = None, clock: MovableClock | None = None, emit: Any = silent,
    **given: Any,
) -> Tokens:  # fmt: skip
    clock = clock or MovableClock()
    settings = TokenSettings(secrets=tuple(SecretStr(one) for one in secrets), **given)
    public = published and KeysOfIssuer("https://issuer.test/keys", fetch=published.fetch, clock=clock, emit=emit)
    return Tokens(settings, own=secret_keys(settings.secrets), public=public, clock=clock, emit=emit)


def base64_of(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8)).rstrip(b"=").decode()


def hs256(claims: dict[str, Any], secret: str = NEW, **header: Any) -> str:
    return forged({"alg": "HS256", **header}, claims, secret.encode())


@pytest.mark.parametrize("issuer", [RSA, ED], ids=["RS256", "EdDSA"])
async def test_a_token_signed_with_a_published_key_says_who_comes(issuer: Issuer) -> None:
    said = {**CLAIMS, "role": "operator", "tenant": "acme"}
    bearer = await tokens(published=Published(issuer)).identify(issuer.sign(said))
    caller = bearer.principal
    assert (caller.name, caller.user, caller.role, caller.tenant) == ("user:ann", "ann", Role.OPERATOR, "acme")
    assert (caller.installation, caller.scopes) == (False, frozenset((Scope.EVERYTHING,)))


async def test_either_of_two_secrets_opens_so_that_one_can_follow_the_other() -> None:
    both = tokens(NEW, OLD)
    for secret in (NEW, OLD):
        assert (await both.identify(hs256(CLAIMS, secret))).principal.user == "ann"
    with pytest.raises(Unauthorised):
        await tokens(NEW).identify(hs256(CLAIMS, OLD))


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (forged({"alg": "none"}, CLAIMS), "not taken"),
        (forged({"alg": "None"}, CLAIMS), "not taken"),
        (forged({"alg": "HS256"}, CLAIMS), "signature"),
        (forged({"alg": "HS256"}, CLAIMS, RSA.pem.encode()), "signature"),
        (forged({"alg": "HS256", "kid": RSA.kid}, CLAIMS, RSA.key_set), "signature"),
        (forged({"alg": "RS256", "kid": RSA.kid}, CLAIMS, NEW.encode()), "signature"),
        (forged({"alg": "EdDSA", "kid": RSA.kid}, CLAIMS, NEW.encode()), "signature"),
        (forged({"alg": "HS384"}, CLAIMS, NEW.encode()), "not taken"),
        (forged({"alg": ["HS256"]}, CLAIMS, NEW.encode()), "header"),
        (forged({"alg": "HS256", "crit": ["exp"], "exp": 1}, CLAIMS, NEW.encode()), "signature"),
        (Issuer("RS256").sign(CLAIMS), "signature"),
        (Issuer("RS256").sign(CLAIMS, jwk=Issuer().key.as_dict(private=False)), "signature"),
        (hs256(CLAIMS)[:-2], "signature"),
        ("eyJ.eyJ.x", "header"),
        ("eyJhbGciOiJIUzI1NiJ9." + "a" * 9000 + ".x", "too long"),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else "",
)
async def test_what_nobody_signed_or_somebody_signed_otherwise_opens_nothing(token: str, why: str) -> None:
    said: list[tuple[str, dict[str, Any]]] = []
    taken = tokens(NEW, published=Published(RSA), emit=lambda event, /, **fields: said.append((event, fields)))
    with pytest.raises(Unauthorised, match=why):
        await taken.identify(token)
    assert [event for event, _ in said] == ["token_refused"]
    assert token not in str(said)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"exp": NOW - 31}, "expired"),
        ({"exp": None}, "`exp`"),
        ({"exp": True}, "`exp`"),
        ({"exp": "tomorrow"}, "`exp`"),
        ({"exp": 1e300}, "no time"),
        ({"exp": float("inf")}, "signature|`exp`"),
        ({"iat": None}, "`iat`"),
        ({"iat": NOW + 31, "exp": NOW + 60}, "not valid yet"),
        ({"nbf": NOW + 31}, "not valid yet"),
        ({"exp": NOW + 3601}, "longer than 3600"),
        ({"aud": "another"}, "somebody else"),
        ({"aud": ["another", "third"]}, "somebody else"),
        ({"aud": []}, "somebody else"),
        ({"sub": None}, "no user"),
        ({"sub": ""}, "no user"),
        ({"sub": 7}, "no user"),
        ({"sub": "a\nb"}, "no user"),
        ({"tenant": "../acme"}, "tenant"),
        ({"tenant": ["acme"]}, "tenant"),
    ],
)
async def test_a_token_must_say_all_that_it_needs_to(changed: dict[str, Any], why: str) -> None:
    claims = {name: value for name, value in {**CLAIMS, **changed}.items() if value is not None}
    with pytest.raises(Unauthorised, match=why):
        await tokens(NEW).identify(hs256(claims))


@pytest.mark.parametrize("claims", [[], "text", None, 7])
async def test_claims_that_are_no_object_open_nothing(claims: Any) -> None:
    with pytest.raises(Unauthorised):
        await tokens(NEW).identify(hs256(claims))


@pytest.mark.parametrize(
    "changed", [{"exp": NOW - 29}, {"iat": NOW + 29}, {"nbf": NOW + 29}, {"aud": ["x", "fairlead"]}]
)
async def test_clocks_may_differ_a_little(changed: dict[str, Any]) -> None:
    await tokens(NEW).identify(hs256({**CLAIMS, "iat": NOW - 100, "exp": NOW + 100, **changed}))


async def test_issuer_and_audience_are_those_of_the_settings() -> None:
    given = {"issuer": "https://issuer.test", "audience": "api"}
    await tokens(NEW, **given).identify(hs256({**CLAIMS, "aud": "api"}))
    for other in (
        {"aud": "fairlead"},
        {"aud": None},
        {"aud": "api", "iss": "https://evil.test"},
        {"aud": "api", "iss": None},
    ):
        claims = {name: value for name, value in {**CLAIMS, **other}.items() if value is not None}
        with pytest.raises(Unauthorised):
            await tokens(NEW, **given).identify(hs256(claims))


@pytest.mark.parametrize(
    ("role", "means"),
    [("admin", Role.ADMIN), (["staff", "viewer", "operator"], Role.OPERATOR), ("root", Role.VIEWER),
     (None, Role.VIEWER), ({"admin": True}, Role.VIEWER), (["Admin"], Role.VIEWER)],
)  # fmt: skip
async def test_the_highest_role_we_know_counts_and_else_the_least(role: Any, means: Role) -> None:
    assert (await tokens(NEW).identify(hs256({**CLAIMS, "role": role}))).principal.role is means


async def test_claims_stand_where_the_settings_say() -> None:
    names = {"user_claim": "email", "role_claim": "realm_access.roles", "tenant_claim": "https://acme.test/tenant",
             "scope_claim": "scope"}  # fmt: skip
    claims = {
        **CLAIMS, "email": "ann@acme.test", "realm_access": {"roles": ["operator"]},
        "https://acme.test/tenant": "acme", "scope": "openid runs:read",
    }  # fmt: skip
    caller = (await tokens(NEW, **names).identify(hs256(claims))).principal
    assert (caller.user, caller.role, caller.tenant) == ("ann@acme.test", Role.OPERATOR, "acme")
    assert caller.scopes == {Scope.RUNS_READ}


async def test_a_token_for_other_things_only_opens_nothing_of_ours() -> None:
    caller = (await tokens(NEW, scope_claim="scope").identify(hs256({**CLAIMS, "scope": "openid email"}))).principal
    assert caller.scopes == frozenset()


async def test_our_own_tokens_open_what_their_caller_may_for_an_hour() -> None:
    clock = MovableClock()
    ours = tokens(NEW, OLD, clock=clock, issuer="https://issuer.test")
    caller = Principal("key:bot", Role.OPERATOR, tenant="acme", key_id="key_1", user="ann")
    issued = ours.issue(caller, scopes=[Scope.RUNS_READ])
    assert issued.lives == timedelta(hours=1)
    assert issued.token not in repr(issued)
    bearer = await tokens(OLD, NEW, clock=clock, issuer="https://issuer.test").identify(issued.token)
    assert (bearer.key_id, bearer.principal.tenant, bearer.principal.scopes) == ("key_1", "acme", {Scope.RUNS_READ})
    clock.move(timedelta(hours=1, seconds=31))
    with pytest.raises(Unauthorised, match="expired"):
        await ours.identify(issued.token)


async def test_ours_never_live_longer_than_they_may() -> None:
    issued = tokens(NEW, max_age="10 min").issue(LOCAL_ADMIN, lives=timedelta(hours=5))
    assert issued.lives == timedelta(minutes=10)
    with pytest.raises(Conflict, match="secret"):
        tokens(published=Published(RSA)).issue(LOCAL_ADMIN)


@pytest.mark.parametrize("secret", ["short", "x" * 31, "-----BEGIN PUBLIC KEY-----" + "x" * 40])
def test_a_secret_that_could_be_guessed_is_refused(secret: str) -> None:
    with pytest.raises(ValidationError, match="random bytes"):
        TokenSettings(secrets=(SecretStr(secret),))


@pytest.mark.parametrize("form", ["pem", "set"])
async def test_public_keys_come_from_a_file(form: str, tmp_path: Any) -> None:
    path = tmp_path / "keys"
    path.write_text(RSA.pem + "\n" + ED.pem if form == "pem" else RSA.key_set.decode())
    settings = TokenSettings(public_keys=path)
    taken = Tokens(settings, own=(), public=KeysOfAll([keys_of_file(path)]), clock=MovableClock(), emit=silent)
    for issuer in (RSA, ED) if form == "pem" else (RSA,):
        assert (await taken.identify(issuer.sign(CLAIMS))).principal.user == "ann"


def test_of_a_key_set_only_what_can_verify_is_taken() -> None:
    short = base64_of(rsa.generate_private_key(65537, 1024).public_key().public_numbers().n)
    other: list[Any] = [
        {"kty": "oct", "k": "c2VjcmV0"}, {"kty": "RSA"}, {"kty": "EC", "crv": "P-256"}, 7, None,
        {"kty": "RSA", "e": "AQAB", "n": short},
        {**RSA.key.as_dict(private=False), "use": "enc"}, ED.key.as_dict(private=False),
    ]  # fmt: skip
    assert [key.kid for key in keys_of_set(orjson.dumps({"keys": other}))] == [ED.kid]


async def test_an_issuer_may_change_its_keys_at_any_time() -> None:
    clock, issuer = MovableClock(), Issuer("EdDSA")
    published = Published(issuer)
    taken = tokens(published=published, clock=clock)
    await taken.identify(issuer.sign(CLAIMS))
    issuer.turn("second")
    clock.move(timedelta(seconds=30))
    await taken.identify(issuer.sign(CLAIMS))
    assert published.read == 2


async def test_keys_nobody_knows_do_not_make_us_flood_the_issuer() -> None:
    clock, published = MovableClock(), Published(ED)
    taken = tokens(published=published, clock=clock)
    for number in range(20):
        with pytest.raises(Unauthorised):
            await taken.identify(Issuer("EdDSA", kid=f"forged-{number}").sign(CLAIMS))
    assert published.read == 1
    clock.move(timedelta(seconds=30))
    with pytest.raises(Unauthorised):
        await taken.identify(Issuer("EdDSA", kid="forged").sign(CLAIMS))
    assert published.read == 2


def outcome(said: list[tuple[str, dict[str, Any]]]) -> Callable[..., None]:
    return lambda event, /, **fields: said.append((event, fields))


async def test_an_issuer_that_is_away_is_told_of_once_and_its_keys_stay_good_for_a_day() -> None:
    clock, published, said = MovableClock(), Published(ED), list[tuple[str, dict[str, Any]]]()
    taken = tokens(published=published, clock=clock, max_age="2d", emit=outcome(said))
    token = ED.sign({**CLAIMS, "exp": NOW + 2 * 86400 - 1})
    await taken.identify(token)
    published.away = True
    for _ in range(3):
        clock.move(timedelta(hours=7))
        await taken.identify(token)
    assert [event for event, _ in said] == ["issuer_unreachable"]
    clock.move(timedelta(hours=4))
    with pytest.raises(IssuerUnavailable):
        await taken.identify(token)
    published.away = False
    clock.move(timedelta(seconds=5))
    await taken.identify(token)


async def test_an_issuer_that_never_answered_is_no_reason_to_say_that_a_token_is_bad() -> None:
    published = Published(ED)
    published.away = True
    with pytest.raises(IssuerUnavailable):
        await tokens(published=published).identify(ED.sign(CLAIMS))
