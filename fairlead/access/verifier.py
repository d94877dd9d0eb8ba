"""Whether a signed token (JWT) is what somebody we trust has signed: its claims, or Unauthorised.

    header ──► which algorithm: one we take, and only with keys of its own kind ──► signature ──► claims

HS256 is verified by our secrets alone, RS256 and EdDSA by public keys alone: so nobody can sign with a public key as
if it were a secret, and nothing unsigned is ever read. What a token's header says of keys to fetch is not looked at.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwa import EdDSAAlgorithm
from joserfc.jwk import OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from fairlead.access.claims import Claims
from fairlead.access.signing import PublicKey, PublicKeys
from fairlead.errors import Unauthorised

_LONGEST = 8192  # characters
_MOST_TRIED = 20  # keys, of those a token that names none could mean
_KINDS: dict[str, type[PublicKey]] = {"RS256": RSAKey, "EdDSA": OKPKey, "Ed25519": OKPKey}


class _EdDSA(EdDSAAlgorithm):
    """The library warns of its name, which newer documents spell `Ed25519`; issuers go on using the old one."""

    security_warning = None


class _Registry(JWSRegistry):
    max_header_length = 4096

    def get_alg(self, name: str) -> Any:
        return _EdDSA() if name == "EdDSA" else super().get_alg(name)


@dataclass(frozen=True, slots=True)
class Verified:
    algorithm: str
    claims: Claims


class Verifier:
    """`longest`: characters of a token."""

    def __init__(self, *, own: Iterable[OctKey] = (), public: PublicKeys | None, longest: int = _LONGEST) -> None:
        self._own = tuple(own)
        self._public = public
        self._longest = longest

    async def verify(self, token: str) -> Verified:
        """Raises `Unauthorised`, and `IssuerUnavailable` when the issuer's keys can't be fetched."""
        if len(token) > self._longest:
            raise Unauthorised("The token is too long.")
        header = _header_of(token)
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or (kid is not None and not isinstance(kid, str)):
            raise Unauthorised("The token's header is none.")
        registry = _Registry(algorithms=[algorithm], strict_check_header=False)
        for key in await self._keys(algorithm, kid):
            try:
                return Verified(algorithm, jwt.decode(token, key, registry=registry).claims)
            except (JoseError, ValueError, TypeError, RecursionError):
                continue
        raise Unauthorised("The token's signature is not one we trust.", hint="Ask its issuer for a new one.")

    async def _keys(self, algorithm: str, kid: str | None) -> list[OctKey | RSAKey | OKPKey]:
        if algorithm == "HS256" and self._own:
            return list(self._own)
        kind = _KINDS.get(algorithm)
        if kind is None or self._public is None:
            raise Unauthorised(f"Tokens signed with {algorithm[:20]} are not taken here.")
        found: list[OctKey | RSAKey | OKPKey] = [key for key in await self._public.find(kid) if type(key) is kind]
        return found[:_MOST_TRIED]


def _header_of(token: str) -> dict[str, Any]:
    """Not yet to be trusted."""
    head = token.partition(".")[0]
    try:
        value: Any = orjson.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (binascii.Error, ValueError):
        value = None
    if not isinstance(value, dict):
        raise Unauthorised("The token's header is none.")
    return cast("dict[str, Any]", value)
