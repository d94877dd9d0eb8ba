"""Signed tokens (JWT): who comes with one is whom it names, until it ends.

    header ──► which algorithm: one we take, and only with keys of its own kind ──► signature ──► times, issuer,
    audience ──► user, role, tenant, scopes

HS256 is verified by our secrets alone, RS256 and EdDSA by public keys alone: so nobody can sign with a public key as
if it were a secret, and nothing unsigned is ever read. What a token's header says of keys to fetch is not looked at.
Our own tokens are signed with the first secret. They stand for a key, or for a user, and end with them.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwa import EdDSAAlgorithm
from joserfc.jwk import OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from fairlead.access.claims import ClaimNames, Claims, said_of, times_of
from fairlead.access.roles import Principal, Role, Scope
from fairlead.access.signing import PublicKey, PublicKeys
from fairlead.clock import Clock
from fairlead.config import TokenSettings
from fairlead.errors import Conflict, Unauthorised
from fairlead.telemetry.emit import Emit

OURS = "fairlead"  # who issues our own, and for whom
_OUR_NAMES = ClaimNames(scope="scope")
_LONGEST = 8192  # characters
_MOST_TRIED = 20  # keys, of those a token that names none could mean
_KINDS: dict[str, type[PublicKey]] = {"RS256": RSAKey, "EdDSA": OKPKey, "Ed25519": OKPKey}


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whom a token names. `key_id`: it stands for that key of the database, narrowed to these scopes. `issued` is in
    microseconds."""

    principal: Principal
    key_id: str | None
    issued: int


@dataclass(frozen=True, slots=True)
class IssuedToken:
    token: str
    lives: timedelta

    def __repr__(self) -> str:
        return f"IssuedToken({self.lives})"


class _EdDSA(EdDSAAlgorithm):
    """The library warns of its name, which newer documents spell `Ed25519`; issuers go on using the old one."""

    security_warning = None


class _Registry(JWSRegistry):
    max_header_length = 4096

    def get_alg(self, name: str) -> Any:
        return _EdDSA() if name == "EdDSA" else super().get_alg(name)


class Tokens:
    def __init__(
        self, settings: TokenSettings, *, own: Iterable[OctKey], public: PublicKeys | None, clock: Clock, emit: Emit
    ) -> None:
        self._settings = settings
        self._own = tuple(own)
        self._public = public
        self._clock = clock
        self._emit = emit
        self._names = ClaimNames(settings.user_claim, settings.role_claim, settings.tenant_claim, settings.scope_claim)

    async def identify(self, token: str) -> Bearer:
        """Raises `Unauthorised`, and `IssuerUnavailable` when the issuer's keys can't be fetched."""
        claims: Claims = {}
        try:
            header = _header_of(token)
            claims = await self._verified(token, header)
            return self._bearer(claims, ours=header.get("alg") == "HS256" and claims.get("iss") == OURS)
        except Unauthorised as error:
            issuer = claims.get("iss")
            self._emit("token_refused", reason=error.message, issuer=issuer if isinstance(issuer, str) else None)
            raise

    def issue(
        self, caller: Principal, *, scopes: Iterable[Scope] | None = None, lives: timedelta | None = None
    ) -> IssuedToken:
        """A token that opens what the caller may, or less. Raises `Conflict` when there is no secret to sign with."""
        if not self._own:
            raise Conflict("There is no secret to sign tokens with.", hint="Set JWT_SECRET.")
        now = self._clock.micros()
        ends = now + _micros(min(lives or self._settings.max_age, self._settings.max_age))
        if caller.until is not None:
            ends = min(ends, caller.until)
        claims: dict[str, Any] = {
            "iss": OURS, "aud": self._settings.audience or OURS, "sub": caller.user or caller.name,
            "iat": now / 1e6, "exp": ends / 1e6, "jti": secrets.token_urlsafe(12), "role": caller.role.value,
            "tenant": caller.tenant, "scope": " ".join(sorted(caller.scopes if scopes is None else scopes)),
        }  # fmt: skip
        claims |= {"fl_key": caller.key_id} if caller.key_id else {"fl_name": caller.name}
        token = jwt.encode({"alg": "HS256"}, claims, self._own[0], algorithms=["HS256"])
        return IssuedToken(token, timedelta(microseconds=ends - now))

    async def _verified(self, token: str, header: dict[str, Any]) -> Claims:
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or (kid is not None and not isinstance(kid, str)):
            raise Unauthorised("The token's header is none.")
        registry = _Registry(algorithms=[algorithm], strict_check_header=False)
        for key in await self._keys(algorithm, kid):
            try:
                return jwt.decode(token, key, registry=registry).claims
            except (JoseError, ValueError, TypeError, RecursionError):
                continue
        raise Unauthorised("The token's signature is not one we trust.", hint="Ask its issuer for a new one.")

    async def _keys(self, algorithm: str, kid: str | None) -> list[OctKey | RSAKey | OKPKey]:
        if algorithm == "HS256":
            return list(self._own)
        kind = _KINDS.get(algorithm)
        if kind is None or self._public is None:
            raise Unauthorised(f"Tokens signed with {algorithm[:20]} are not taken here.")
        found: list[OctKey | RSAKey | OKPKey] = [key for key in await self._public.find(kid) if type(key) is kind]
        return found[:_MOST_TRIED]

    def _bearer(self, claims: Claims, *, ours: bool) -> Bearer:
        settings = self._settings
        times = times_of(
            claims, now=self._clock.micros(), leeway=_micros(settings.leeway), longest=_micros(settings.max_age)
        )
        if not ours and settings.issuer is not None and claims.get("iss") != settings.issuer:
            raise Unauthorised("The token's issuer is not ours.", hint="Check JWT_ISSUER.")
        _ensure_meant_for(claims.get("aud"), settings.audience)
        said = said_of(claims, _OUR_NAMES if ours else self._names)
        role = said.role or Role(settings.default_role.value)
        name, key_id = claims.get("fl_name") if ours else None, claims.get("fl_key") if ours else None
        principal = Principal(
            name if isinstance(name, str) else f"user:{said.user}", role, tenant=said.tenant,
            user=None if name == said.user else said.user, scopes=said.scopes,
            until=times.ends + _micros(settings.leeway),
        )  # fmt: skip
        return Bearer(principal, key_id if isinstance(key_id, str) else None, times.issued)


def looks_like_token(given: str) -> bool:
    """Three parts, of which the first is a JSON object: `{"` in base64 begins so."""
    return given.count(".") == 2 and given.startswith("eyJ")


def _header_of(token: str) -> dict[str, Any]:
    """Not yet to be trusted."""
    if len(token) > _LONGEST:
        raise Unauthorised("The token is too long.")
    head = token.partition(".")[0]
    try:
        value: Any = orjson.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (binascii.Error, ValueError):
        value = None
    if not isinstance(value, dict):
        raise Unauthorised("The token's header is none.")
    return cast("dict[str, Any]", value)


def _ensure_meant_for(audience: Any, wanted: str | None) -> None:
    """RFC 7519, 4.1.3: who is not named in a token's audience must refuse it."""
    if audience is None and wanted is None:
        return
    named = cast("list[Any]", audience) if isinstance(audience, list) else [audience]
    if (wanted or OURS) not in named:
        raise Unauthorised("The token is meant for somebody else.", hint="Check its `aud`, and JWT_AUDIENCE.")


def _micros(duration: timedelta) -> int:
    return min(duration // timedelta(microseconds=1), sys.maxsize)
