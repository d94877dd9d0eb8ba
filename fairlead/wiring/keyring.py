"""The keys and tokens that a serving process takes: those of its settings, those of its database, and who signs; and
how people sign in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING

from pydantic import SecretStr

from fairlead.access import Keyring, KeyTable, SignIn, ensure_safe_to_listen
from fairlead.clock import Clock
from fairlead.config import Environment, Secret, Settings, SignInSettings
from fairlead.egress import Egress
from fairlead.errors import ConfigurationError
from fairlead.telemetry.emit import Emit
from fairlead.wiring.engine import Engine

if TYPE_CHECKING:
    from fairlead.access import Tokens
    from fairlead.access.provider import Provider, Response

_PATIENCE = timedelta(seconds=5)  # with an issuer: somebody waits for the answer


async def open_keyring(engine: Engine, *, host: str, tokens: Tokens | None = None) -> Keyring:
    """For a server that will be reached at `host`. Close it before the engine.

    Raises `DatabaseUnavailable`, and `ConfigurationError` when others could reach us and nobody would be asked for a
    key.
    """
    settings, books = engine.settings, engine.books
    table = KeyTable(books.keys, books.users, signals=engine.database.signals, clock=engine.clock, emit=engine.emit)
    await table.open()
    keys = Keyring(
        settings.access.api_keys, table=table, tokens=tokens, shut=settings.sign_in.issuer is not None,
        clock=engine.clock, emit=engine.emit,
    )  # fmt: skip
    settings.vault.watch("API_KEY_WHITELIST", lambda text: keys.give(listed(text)))
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
    if not engine.settings.tokens.taken:
        return None
    return import_module("fairlead.wiring.tokens").make_tokens(engine)  # with joserfc, which only those need


def open_sign_in(engine: Engine) -> SignIn | None:
    """None when people come with keys alone. Raises `ConfigurationError`."""
    settings, clock, emit = engine.settings.sign_in, engine.clock, engine.emit
    if settings.issuer is None:
        return None
    secret = engine.settings.live("OIDC_CLIENT_SECRET")
    provider = open_provider(settings, engine.egress, clock=clock, emit=emit, secret=secret)
    return SignIn(settings, provider=provider, books=engine.books, clock=clock, emit=emit)


def open_provider(
    settings: SignInSettings, egress: Egress, *, clock: Clock, emit: Emit, secret: Secret | None = None
) -> Provider:
    """Raises `ConfigurationError`."""
    try:
        openid = import_module("fairlead.access.provider")  # with Authlib, which only those have who need it
    except ImportError as error:
        raise ConfigurationError(
            "OIDC_ISSUER is set, and Authlib is not installed.", hint="pip install 'fairlead[oidc]'"
        ) from error

    async def send(method: str, url: str, *, headers: Mapping[str, str], body: bytes) -> Response:
        answer = await egress.request(method, url, headers=headers, content=body, timeout=_PATIENCE)
        return openid.Response(answer.status, answer.body)

    return openid.Provider(settings, send=send, clock=clock, emit=emit, secret=secret)


def listed(text: str) -> list[SecretStr]:
    """Several, with commas between them."""
    return [SecretStr(one.strip()) for one in text.split(",") if one.strip()]
