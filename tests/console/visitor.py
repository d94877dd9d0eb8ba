"""A reader without a browser: asks the app for pages, keeps its cookies, reads the HTML."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

from starlette.types import ASGIApp


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def page(self) -> Page:
        page = Page()
        page.feed(self.text)
        return page


class Page(HTMLParser):
    """Every element with its attributes, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], tuple[str, ...]]] = []  # tag, attributes, ids around it
        self.words: list[str] = []
        self._open: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.elements.append((tag, given, tuple(name for _, name in self._open if name)))
        if tag not in ("meta", "link", "input", "br", "img"):
            self._open.append((tag, given.get("id") or ""))

    def handle_endtag(self, tag: str) -> None:
        for place in range(len(self._open) - 1, -1, -1):
            if self._open[place][0] == tag:
                del self._open[place:]
                break

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def said(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [given for name, given, _ in self.elements if name == tag]


@dataclass
class Visitor:
    app: ASGIApp
    cookies: dict[str, str] = field(default_factory=dict[str, str])
    sent: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue())  # pieces of bodies, as they come

    async def get(self, path: str, **headers: str) -> Answer:
        return await self._ask("GET", path, b"", headers)

    async def post(self, path: str, form: dict[str, str], **headers: str) -> Answer:
        return await self._ask("POST", path, urlencode(form).encode(), headers)

    async def submit(self, path: str, form: dict[str, str]) -> Answer:
        """Post as our own page would: with its token."""
        await self.get("/console/runs")
        token = self.cookies["fairlead_csrf"]
        return await self.post(path, {"csrf": token} | form, **{"sec-fetch-site": "same-origin"})

    async def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        route, _, query = path.partition("?")
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {"host": "fairlead.test", **({"cookie": cookie} if cookie else {}), **headers}
        scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": route,
            "raw_path": route.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
            "scheme": "http",
            "server": ("fairlead.test", 80),
            "http_version": "1.1",
        }
        inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        inbox.put_nowait({"type": "http.request", "body": body, "more_body": False})
        said: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            said.append(message)
            if "body" in message:
                self.sent.put_nowait(message["body"])

        await self.app(scope, inbox.get, send)
        pairs = [(name.decode().lower(), value.decode()) for name, value in said[0]["headers"]]
        for name, value in pairs:
            if name == "set-cookie":
                key, _, kept = value.split(";")[0].partition("=")
                self.cookies[key] = kept
        return Answer(said[0]["status"], dict(pairs), b"".join(part.get("body", b"") for part in said[1:]))
