"""An issuer of tokens, as others run one: keys of its own, tokens signed with them, and the key set it publishes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import warnings
from typing import Any

import orjson
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import OKPKey, RSAKey


class Issuer:
    """`kind` is RS256 or EdDSA."""

    def __init__(self, kind: str = "RS256", kid: str = "first") -> None:
        self.kind = kind
        self.kid = kid
        self.turn(kid)

    def turn(self, kid: str) -> None:
        """Sign with another key from now on."""
        self.kid = kid
        parameters: Any = {"kid": kid, "use": "sig"}
        if self.kind == "RS256":
            self.key: Any = RSAKey.generate_key(2048, parameters=parameters, private=True)
        else:
            self.key = OKPKey.generate_key("Ed25519", parameters=parameters, private=True)

    @property
    def key_set(self) -> bytes:
        return orjson.dumps({"keys": [self.key.as_dict(private=False)]})

    @property
    def pem(self) -> str:
        return self.key.as_pem(private=False).decode()

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)
            return jwt.encode({"alg": self.kind, "kid": self.kid, **header}, claims, self.key, algorithms=[self.kind])


def forged(header: dict[str, Any], claims: Any, secret: bytes = b"") -> str:
    """A token made by hand: unsigned, or with the HMAC of any bytes at all."""
    head, body = (_part(orjson.dumps(one)) for one in (header, claims))
    made = hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256).digest() if secret else b""
    return f"{head}.{body}.{_part(made)}"


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
