"""One way of a browser to the provider and back.

The browser holds one random secret for ten minutes, and nothing is kept here: what the provider is given to send back
(`state`), what it must write into the token (`nonce`) and what proves that the code is ours (`verifier`) are made of
that secret, each of it its own, different with each attempt. So several tabs may sign in at once, whoever has not the
secret can make up no return, and a flood of beginnings costs no more than its answers.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from fairlead.errors import Unauthorised

HOME = "/console/runs"
LIVES = 600  # seconds from the beginning to the return
_ID = re.compile(r"([0-9a-f]{1,16})-[A-Za-z0-9_-]{16,40}")
_BACK = re.compile(r"/console(/[^\\\x00-\x20\x7f-\U0010ffff]*)?")
_LONGEST_BACK = 1000


@dataclass(frozen=True, slots=True)
class Attempt:
    """`back`: the page that was wanted. RFC 6749, 10.12 (state); RFC 7636 (verifier); OpenID Connect Core, 15.5.2
    (nonce)."""

    secret: str
    id: str
    back: str

    def __repr__(self) -> str:
        return f"Attempt({self.id})"

    @property
    def state(self) -> str:
        back = base64.urlsafe_b64encode(self.back.encode()).decode().rstrip("=")
        return f"{self.id}.{back}.{self._made('state', self.id, self.back)}"

    @property
    def nonce(self) -> str:
        return self._made("nonce", self.id)

    @property
    def verifier(self) -> str:
        return self._made("verifier", self.id)

    def _made(self, *of: str) -> str:
        made = hmac.new(self.secret.encode(), "\0".join(of).encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(made).decode().rstrip("=")


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def begin(secret: str, back: str, *, now: int) -> Attempt:
    """`now` is in microseconds."""
    return Attempt(secret, f"{now:x}-{secrets.token_urlsafe(12)}", page_of(back))


def of_state(secret: str, state: str, *, now: int) -> Attempt:
    """The attempt that a return belongs to. Raises `Unauthorised` when this browser did not begin it, or long ago."""
    name, back = state.partition(".")[0], _back_in(state)
    known = _ID.fullmatch(name)
    attempt = Attempt(secret, name, back)
    if not secret or known is None or not hmac.compare_digest(attempt.state.encode(), state.encode("utf-8", "replace")):
        raise Unauthorised("This browser has not begun to sign in, or too long ago.", hint="Sign in again.")
    if not 0 <= now - int(known.group(1), 16) <= LIVES * 1_000_000:
        raise Unauthorised("Signing in took too long.", hint="Sign in again.")
    return attempt


def page_in(state: str) -> str:
    """The page that was wanted, whoever says so."""
    return page_of(_back_in(state))


def page_of(back: str) -> str:
    """The page of ours that was wanted; anything else, such as an address elsewhere, is the first page."""
    known = len(back) <= _LONGEST_BACK and _BACK.fullmatch(back) and not back.startswith("/console/sign-")
    return back if known else HOME


def _back_in(state: str) -> str:
    coded = state.partition(".")[2].partition(".")[0]
    try:
        return base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode()
    except (binascii.Error, ValueError):
        return ""
