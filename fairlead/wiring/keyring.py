"""The keys and tokens that a serving process takes: those of its settings, those of its database, and who signs."""

from __future__ import annotations

from datetime import timedelta

from fairlead.access import (
    Fetch,
    Keyring,
    KeysOfAll,
    KeysOfIssuer,
    KeyTable,
    PublicKeys,
    Tokens,
    ensure_safe_to_listen,
    keys_of_file,
    secret_keys,
)
from fairlead.config import Environment, Settings
from fairlead.egress import Egress
from fairlead.errors import ConfigurationError, IssuerUnavailable
from fairlead.wiring.engine import Engine

_PATIENCE = timedelta(seconds=5)  # with an issuer: somebody waits for the answer


async def open_keyring(engine: Engine, *, host: str, tokens: Tokens | None = None) -> Keyring:
    """For a server that will be reached at `host`. Close it before the engine.

    Raises `DatabaseUnavailable`, and `ConfigurationError` when others could reach us and nobody would be asked for a
    key.
    """
    settings, books = engine.settings, engine.books
    table = KeyTable(books.keys, books.users, signals=engine.database.signals, clock=engine.clock, emit=engine.emit)
    await table.open()
    keys = Keyring(settings.access.api_keys, table=table, tokens=tokens, clock=engine.clock, emit=engine.emit)
    try:
        ensure_safe_to_listen(host, keys)
        ensure_guarded(settings, keys)
    except ConfigurationError:
        await table.close()
        raise
    return keys


def ensure_guarded(settings: Settings, keys: Keyring) -> None:
    """Raises `ConfigurationError`. In production a proxy makes everybody look as if they came from this machine."""
    if settings.app.environment is Environment.PRODUCTION and not keys:
        raise ConfigurationError(
            "Production needs a key: without one everybody would be let in who comes through a proxy.",
            hint="Make one (fairlead keys create NAME --role admin), or set API_KEY_WHITELIST.",
        )


def open_tokens(engine: Engine) -> Tokens | None:
    """None when no token could open. Raises `ConfigurationError`."""
    settings, clock, emit = engine.settings, engine.clock, engine.emit
    given = settings.tokens
    if not given.taken:
        return None
    public: list[PublicKeys] = []
    if given.public_keys is not None:
        public.append(keys_of_file(settings.root / given.public_keys))
    if given.jwks_url is not None:
        public.append(KeysOfIssuer(given.jwks_url, fetch=_fetch(engine.egress), clock=clock, emit=emit))
    return Tokens(
        given, own=secret_keys(given.secrets), public=KeysOfAll(public) if public else None, clock=clock, emit=emit
    )


def _fetch(egress: Egress) -> Fetch:
    async def fetch(url: str) -> bytes:
        answer = await egress.request("GET", url, timeout=_PATIENCE)
        if answer.status != 200:
            raise IssuerUnavailable(f"{url} answered {answer.status}.")
        return answer.body

    return fetch
