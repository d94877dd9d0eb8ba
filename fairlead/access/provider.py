"""An OpenID Connect provider: where it sends people to sign in, and what it then says of them.

    discovery (kept for an hour) ──► the address to sign in at ──► a code comes back ──► token request ──► ID token:
    signature, issuer, audience, times, nonce ──► claims, with those of the userinfo address

What is said is `oidc`'s; it goes out through `Send`. OpenID Connect Discovery 1.0, 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

import orjson

from fairlead.access import oidc
from fairlead.access.attempt import Attempt
from fairlead.access.claims import Claims
from fairlead.access.signing import KeysOfIssuer
from fairlead.access.verifier import Verifier
from fairlead.clock import Clock
from fairlead.config import Secret, SignInSettings
from fairlead.errors import FairleadError, IssuerUnavailable, Unauthorised
from fairlead.telemetry.emit import Emit

_FRESH = timedelta(hours=1)
_LONGEST_TOKEN = 64 * 1024  # people may be in hundreds of groups


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes


class Send(Protocol):
    async def __call__(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes) -> Response:
        """Raises a `FairleadError` when there is no answer."""
        ...


@dataclass(frozen=True, slots=True)
class Places:
    """What discovery tells. `methods`: how it takes our secret."""

    authorize: str
    token: str
    userinfo: str | None
    keys_at: str
    keys: KeysOfIssuer
    methods: tuple[str, ...]
    read_at: float


class Provider:
    """`settings` must name an issuer and a client. `secret`: the client's, where it may be rotated."""

    def __init__(
        self, settings: SignInSettings, *, send: Send, clock: Clock, emit: Emit, secret: Secret | None = None
    ) -> None:
        self._settings = settings
        self._send = send
        self._clock = clock
        self._emit = emit
        given = settings.client_secret
        self._secret = secret or Secret("" if given is None else given.get_secret_value())
        self._places: Places | None = None

    @property
    def _client(self) -> oidc.Client:
        return oidc.Client(self._settings.client_id or "", self._secret.value or None)

    @property
    def issuer(self) -> str:
        return self._settings.issuer or ""

    async def reach(self) -> None:
        """Raises `IssuerUnavailable` when it can't be asked, or is another than was named."""
        await self._discover()

    async def address(self, attempt: Attempt, *, redirect_url: str) -> str:
        """Where the browser goes now. Raises `IssuerUnavailable`."""
        places = await self._discover()
        scopes = " ".join(self._settings.scopes)
        return oidc.address_to_sign_in(
            places.authorize, self._client, attempt, redirect_url=redirect_url, scopes=scopes
        )

    async def claims(self, code: str, attempt: Attempt, *, redirect_url: str) -> Claims:
        """What the provider says of whoever came back with this code. Raises `Unauthorised`, `IssuerUnavailable`."""
        places = await self._discover()
        given = await self._redeem(places, code, attempt, redirect_url)
        access_token = given.get("access_token")
        verified = await Verifier(public=places.keys, longest=_LONGEST_TOKEN).verify(_text(given, "id_token"))
        oidc.ensure_for_us(
            verified, self._client, attempt, issuer=self.issuer, now=self._clock.micros(),
            access_token=access_token if isinstance(access_token, str) else None,
        )  # fmt: skip
        if places.userinfo is None:
            return verified.claims
        return await self._userinfo(places.userinfo, _text(given, "access_token"), verified.claims)

    async def _redeem(self, places: Places, code: str, attempt: Attempt, redirect_url: str) -> dict[str, Any]:
        secret = self._secret.value
        answer = await self._ask_token(places, code, attempt, redirect_url)
        if answer.status == 401 and await self._secret.refused(secret):  # who we are, and not the code: RFC 6749, 5.2
            answer = await self._ask_token(places, code, attempt, redirect_url)
        if answer.status in (400, 401, 403):
            raise Unauthorised(
                f"The provider refuses this sign-in: {str(_object(answer.body).get('error'))[:100]}.",
                hint="Sign in again. If that does not help: are OIDC_CLIENT_ID and OIDC_CLIENT_SECRET right?",
            )
        if answer.status != 200:
            raise self._unavailable(f"{places.token} answered {answer.status}")
        return _object(answer.body)

    async def _ask_token(self, places: Places, code: str, attempt: Attempt, redirect_url: str) -> Response:
        url, headers, body = oidc.token_request(
            places.token, self._client, attempt, code=code, redirect_url=redirect_url, methods=places.methods
        )
        return await self._ask("POST", url, headers, body)

    async def _userinfo(self, url: str, token: str, known: Claims) -> Claims:
        """OpenID Connect Core, 5.3.2: it must speak of the same person, and the token has the last word."""
        answer = await self._ask("GET", url, {"Authorization": f"Bearer {token}", "Accept": "application/json"}, b"")
        if answer.status != 200:
            raise self._unavailable(f"{url} answered {answer.status}")
        more = _object(answer.body)
        if more.get("sub") != known.get("sub"):
            raise Unauthorised("The provider speaks of two people at once.", hint="Sign in again.")
        return {**more, **known}

    async def _discover(self) -> Places:
        """What is known stays good while the provider can't be asked."""
        known, now = self._places, self._clock.monotonic()
        if known is not None and now - known.read_at < _FRESH.total_seconds():
            return known
        try:
            self._places = await self._read(known, now)
        except IssuerUnavailable:
            if known is None:
                raise
        assert self._places is not None
        return self._places

    async def _read(self, known: Places | None, now: float) -> Places:
        url = oidc.discovery_of(self.issuer)
        answer = await self._ask("GET", url, {"Accept": "application/json"}, b"")
        if answer.status != 200:
            raise self._unavailable(f"{url} answered {answer.status}")
        told = _object(answer.body)
        if told.get("issuer") != self.issuer:
            raise self._unavailable(f"{url} speaks for {str(told.get('issuer'))[:200]}, not for OIDC_ISSUER")
        if self.issuer.startswith("https:"):
            _ensure_secure(told)
        keys_at = _place(told, "jwks_uri")
        keys = known.keys if known is not None and known.keys_at == keys_at else self._keys(keys_at)
        listed: Any = told.get("token_endpoint_auth_methods_supported")
        methods = tuple(cast("list[str]", listed)) if isinstance(listed, list) else ("client_secret_basic",)
        userinfo = _place(told, "userinfo_endpoint") if "userinfo_endpoint" in told else None
        return Places(
            authorize=_place(told, "authorization_endpoint"), token=_place(told, "token_endpoint"), userinfo=userinfo,
            keys_at=keys_at, keys=keys, methods=methods, read_at=now,
        )  # fmt: skip

    def _keys(self, url: str) -> KeysOfIssuer:
        async def fetch(address: str) -> bytes:
            answer = await self._ask("GET", address, {"Accept": "application/json"}, b"")
            if answer.status != 200:
                raise IssuerUnavailable(f"{address} answered {answer.status}.")
            return answer.body

        return KeysOfIssuer(url, fetch=fetch, clock=self._clock, emit=self._emit)

    async def _ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Response:
        try:
            return await self._send(method, url, headers=headers, body=body)
        except FairleadError as error:
            raise self._unavailable(error.message) from error

    def _unavailable(self, why: str) -> IssuerUnavailable:
        self._emit("issuer_unreachable", address=self.issuer, error=why)
        return IssuerUnavailable("The sign-in provider can't be asked now.", hint="Try again in a moment.")


def _object(body: bytes) -> dict[str, Any]:
    try:
        value: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str):
        raise Unauthorised(f"The provider gave no {name}.", hint="Is `openid` among OIDC_SCOPES?")
    return value


def _ensure_secure(told: Mapping[str, Any]) -> None:
    """A provider over TLS sends nobody anywhere without. Raises `IssuerUnavailable`."""
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
    if plain := [name for name in names if str(told.get(name, "https:")).startswith("http:")]:
        raise IssuerUnavailable(f"The sign-in provider's {plain[0]} is not https.", hint="Check OIDC_ISSUER.")


def _place(told: Mapping[str, Any], name: str) -> str:
    """Raises `IssuerUnavailable`."""
    value = told.get(name)
    parts = urlsplit(value) if isinstance(value, str) else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise IssuerUnavailable(f"The sign-in provider tells no {name}.", hint="Check OIDC_ISSUER.")
    return cast("str", value)
