"""API keys: a header goes in, a `Principal` comes out, or Unauthorised.

Keys are kept as SHA-256: a key of 256 random bits needs no slow hash. All keys are compared, each in constant time.
Without any key the door is open to this machine only: `ensure_safe_to_listen` is asked before anything listens.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Iterable, Mapping

from pydantic import SecretStr

from fairlead.access.roles import LOCAL_ADMIN, Principal, Role
from fairlead.errors import ConfigurationError, Unauthorised

_PREFIX = "fl_"


class Keyring:
    """The keys this process accepts."""

    def __init__(self, keys: Iterable[SecretStr] = ()) -> None:
        self._digests = tuple(_digest(key.get_secret_value()) for key in keys)

    def __bool__(self) -> bool:
        return bool(self._digests)

    def identify(self, headers: Mapping[str, str]) -> Principal:
        """The caller behind `x-api-key` or `authorization: Bearer` (names in small letters)."""
        if not self._digests:
            return LOCAL_ADMIN
        given = key_of(headers)
        if not given:
            raise Unauthorised("This needs an API key.", hint="Send it as X-API-Key or Authorization: Bearer.")
        digest = _digest(given)
        if not any([hmac.compare_digest(digest, known) for known in self._digests]):  # noqa: C419 - compare all
            raise Unauthorised("The API key is not known.", hint="Check the key, or ask an administrator for one.")
        return Principal(f"key-{digest.hex()[:8]}", Role.ADMIN)


def key_of(headers: Mapping[str, str]) -> str:
    """The key a request carries; empty when none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return headers.get("x-api-key", "").strip() or (token.strip() if scheme.lower() == "bearer" else "")


def new_key() -> str:
    """A key to hand out, of 256 random bits."""
    return _PREFIX + secrets.token_urlsafe(32)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address. A name we do not know could be anything."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def ensure_safe_to_listen(host: str, keys: Keyring) -> None:
    """Raises ConfigurationError when others could reach us and nobody would be asked for a key."""
    if keys or is_loopback(host):
        return
    raise ConfigurationError(
        f"Listening on {host} without an API key would let anyone on the network run agents.",
        hint="Set API_KEY_WHITELIST to one or more keys, or listen on 127.0.0.1.",
    )


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
