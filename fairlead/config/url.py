"""Database URLs: the forms we take, and the form that people may see."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import orjson

_PARTS = ("username", "password", "host", "port", "database")


def database_url(value: str) -> str:
    """One normal form for a URL or a JSON secret (as secret managers keep it)."""
    value = value.strip()
    if value.startswith("{"):
        return _from_secret(value)
    scheme, _, rest = value.partition("://")
    match scheme:
        case "sqlite" if rest.startswith("/") and len(rest) > 1:
            return value
        case "postgres" | "postgresql":
            return _checked(f"postgresql://{rest}")
        case _:
            raise ValueError("must begin with sqlite:///PATH or postgresql://")


def _checked(url: str) -> str:
    try:
        _ = urlsplit(url).port
    except ValueError:
        raise ValueError("is not a URL: percent-encode special characters of the password") from None
    return url


def _from_secret(value: str) -> str:
    try:
        secret: object = orjson.loads(value)
    except orjson.JSONDecodeError:
        raise ValueError("looks like a JSON secret but is not JSON") from None
    fields = cast("dict[str, Any]", secret)  # it begins with a brace
    fields.setdefault("database", fields.get("dbname"))  # what AWS calls it
    missing = [name for name in ("username", "password", "host", "database") if not fields.get(name)]
    if missing:
        raise ValueError(f"is a JSON secret without {', '.join(missing)}")
    username, password, host, port, database = (str(fields.get(name) or "") for name in _PARTS)
    address = f"[{host}]" if ":" in host else host
    login = f"{quote(username, safe='')}:{quote(password, safe='')}"
    return _checked(f"postgresql://{login}@{address}:{port or 5432}/{quote(database, safe='')}")


def hide_password(url: str) -> str:
    """The URL with neither password nor query: both may carry secrets."""
    if url.startswith("sqlite:"):
        return url
    parts = urlsplit(url)
    login, at, address = parts.netloc.rpartition("@")
    user, colon, _ = login.partition(":")
    return urlunsplit(parts._replace(netloc=f"{user}{colon and ':***'}{at}{address}", query="", fragment=""))


def password_of(url: str) -> str:
    return unquote(urlsplit(url).password or "")


def passwords_of(text: str) -> tuple[str, ...]:
    """The password of a URL as it is, and as it is written in it; none for what is no URL with a password."""
    try:
        written = urlsplit(text).password if "://" in text else None
    except ValueError:
        return ()
    return (unquote(written), written) if written else ()
