"""Signed tokens (JWT): who comes with one is whom it names, until it ends.

    signature (`Verifier`) ──► times, issuer, audience ──► user, role, tenant, scopes

Our own tokens are signed with the first secret. They stand for a key, or for a user, and end with them.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from joserfc import jwt
from joserfc.jwk import OctKey

from fairlead.access.claims import ClaimNames, Claims, said_of, times_of
from fairlead.access.roles import Principal, Role, Scope
from fairlead.access.signing import PublicKeys
from fairlead.access.verifier import Verifier
from fairlead.clock import Clock
from fairlead.config import TokenSettings
from fairlead.errors import Conflict, Unauthorised
from fairlead.telemetry.emit import Emit

OURS = "fairlead"  # who issues our own, and for whom
_OUR_NAMES = ClaimNames(scope="scope")


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


class Tokens:
    def __init__(
        self, settings: TokenSettings, *, own: Iterable[OctKey], public: PublicKeys | None, clock: Clock, emit: Emit
    ) -> None:
        self._settings = settings
        self._public = public
        self.give(own)
        self._clock = clock
        self._emit = emit
        self._names = ClaimNames(settings.user_claim, settings.role_claim, settings.tenant_claim, settings.scope_claim)

    def give(self, own: Iterable[OctKey]) -> None:
        """From now on these sign and are taken, instead of those given before."""
        self._own = tuple(own)
        self._verifier = Verifier(own=self._own, public=self._public)

    async def identify(self, token: str) -> Bearer:
        """Raises `Unauthorised`, and `IssuerUnavailable` when the issuer's keys can't be fetched."""
        claims: Claims = {}
        try:
            verified = await self._verifier.verify(token)
            claims = verified.claims
            return self._bearer(claims, ours=verified.algorithm == "HS256" and claims.get("iss") == OURS)
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


def _ensure_meant_for(audience: Any, wanted: str | None) -> None:
    """RFC 7519, 4.1.3: who is not named in a token's audience must refuse it."""
    if audience is None and wanted is None:
        return
    named = cast("list[Any]", audience) if isinstance(audience, list) else [audience]
    if (wanted or OURS) not in named:
        raise Unauthorised("The token is meant for somebody else.", hint="Check its `aud`, and JWT_AUDIENCE.")


def _micros(duration: timedelta) -> int:
    return min(duration // timedelta(microseconds=1), sys.maxsize)
