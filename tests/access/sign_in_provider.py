"""A sign-in provider as others run one, at the other end of `Send`: discovery, keys, tokens, userinfo. It keeps to the
protocol, or does what a test wants it to do wrong."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import orjson

from fairlead.access.provider import Response
from fairlead.clock import Clock
from fairlead.errors import EgressUnreachable
from tests.access.issuer import Issuer

ISSUER = "https://sso.example.com"
CLIENT, SECRET = "fairlead", "a secret of the client"
ADA: dict[str, Any] = {"sub": "42", "email": "ada@example.com", "email_verified": True}


@dataclass
class SignInProvider:
    """`claims`: what it says of whoever signs in. `wrong`: claims of the ID token that are not as they should be.
    `sign` makes the token of its claims. `userinfo`: None, there is no such address."""

    clock: Clock
    claims: dict[str, Any] = field(default_factory=lambda: dict(ADA))
    wrong: dict[str, Any] = field(default_factory=dict[str, Any])
    userinfo: dict[str, Any] | None = None
    discovery: dict[str, Any] = field(default_factory=dict[str, Any])
    away: bool = False
    public: bool = False
    asked: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self.issuer = Issuer()
        self.sign = self.issuer.sign
        self.codes: dict[str, dict[str, str]] = {}

    def authorise(self, address: str) -> str:
        """What the browser brings back after its reader has signed in there: a query."""
        parts = urlsplit(address)
        asked = dict(parse_qsl(parts.query))
        assert parts.geturl().startswith(f"{ISSUER}/authorize?tenant=7&"), address
        assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT)
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return f"code={code}&state={asked['state']}"

    async def send(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes) -> Response:
        if self.away:
            raise EgressUnreachable(f"{url} can't be reached.")
        path = url.removeprefix(ISSUER)
        self.asked.append(path)
        match path:
            case "/.well-known/openid-configuration":
                return _json(self._discovery())
            case "/keys":
                return Response(200, self.issuer.key_set)
            case "/token":
                assert method == "POST"
                return self._token(headers, {name: one[0] for name, one in parse_qs(body.decode()).items()})
            case "/userinfo":
                assert headers["Authorization"] == "Bearer an access token"
                return _json(self.userinfo)
            case _:
                return Response(404, b"")

    def _discovery(self) -> dict[str, Any]:
        told = {
            "issuer": ISSUER, "authorization_endpoint": f"{ISSUER}/authorize?tenant=7",
            "token_endpoint": f"{ISSUER}/token", "jwks_uri": f"{ISSUER}/keys",
        }  # fmt: skip
        return told | ({} if self.userinfo is None else {"userinfo_endpoint": f"{ISSUER}/userinfo"}) | self.discovery

    def _token(self, headers: Mapping[str, str], form: dict[str, str]) -> Response:
        asked = self.codes.pop(form["code"], None)  # each opens once
        if not self._knows_client(headers, form):
            return _json({"error": "invalid_client"}, 401)
        if asked is None or form["redirect_uri"] != asked["redirect_uri"] or not _proves(form, asked):
            return _json({"error": "invalid_grant"}, 400)
        now = self.clock.micros() // 1_000_000
        claims = {"iss": ISSUER, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"], **self.claims}
        given = {name: value for name, value in (claims | self.wrong).items() if value is not None}
        return _json({"access_token": "an access token", "token_type": "Bearer", "id_token": self.sign(given)})

    def _knows_client(self, headers: Mapping[str, str], form: dict[str, str]) -> bool:
        if self.public:
            return form.get("client_id") == CLIENT
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        posted = form.get("client_id") == CLIENT and form.get("client_secret") == SECRET
        return posted or headers.get("Authorization") == f"Basic {basic}"


def _proves(form: dict[str, str], asked: dict[str, str]) -> bool:
    """RFC 7636, 4.6."""
    digest = hashlib.sha256(form["code_verifier"].encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=") == asked["code_challenge"]


def _json(value: Any, status: int = 200) -> Response:
    return Response(status, orjson.dumps(value))
