"""API keys and tokens: a header goes in, a `Principal` comes out, or Unauthorised.

There are keys in the settings (`API_KEY_WHITELIST`), administrators all, and keys in the database. Of both only the
SHA-256 is kept. Those of the settings are compared one by one, each in constant time: a person may have chosen them.
Those of the database are looked up: what a lookup's time could tell is something of the digest of what was sent, and
nobody can choose a secret by its digest, nor come from a digest to 256 random bits. What has the form of a token is
one, unless it is a key of the settings.

Without any key the door is open to this machine only: `ensure_safe_to_listen` is asked before anything is served.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import SecretStr

from fairlead.access.book import Known
from fairlead.access.claims import looks_like_token
from fairlead.access.key import digest_of
from fairlead.access.roles import LOCAL_ADMIN, Principal, Role
from fairlead.access.table import KeyTable
from fairlead.clock import Clock, SystemClock
from fairlead.errors import ConfigurationError, Unauthorised
from fairlead.telemetry.emit import Emit, silent

if TYPE_CHECKING:
    from fairlead.access.tokens import Tokens


class Keyring:
    """The keys this process accepts: those given, those of the table, and tokens. `shut`: nobody gets in without one,
    though there be no key."""

    def __init__(
        self, keys: Iterable[SecretStr] = (), *, table: KeyTable | None = None, tokens: Tokens | None = None,
        shut: bool = False, clock: Clock | None = None, emit: Emit = silent,
    ) -> None:  # fmt: skip
        self.give(keys)
        self._table = table
        self._tokens = tokens
        self._shut = shut or tokens is not None
        self._clock = clock or SystemClock()
        self._emit = emit

    def give(self, keys: Iterable[SecretStr]) -> None:
        """From now on these, instead of those given before."""
        digests = [digest_of(key.get_secret_value()) for key in keys]
        self._given = tuple((digest, _administrator(digest)) for digest in digests)

    def __bool__(self) -> bool:
        return bool(self._given) or self._shut or (self._table is not None and self._table.begun)

    async def identify(self, headers: Mapping[str, str]) -> Principal:
        """The caller behind `x-api-key` or `authorization: Bearer` (names in small letters).

        Raises `Unauthorised`; `DatabaseUnavailable` when a key of the database can't be told from a revoked one, and
        `IssuerUnavailable` when a token's signature can't be verified now.
        """
        given = key_of(headers)
        digest = digest_of(given) if given else b""
        administrator = None
        for known, caller in self._given:  # all are compared, so that the time tells nothing
            if hmac.compare_digest(digest, known):
                administrator = caller
        if administrator is not None:
            return administrator
        if self._tokens is not None and looks_like_token(given):
            return await self._of_token(self._tokens, given)
        known = await self._find(digest)
        if not self:
            return LOCAL_ADMIN
        if not given:
            raise Unauthorised("This needs an API key.", hint="Send it as X-API-Key or Authorization: Bearer.")
        return self._admitted(digest, known)

    async def admit(self, caller: Principal, issued: int) -> Principal:
        """Somebody known in another way, by a session: if nothing bars them. Raises `Unauthorised`."""
        if self._table is not None:
            await self._table.be_fresh()
            if why := self._table.bar(caller, issued):
                raise Unauthorised(f"What you came with was {why}.", hint="Sign in again, or ask an administrator.")
        return caller

    def may_bar(self, caller: Principal) -> bool:
        """Whether there is anything by which they could be turned out later: a key of the settings has nothing."""
        nothing = caller.until is None and caller.key_id is None and caller.user is None
        return self._table is not None and not nothing

    def watch(self, caller: Principal, turn_out: Callable[[], None]) -> AbstractContextManager[None]:
        """`turn_out` is called when the caller may come in no more; for what stays open for long."""
        return nullcontext() if self._table is None else self._table.watch(caller, turn_out)

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
        if self._table is not None and self._table.bar(known.principal) == "disabled":
            raise self._refused(digest, "disabled", known)
        if self._table is not None:
            self._table.use(known)
        return known.principal

    async def _of_token(self, tokens: Tokens, given: str) -> Principal:
        bearer = await tokens.identify(given)
        caller = bearer.principal
        if bearer.key_id is not None:
            known = None
            if self._table is not None:
                await self._table.be_fresh()
                known = self._table.find_key(bearer.key_id)
            if known is None:
                raise Unauthorised("The key of this token is not known.", hint="Get a new one.")
            caller = replace(known.principal, scopes=caller.scopes, until=caller.until)
        return await self.admit(caller, bearer.issued)

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
        name = known.key.name
        return Unauthorised(
            f"The API key {name} was revoked." if reason == "revoked"
            else f"The API key {name} has expired." if reason == "expired"
            else f"The API key {name} belongs to a disabled user.",
            hint="Ask an administrator for a new one.",
        )  # fmt: skip


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
