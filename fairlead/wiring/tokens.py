"""Signed tokens, for a process that takes any."""

from __future__ import annotations

from datetime import timedelta

from fairlead.access import Fetch, KeysOfAll, KeysOfIssuer, PublicKeys, Tokens, keys_of_file, secret_keys
from fairlead.egress import Egress
from fairlead.errors import IssuerUnavailable
from fairlead.wiring.engine import Engine
from fairlead.wiring.keyring import listed

_PATIENCE = timedelta(seconds=5)  # with an issuer: somebody waits for the answer


def make_tokens(engine: Engine) -> Tokens:
    """Raises `ConfigurationError`."""
    settings, clock, emit = engine.settings, engine.clock, engine.emit
    given = settings.tokens
    public: list[PublicKeys] = []
    if given.public_keys is not None:
        public.append(keys_of_file(settings.root / given.public_keys))
    if given.jwks_url is not None:
        public.append(KeysOfIssuer(given.jwks_url, fetch=_fetch(engine.egress), clock=clock, emit=emit))
    tokens = Tokens(
        given, own=secret_keys(given.secrets), public=KeysOfAll(public) if public else None, clock=clock, emit=emit
    )
    settings.vault.watch("JWT_SECRET", lambda text: tokens.give(secret_keys(listed(text))))
    return tokens


def _fetch(egress: Egress) -> Fetch:
    async def fetch(url: str) -> bytes:
        answer = await egress.request("GET", url, timeout=_PATIENCE)
        if answer.status != 200:
            raise IssuerUnavailable(f"{url} answered {answer.status}.")
        return answer.body

    return fetch
