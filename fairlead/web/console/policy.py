"""What a page of the console may do in a browser, and which writes are taken as the reader's own."""

from __future__ import annotations

import hmac
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
    "Vary": "HX-Request, Cookie",
}
CSRF_COOKIE = "fairlead_csrf"
LONGEST_FORM = 64_000  # bytes


def check_own(headers: Mapping[str, str], cookies: Mapping[str, str], form: Mapping[str, str]) -> None:
    """Refuse a write that another site sent: by what the browser says of it, then by a token only our pages know."""
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        raise Unauthorised("This request came from another site.", hint="Open the console and try there.")
    origin = headers.get("origin")
    if origin is not None and origin != "null" and urlsplit(origin).netloc != headers.get("host", ""):
        raise Unauthorised("This request came from another address.", hint="Open the console and try there.")
    token = cookies.get(CSRF_COOKIE, "")
    if not token or not hmac.compare_digest(token.encode(), form.get("csrf", "").encode()):
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
