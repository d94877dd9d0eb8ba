"""Whose signature a token bears: secrets of our own, public keys from a file, or a key set that an issuer publishes.

A key set is fetched once and kept. A token that names a key we have not seen makes us look again, at most every half
minute: so an issuer may change its keys at any time, and nobody can make us flood it.

    fresh ──ten minutes──► fetched again beside ──can't──► the old ones stay good for a day ──► IssuerUnavailable
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, cast

import orjson
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import OctKey, OKPKey, RSAKey
from pydantic import SecretStr

from fairlead.clock import Clock
from fairlead.database import Gather
from fairlead.errors import ConfigurationError, FairleadError, IssuerUnavailable
from fairlead.telemetry.emit import Emit

PublicKey = RSAKey | OKPKey
Fetch = Callable[[str], Awaitable[bytes]]
_PEM = re.compile(r"-----BEGIN ([A-Z ]+)-----.+?-----END \1-----", re.DOTALL)
_MOST_KEYS = 100
_LEAST_RSA_BITS = 2048
_FRESH = timedelta(minutes=10)
_GOOD = timedelta(days=1)
_AGAIN = timedelta(seconds=30)
_AFTER_FAILURE = timedelta(seconds=5)


class PublicKeys(Protocol):
    async def find(self, kid: str | None) -> Sequence[PublicKey]:
        """The keys of this id; without one, all. Raises `IssuerUnavailable`."""
        ...


class KeysOfFile:
    def __init__(self, keys: Sequence[PublicKey]) -> None:
        self._keys = keys

    async def find(self, kid: str | None) -> Sequence[PublicKey]:
        """A key in PEM has no id: it may be meant by any."""
        return [key for key in self._keys if kid is None or key.kid in (None, kid)]


class KeysOfIssuer:
    """`fetch` reads an address, and raises a `FairleadError` when it can't be read."""

    def __init__(self, url: str, *, fetch: Fetch, clock: Clock, emit: Emit) -> None:
        self._url = url
        self._fetch = fetch
        self._clock = clock
        self._emit = emit
        self._keys: Sequence[PublicKey] = ()
        self._read_at = self._tried_at = float("-inf")
        self._failed = False
        self._reads: Gather[None, None] = Gather(self._read)

    async def find(self, kid: str | None) -> Sequence[PublicKey]:
        if self._clock.monotonic() - self._read_at > _FRESH.total_seconds():
            await self._look(_AFTER_FAILURE)
        found = [key for key in self._keys if kid in (None, key.kid)]
        if not found and kid is not None:
            await self._look(_AGAIN)
            found = [key for key in self._keys if kid == key.kid]
        if self._clock.monotonic() - self._read_at > _GOOD.total_seconds():
            raise IssuerUnavailable("The issuer's public keys can't be fetched.", hint="Try again in a moment.")
        return found

    async def _look(self, pause: timedelta) -> None:
        if self._clock.monotonic() - self._tried_at >= pause.total_seconds():
            await self._reads.put(None)

    async def _read(self, waiting: list[None]) -> list[None]:
        self._tried_at = self._clock.monotonic()
        try:
            self._keys = keys_of_set(await self._fetch(self._url))
        except FairleadError as error:
            if not self._failed:
                self._emit("issuer_unreachable", address=self._url, error=error.message)
            self._failed = True
        else:
            self._read_at, self._failed = self._tried_at, False
        return waiting


class KeysOfAll:
    """Several sources, asked in turn until one has it."""

    def __init__(self, sources: Sequence[PublicKeys]) -> None:
        self._sources = sources

    async def find(self, kid: str | None) -> Sequence[PublicKey]:
        found: list[PublicKey] = []
        for source in self._sources:
            found += await source.find(kid)
            if found and kid is not None:
                break
        return found


def secret_keys(secrets: Iterable[SecretStr]) -> tuple[OctKey, ...]:
    try:
        return tuple(OctKey.import_key(secret.get_secret_value()) for secret in secrets)
    except (JoseError, ValueError) as error:
        raise ConfigurationError("JWT_SECRET can't be used: it is no plain secret.") from error


def keys_of_file(path: Path) -> KeysOfFile:
    """Raises `ConfigurationError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"JWT_PUBLIC_KEYS names {path}, which cannot be read: {error}.") from error
    try:
        keys = keys_of_set(text.encode()) if text.lstrip().startswith("{") else _keys_of_pem(text)
    except FairleadError as error:
        raise ConfigurationError(f"JWT_PUBLIC_KEYS: {error.message}") from error
    if not keys:
        raise ConfigurationError(f"JWT_PUBLIC_KEYS: {path} holds no public key that we take.",
                                 hint="RSA of 2048 bits and more, or Ed25519, as PEM or a key set.")  # fmt: skip
    return KeysOfFile(keys)


def keys_of_set(data: bytes) -> list[PublicKey]:
    """What of a JSON key set can verify a signature we take; the rest is passed over. Raises `IssuerUnavailable`."""
    try:
        value: Any = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise IssuerUnavailable("The key set is no JSON.") from error
    listed: Any = cast("dict[str, Any]", value).get("keys") if isinstance(value, dict) else None
    if not isinstance(listed, list):
        raise IssuerUnavailable("The key set has no `keys`.")
    found = (_key_of(one) for one in cast("list[dict[str, Any]]", listed)[:_MOST_KEYS])
    return [key for key in found if key is not None]


def _keys_of_pem(text: str) -> list[PublicKey]:
    return [key for block in _PEM.finditer(text) if (key := _key_of(block.group(0))) is not None]


def _key_of(given: str | dict[str, Any]) -> PublicKey | None:
    if isinstance(given, dict) and given.get("use", "sig") != "sig":
        return None
    for kind in (RSAKey, OKPKey):
        try:
            with warnings.catch_warnings(action="ignore", category=SecurityWarning):  # short ones are dropped below
                key = kind.import_key(given)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if isinstance(key, OKPKey):
            return key if key.curve_name in ("Ed25519", "Ed448") else None
        return key if key.public_key.key_size >= _LEAST_RSA_BITS else None
    return None
