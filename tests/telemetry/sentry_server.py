"""A Sentry of our own: takes envelopes over HTTP, and gives them back parsed and as the bytes that came."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.listening import listening


@dataclass
class SentryServer:
    """`status`: what it answers. `silent`: it takes everything and answers nothing."""

    status: bytes = b"200 OK"
    silent: bool = False
    scheme: str = "http"
    host: str = "127.0.0.1"
    port: int = 0
    written: list[bytes] = field(default_factory=list[bytes])
    items: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])
    requests: int = 0

    @property
    def dsn(self) -> str:
        return f"{self.scheme}://abcdef0123456789abcdef0123456789@{self.host}:{self.port}/42"

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [item for type_, item in self.items if type_ == kind]

    async def until(self, kind: str, number: int = 1) -> list[dict[str, Any]]:
        async with asyncio.timeout(20):
            while len(self.of(kind)) < number:
                await asyncio.sleep(0.01)
        return self.of(kind)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            headers = {
                name.strip().lower(): value.strip()
                for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:])
            }
            body = await reader.readexactly(int(headers[b"content-length"]))
            body = gzip.decompress(body) if headers.get(b"content-encoding") == b"gzip" else body
            self.requests += 1
            self.written += [head, body]
            if self.silent:
                await asyncio.Event().wait()
            self.items += parsed(body)
            writer.write(b"HTTP/1.1 " + self.status + b"\r\ncontent-length: 2\r\n\r\n{}")


def parsed(envelope: bytes) -> list[tuple[str, dict[str, Any]]]:
    """https://develop.sentry.dev/sdk/data-model/envelopes/"""
    _, _, rest = envelope.partition(b"\n")
    items: list[tuple[str, dict[str, Any]]] = []
    while rest:
        header, _, rest = rest.partition(b"\n")
        if not header:
            continue
        about = orjson.loads(header)
        length = about.get("length", rest.find(b"\n"))
        items.append((about["type"], orjson.loads(rest[:length])))
        rest = rest[length:].lstrip(b"\n")
    return items


@asynccontextmanager
async def sentry_server(**how: Any) -> AsyncIterator[SentryServer]:
    server = SentryServer(**how)
    async with listening(server.serve) as server.port:
        yield server
