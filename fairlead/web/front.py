"""What every request passes first and every answer last: its id, its time, who may reach us, what browsers must know.

arrive ──► host? body size? who (console pages)? ──► the application ──► headers ──► http_request
"""

from __future__ import annotations

import base64
import binascii
import re
import traceback
from collections.abc import Awaitable, MutableMapping
from datetime import timedelta
from functools import lru_cache, partial
from random import getrandbits
from typing import Any
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fairlead.access import Keyring, Principal, Role, SignIn, is_loopback, key_of, require
from fairlead.clock import Clock
from fairlead.errors import FairleadError, Forbidden, MethodNotAllowed, NotFound, Unauthorised
from fairlead.telemetry.bound import variable
from fairlead.telemetry.emit import Emit
from fairlead.telemetry.redact import Redactor
from fairlead.telemetry.trace_context import enter, of_request
from fairlead.web import cookies
from fairlead.web.api.call import Headers, Visit, too_large
from fairlead.web.api.problems import internal_reply, problem_reply
from fairlead.web.console.addresses import KEY, PLAYGROUND, is_console, is_open, sign_in_for
from fairlead.web.cookies import Cookie
from fairlead.web.gateway import is_gateway

_BOUND_ID = variable("request_id")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,128}")
_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
_OWN_WRITES = ("/console/preferences", "/console/sign-out")  # which concern the reader alone
_BEARER, _BASIC = b'Bearer realm="fairlead"', b'Basic realm="fairlead"'
_TRACE = 4000  # characters
_SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
_HSTS = (b"strict-transport-security", b"max-age=31536000")


class Front:
    def __init__(
        self, app: ASGIApp, *, keys: Keyring, sign_in: SignIn | None = None, limit: int, file_limit: int, clock: Clock,
        emit: Emit, redactor: Redactor,
    ) -> None:  # fmt: skip
        self._app = app
        self._keys = keys
        self._sign_in = sign_in
        self._limit = limit
        self._limits = {"/files": file_limit, PLAYGROUND: file_limit}  # of addresses that take more
        self._clock = clock
        self._emit = emit
        self._redactor = redactor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers = Headers(scope["headers"])
        given = headers.raw.get(b"x-request-id")
        known = given is not None and _REQUEST_ID.fullmatch(given)
        request_id = given.decode() if given and known else getrandbits(128).to_bytes(16).hex()
        visit = Visit(request_id, headers, self._redactor)
        scope.setdefault("state", {})["visit"] = visit
        out = _Out(send, visit, scope, self._clock)
        _BOUND_ID.set(request_id)
        trace = headers.raw.get(b"traceparent")
        enter(of_request(request_id, trace.decode("latin-1") if trace else ""))
        try:
            self._admit(scope, visit)
            if is_console(scope["path"]):
                await self._admit_to_console(scope, visit)
            await self._app(scope, receive, out)
        except ConnectionAbortedError:
            pass  # a stream that must not look complete: the server closes the connection in the middle
        except Exception as error:  # noqa: BLE001 whatever fails, the caller gets an answer and the log the reason
            reply = self._reply_to(error, scope, visit)
            if not out.status:
                await reply(scope, receive, out)
        finally:
            self._tell(scope, visit, out)
        return None

    def _reply_to(self, error: Exception, scope: Scope, visit: Visit) -> ASGIApp:
        match error:
            case _ToSignIn():
                return _to_sign_in(error, scope, visit)
            case _AskBrowser():
                return _problem(error, visit, _BASIC)
            case FairleadError():
                return _problem(error, visit)
            case HTTPException():
                return _problem(_ours(error), visit)
            case _:
                trace = "".join(traceback.format_exception(error))[-_TRACE:]
                self._emit("error", code="internal", message=repr(error), where=visit.endpoint, trace=trace)
                return internal_reply(visit.request_id)

    def _admit(self, scope: Scope, visit: Visit) -> None:
        """Raises `Forbidden`, `TooLarge`."""
        if not self._keys:
            _refuse_other_sites(scope, visit)
        size = visit.headers.raw.get(b"content-length", b"")
        # The gateway has a limit of its own, and tells of it in the words of its clients.
        limit = self._limits.get(scope["path"], self._limit)
        if size.isdigit() and int(size) > limit and not is_gateway(scope["path"]):
            raise too_large(limit)

    async def _admit_to_console(self, scope: Scope, visit: Visit) -> None:
        """Raises `Forbidden`, `Unauthorised`."""
        visit.endpoint = "console"
        if self._sign_in is not None and is_open(scope["path"]):
            return
        await self._admit_reader(scope, visit)
        _ensure_may_look(visit.caller, scope["method"], scope["path"])
        scope["state"]["watch"] = partial(self._keys.watch, visit.caller)  # for what stays open

    async def _admit_reader(self, scope: Scope, visit: Visit) -> None:
        """A browser asks for name and password; the password is the key. Only pages take it: they check that a write is
        the reader's own, and a browser sends it along with whatever another site makes it send. Where people sign in,
        a session is taken too, and who has none is sent to do so."""
        basic = _basic_password(visit.headers.get("authorization", ""))
        headers = {"x-api-key": basic} if basic else visit.headers
        try:
            if self._sign_in is None or key_of(headers):
                visit.caller = await self._keys.identify(headers)
            else:
                visit.caller = await self._signed_in(self._sign_in, scope, visit)
                visit.signed_in = True
        except Unauthorised as error:
            if self._sign_in is not None and scope["path"] != KEY:
                raise _ToSignIn(error.message, hint=error.hint) from None
            raise _AskBrowser(error.message, hint=error.hint) from None

    async def _signed_in(self, signing: SignIn, scope: Scope, visit: Visit) -> Principal:
        """Raises `Unauthorised`."""
        secure = cookies.is_secure(scope.get("scheme", "http"), signing.redirect_url)
        secret = cookies.read(visit.headers.get("cookie", ""), Cookie.SESSION, secure=secure)
        session = await signing.find(secret) if secret else None
        if session is None:
            raise Unauthorised("You are not signed in, or no longer.", hint="Sign in.")
        return await self._keys.admit(session.principal, session.opened)

    def _tell(self, scope: Scope, visit: Visit, out: _Out) -> None:
        client = scope.get("client")
        self._emit(
            "http_request", method=scope["method"], endpoint=visit.endpoint, status_code=out.status or 499,
            took=out.took(), request_id=visit.request_id, client=client[0] if client else "", caller=visit.caller.name,
            bytes_out=out.bytes_out,
        )  # fmt: skip


