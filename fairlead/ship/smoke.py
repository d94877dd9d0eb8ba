"""Tries a service over HTTP: a few requests, each with what must come back. It passes when enough of them do.

The twelve that ship are of a Fairlead service; a project declares others for its own.
"""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

from fairlead.ship.verdict import Finding, Verdict

ENOUGH = 0.8  # of all tries
_MOST = 1_000_000  # bytes of an answer that are read


@dataclass(frozen=True, slots=True)
class Try:
    """`status`: any of these. `holds`: must be in the answer. `headers`: must come back so. `within`: seconds. `alone`:
    asked when the others have been answered, and what they needed is loaded."""

    name: str
    path: str
    method: str = "GET"
    status: tuple[int, ...] = (200,)
    holds: str = ""
    body: str = ""
    sent: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    within: float = 10.0
    alone: bool = False


_JSON = {"content-type": "application/json"}
# Who is asked for a key and has none is told so by a service that works.
SERVICE = (
    Try("root", "/ok"),
    Try("health", "/health", status=(200,), holds="status"),
    Try("ready", "/health/ready"),
    Try("live", "/health/live"),
    Try("docs", "/docs"),
    Try("submit", "/runs", "POST", status=(200, 401, 404, 422), body="{}", sent=_JSON),
    Try("status", "/agent/status/nobody", status=(401, 404)),
    Try("list", "/runs", status=(200, 401)),
    Try("gateway", "/v1/models", status=(200, 401)),
    Try("console", "/console/runs", status=(200, 303, 401)),
    Try("response time", "/health/live", within=1.0, alone=True),
    Try("no CORS for strangers", "/ok", sent={"origin": "https://stranger.example"}),
)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: str


async def smoke(url: str, tries: Sequence[Try] = SERVICE, *, enough: float = ENOUGH) -> list[Finding]:
    """One finding for each; the first says whether enough have passed, and alone can fail."""
    told: dict[int, str] = {}
    for alone in (False, True):
        asked = {place: one for place, one in enumerate(tries) if one.alone is alone}
        said = await asyncio.gather(*(asyncio.to_thread(why_not, url, one) for one in asked.values()))
        told |= zip(asked, said, strict=True)
    passed = sum(not why for why in told.values())
    suffices = passed >= enough * len(tries)
    failed = "".join(f"; {one.name}: {told[place]}" for place, one in enumerate(tries) if told[place])
    found = f"{passed} of {len(tries)} at {url}{failed}"
    whole = Finding("smoke", Verdict.PASS if suffices else Verdict.FAIL, found)
    return [whole, *(_finding(one, told[place]) for place, one in enumerate(tries))]


def _finding(one: Try, why: str) -> Finding:
    """What failed is shown; whether it matters the first finding has said."""
    return Finding(f"{one.name}: {one.method} {one.path}", Verdict.PASS, f"FAILED: {why}" if why else "passed")


def why_not(url: str, one: Try) -> str:
    """Why this try fails; empty when it passes."""
    try:
        answer = _ask(url, one)
    except (OSError, ValueError) as error:
        return str(error) or type(error).__name__
    if answer.status not in one.status:
        return f"answered {answer.status}"
    if one.holds not in answer.body:
        return f"{one.holds!r} is not in the answer"
    for name, value in one.headers.items():
        if answer.headers.get(name.lower()) != value:
            return f"{name} is {answer.headers.get(name.lower())!r}"
    if one.name == "no CORS for strangers" and "access-control-allow-origin" in answer.headers:
        return "pages of any site may call it"
    return ""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)


def _ask(url: str, one: Try) -> _Answer:
    data = one.body.encode() if one.body else None
    request = urllib.request.Request(url.rstrip("/") + one.path, data, dict(one.sent), method=one.method)
    try:
        with _OPENER.open(request, timeout=one.within) as answer:
            return _Answer(answer.status, _lower(answer.headers), answer.read(_MOST).decode("utf-8", "replace"))
    except urllib.error.HTTPError as error:
        return _Answer(error.code, _lower(error.headers), error.read(_MOST).decode("utf-8", "replace"))


def _lower(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
