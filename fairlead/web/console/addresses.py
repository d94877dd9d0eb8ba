"""What the front must know of the console without loading it: which addresses are open, and which take large bodies."""

from __future__ import annotations

from urllib.parse import urlencode

from fairlead.access.attempt import page_of

SIGN_IN, START, CALLBACK = "/console/sign-in", "/console/sign-in/start", "/console/sign-in/callback"
KEY = "/console/key"
PLAYGROUND = "/console/playground"
_OPEN = frozenset((SIGN_IN, START, CALLBACK))


def is_console(path: str) -> bool:
    return path in ("/", "/console") or path.startswith("/console/")


def is_open(path: str) -> bool:
    """What a reader sees who has not signed in: the pages to do so, and what they are drawn with."""
    return path in _OPEN or path.startswith("/console/static/")


def sign_in_for(path: str, query: str) -> str:
    """Where somebody goes who must sign in before they may see this page."""
    return f"{SIGN_IN}?{urlencode({'back': page_of(path + (f'?{query}' if query else ''))})}"
