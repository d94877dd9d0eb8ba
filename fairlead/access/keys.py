"""API keys: a header goes in, a `Principal` comes out, or Unauthorised.

There are keys in the settings (`API_KEY_WHITELIST`), administrators all, and keys in the database. Of both only the
SHA-256 is kept. Those of the settings are compared one by one, each in constant time: a person may have chosen them.
Those of the database are looked up: what a lookup's time could tell is something of the digest of what was sent, and
nobody can choose a secret by its digest, nor come from a digest to 256 random bits.

Without any key the door is open to this machine only: `ensure_safe_to_listen` is asked before anything is served.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable, Mapping

from pydantic import SecretStr

from fairlead.access.book import Known
from fairlead.access.key import digest_of
from fairlead.access.roles import LOCAL_ADMIN, Principal, Role
from fairlead.access.table import KeyTable
from fairlead.clock import Clock, SystemClock
from fairlead.errors import ConfigurationError, Unauthorised
from fairlead.telemetry.emit import Emit, silent


class Keyring:
    """The keys this process accepts: those given, and those of the table."""

    def __init__(
        self, keys: Iterable[SecretStr] = (), *, table: KeyTable | None = None, clock: Clock | None = None,
        emit: Emit = silent,
    ) -> None:  # fmt: skip
        digests = [digest_of(key.get_secret_value()) for key in keys]
        self._given = tuple((digest, _administrator(digest)) for digest in digests)
        self._table = table
        self._clock = clock or SystemClock()
        self._emit = emit

    def __bool__(self) -> bool:
        return bool(self._given) or (self._table is not None and self._table.begun)

    async def identify(self, headers: Mapping[str, str]) -> Principal:
        """The caller behind `x-api-key` or `authorization: Bearer` (names in small letters).

        Raises `Unauthorised`; and `DatabaseUnavailable` when a key of the database can't be told from a revoked one.
        """
        given = key_of(headers)
        digest = digest_of(given) if given else b""
        # All are compared, so that the time tells nothing.
        administrators = [caller for known, caller in self._given if hmac.compare_digest(digest, known)]
        if administrators:
            return administrators[0]
        known = await self._find(digest)
        if not self:
            return LOCAL_ADMIN
        if not given:
            raise Unauthorised("This needs an API key.", hint="Send it as X-API-Key or Authorization: Bearer.")
        return self._admitted(digest, known)

    async def close(self) -> None:
        if self._table is not None:
            await self._table.close()

    def _admitted(self, digest: bytes, known: Known | None) -> Principal:
        if known is None:
            raise self._refused(digest, "unknown")
        if known.key.revoked_at is not None:
            raise self._refused(digest, "revoked", known)
        if known.ends is not None and known.ends <= self._clock.micros():
            raise self._refused(digest, "expired", known)
        if self._table is not None:
            self._table.use(known)
        return known.principal

    async def _find(self, digest: bytes) -> Known | None:
        if self._table is None:
            return None
        await self._table.be_fresh()
        known = self._table.find(digest)
        if known is None and digest:
            await self._table.look_again()
            known = self._table.find(digest)
        return known

    def _refused(self, digest: bytes, reason: str, known: Known | None = None) -> Unauthorised:
        self._emit("key_refused", digest=digest.hex()[:8], reason=reason, key=known.key.name if known else None,
                   tenant=known.key.tenant if known else None)  # fmt: skip
        if known is None:
            return Unauthorised("The API key is not known.", hint="Check the key, or ask an administrator for one.")
        what = "was revoked" if reason == "revoked" else "has expired"
        return Unauthorised(f"The API key {known.key.name} {what}.", hint="Ask an administrator for a new one.")


def key_of(headers: Mapping[str, str]) -> str:
    """The key a request carries; empty when none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return headers.get("x-api-key", "").strip() or (token.strip() if scheme.lower() == "bearer" else "")


def _administrator(digest: bytes) -> Principal:
    return Principal(f"key-{digest.hex()[:8]}", Role.ADMIN, installation=True)


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
        hint="Make one (fairlead keys create NAME --role admin), set API_KEY_WHITELIST, or listen on 127.0.0.1.",
    )
