"""What a page of the console may do in a browser, and which writes are taken as the reader's own."""

from __future__ import annotations

import binascii
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request

from fairlead.errors import InvalidInput, Unauthorised

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Vary": "HX-Request, Cookie, Accept-Encoding, Sec-Fetch-Site",
}
CSRF_COOKIE = "fairlead_csrf"
LONGEST_FORM = 64_000  # bytes


def masked(token: str) -> str:
    """The token in other letters each time: packed with words of others, its page would tell it by its length."""
    known = token.encode()
    mask = secrets.token_bytes(len(known))
    return urlsafe_b64encode(mask + _over(mask, known)).decode()


def may_pack(headers: Mapping[str, str]) -> bool:
    """Whether a page may be sent packed: to a browser that takes it, and says that no other site made it ask. Who reads
    along and can have a page asked for again and again, with words of theirs in it, could tell by its length what else
    is in it."""
    return "gzip" in headers.get("accept-encoding", "") and headers.get("sec-fetch-site") in ("same-origin", "none")


def _is_token(given: str, token: str) -> bool:
    """As it is, or masked."""
    try:
        both = urlsafe_b64decode(given.encode())
    except (binascii.Error, ValueError):
        both = b""
    half = len(both) // 2
    plain, unmasked = given.encode(), _over(both[:half], both[half:])
    return hmac.compare_digest(token.encode(), plain) or hmac.compare_digest(token.encode(), unmasked)


def _over(mask: bytes, said: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(mask, said, strict=False))


def check_own(headers: Mapping[str, str], cookies: Mapping[str, str], form: Mapping[str, str]) -> None:
    """Refuse a write that another site sent: by what the browser says of it, then by a token only our pages know."""
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        raise Unauthorised("This request came from another site.", hint="Open the console and try there.")
    origin = headers.get("origin")
    if origin is not None and origin != "null" and urlsplit(origin).netloc != headers.get("host", ""):
        raise Unauthorised("This request came from another address.", hint="Open the console and try there.")
    token = cookies.get(CSRF_COOKIE, "")
    if not token or not _is_token(form.get("csrf", ""), token):
        raise Unauthorised("The page is too old to act on.", hint="Reload it and try again; cookies must be allowed.")


async def form_of(request: Request) -> dict[str, str]:
    """The fields that were sent. Raises `InvalidInput`."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            raise InvalidInput("The form is too large.")
    return read_form(body)


def read_form(body: bytes) -> dict[str, str]:
    """The last value of each field."""
    return {name: values[-1] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
