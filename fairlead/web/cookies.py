"""The two cookies of people who sign in: the session, and for ten minutes what the way to the provider is made of.

Over TLS their names begin with `__Host-`: a browser then takes them from this very host alone, never from a
neighbouring one. `Lax`, for a link from a chat to a run must find the reader signed in; writes are guarded by `policy`.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from starlette.requests import cookie_parser
from starlette.responses import Response


class Cookie(StrEnum):
    SESSION = "fairlead_session"
    ATTEMPT = "fairlead_sign_in"


def is_secure(scheme: str, redirect_url: str | None) -> bool:
    """Whether readers come over TLS: a proxy may end it, and then only the settings know."""
    return scheme == "https" if redirect_url is None else redirect_url.startswith("https://")


def read(header: str, cookie: Cookie, *, secure: bool) -> str:
    return cookie_parser(header).get(_name(cookie, secure), "")


def put(response: Response, cookie: Cookie, value: str, *, lives: timedelta, secure: bool) -> None:
    seconds = int(lives.total_seconds())
    response.set_cookie(
        _name(cookie, secure), value, max_age=seconds, path="/", httponly=True, secure=secure, samesite="lax"
    )


def drop(response: Response, cookie: Cookie, *, secure: bool) -> None:
    response.delete_cookie(_name(cookie, secure), path="/", httponly=True, secure=secure, samesite="lax")


def _name(cookie: Cookie, secure: bool) -> str:
    return f"__Host-{cookie}" if secure else cookie.value
