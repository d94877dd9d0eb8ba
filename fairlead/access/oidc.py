"""The words of OpenID Connect, as values, in Authlib's spelling: an address, a request, and whether a token holds.

OpenID Connect Core 1.0, 3.1.2.1 and 3.1.3; RFC 7636 (S256).
"""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# Authlib has no types for these.
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import get_well_known_url
from joserfc.errors import JoseError

from fairlead.access.attempt import Attempt
from fairlead.access.verifier import Verified
from fairlead.errors import Unauthorised

_LEEWAY = 30  # seconds that the provider's clock may differ from ours
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


@dataclass(frozen=True, slots=True)
class Client:
    """What we are to the provider."""

    id: str
    secret: str | None

    def __repr__(self) -> str:
        return f"Client({self.id})"


def discovery_of(issuer: str) -> str:
    return get_well_known_url(issuer, external=True)


def address_to_sign_in(at: str, client: Client, attempt: Attempt, *, redirect_url: str, scopes: str) -> str:
    return prepare_grant_uri(
        at, client.id, "code", redirect_url, scopes, attempt.state, nonce=attempt.nonce,
        code_challenge=create_s256_code_challenge(attempt.verifier), code_challenge_method="S256",
    )  # fmt: skip


def token_request(
    url: str, client: Client, attempt: Attempt, *, code: str, redirect_url: str, methods: tuple[str, ...]
) -> tuple[str, dict[str, str], bytes]:
    """Address, headers and body. `methods`: how the provider takes a client's secret."""
    body = prepare_token_request(
        "authorization_code", redirect_uri=redirect_url, code=code, code_verifier=attempt.verifier
    )
    basic = "client_secret_basic" if "client_secret_basic" in methods else "client_secret_post"
    auth = ClientAuth(client.id, client.secret, "none" if client.secret is None else basic)
    url, headers, body = auth.prepare("POST", url, dict(_FORM), body)
    return url, headers, body.encode()


def ensure_for_us(
    token: Verified, client: Client, attempt: Attempt, *, issuer: str, access_token: str | None, now: int
) -> None:
    """Issuer, audience, times, nonce. `now` is in microseconds. Raises `Unauthorised`."""
    wanted: dict[str, Any] = {
        "iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client.id},
    }  # fmt: skip
    of: Mapping[str, Any] = {"nonce": attempt.nonce, "client_id": client.id, "access_token": access_token}
    said = CodeIDToken(dict(token.claims), {"alg": token.algorithm}, wanted, dict(of))
    try:
        said.validate(now=now // 1_000_000, leeway=_LEEWAY)
    except (JoseError, ValueError, TypeError) as error:
        raise Unauthorised(f"The provider's token is not for this sign-in: {error}.", hint="Sign in again.") from error