class _ToSignIn(Unauthorised):
    """Unauthorised, where people sign in."""


class _AskBrowser(Unauthorised):
    """Unauthorised, in the way that makes a browser ask its reader."""


class _Out:
    """The way out: adds headers to the start of the answer, and counts."""

    __slots__ = ("_clock", "_scope", "_send", "_started", "_visit", "bytes_out", "status")

    def __init__(self, send: Send, visit: Visit, scope: Scope, clock: Clock) -> None:
        self._send = send
        self._visit = visit
        self._scope = scope
        self._clock = clock
        self._started = clock.monotonic()
        self.status = 0
        self.bytes_out = 0

    def __call__(self, message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._dress(message)
        self.bytes_out += len(message.get("body", b""))
        return self._send(message)

    def took(self) -> timedelta:
        return timedelta(0, self._clock.monotonic() - self._started)

    def _dress(self, message: MutableMapping[str, Any]) -> None:
        headers: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
        headers += _missing(tuple([name for name, _ in headers]))
        if _by_tls(self._scope, self._visit.headers):
            headers.append(_HSTS)
        if self._visit.room is not None:
            headers += self._visit.room.headers()
        headers.append((b"x-request-id", self._visit.request_id.encode()))
        headers.append((b"x-response-time", b"%.1fms" % ((self._clock.monotonic() - self._started) * 1000)))
        message["headers"] = headers


@lru_cache(maxsize=256)
def _missing(names: tuple[bytes, ...]) -> tuple[tuple[bytes, bytes], ...]:
    """Those of ours that an answer with such headers has not: answers have few sets of names."""
    return tuple(one for one in _SECURITY if one[0] not in names)


def _by_tls(scope: Scope, headers: Headers) -> bool:
    """Whether the caller came to us, or to the proxy before us, by TLS. To make the header up is of no use: browsers
    heed HSTS only where they came by TLS (RFC 6797, 8.1)."""
    forwarded = headers.raw.get(b"x-forwarded-proto")
    by_proxy = forwarded is not None and forwarded.partition(b",")[0].strip().lower() == b"https"
    return by_proxy or scope.get("scheme") == "https"


def _ensure_may_look(caller: Principal, method: str, path: str) -> None:
    """Raises `Forbidden`. The console shows the runs of the caller's tenant; what it sends are answers and moves."""
    require(caller, Role.VIEWER if method in _SAFE or path in _OWN_WRITES else Role.OPERATOR)


def _problem(error: FairleadError, visit: Visit, challenge: bytes = _BEARER) -> ASGIApp:
    return problem_reply(error, request_id=visit.request_id, redactor=visit.redactor, challenge=challenge)


def _to_sign_in(error: Unauthorised, scope: Scope, visit: Visit) -> ASGIApp:
    """A page sends its reader to sign in; a part of one has its page do so; whatever else asks is told."""
    part = visit.headers.get("hx-request") is not None
    page = urlsplit(str(visit.headers.get("hx-current-url", "")))
    path: str = page.path if part else scope["path"]
    query: str = page.query if part else scope["query_string"].decode("latin-1")
    address = sign_in_for(path, query)
    if not part and scope["method"] == "GET" and "text/html" in visit.headers.get("accept", ""):
        return RedirectResponse(address, status_code=303)
    headers = ((b"hx-redirect", address.encode("latin-1")),) if part else ()
    return problem_reply(error, request_id=visit.request_id, redactor=visit.redactor, headers=headers)


def _refuse_other_sites(scope: Scope, visit: Visit) -> None:
    """Without a key, this machine is trusted; a page of another site in its browser is not. It could make requests that
    change something, or reach us under a name of its own (DNS rebinding)."""
    host = visit.headers.get("host", "")
    name = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
    if name and not is_loopback(name):
        raise Forbidden(
            f"Without an API key only this machine is served, not {name[:100]}.", hint="Set API_KEY_WHITELIST."
        )
    site = visit.headers.get("sec-fetch-site")
    if scope["method"] not in _SAFE and site not in (None, "same-origin", "none"):
        raise Forbidden("This request came from another site.", hint="Set API_KEY_WHITELIST and send a key.")


def _basic_password(header: str) -> str:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _ours(error: HTTPException) -> FairleadError:
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        return MethodNotAllowed([one.strip() for one in allowed.split(",") if one.strip()])
    return NotFound("There is nothing at this address.", hint="GET /openapi.json lists what there is.")
