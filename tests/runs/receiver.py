"""A real server that webhooks are delivered to: it answers each path as it is told, and keeps what came."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.listening import listening

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@dataclass(frozen=True, slots=True)
class Got:
    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


@dataclass(slots=True)
class Receiver:
    """`answers`: raw answers by path, one after the other, the last for ever; `b""` says nothing until `release`."""

    url: str = ""
    got: list[Got] = field(default_factory=list[Got])
    answers: dict[str, list[bytes]] = field(default_factory=dict[str, list[bytes]])
    release: asyncio.Event = field(default_factory=asyncio.Event)
    _came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, count: int) -> list[Got]:
        async with asyncio.timeout(15), self._came:
            await self._came.wait_for(lambda: len(self.got) >= count)
        return self.got

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            request, *lines = head.split("\r\n")
            headers = {n.lower(): v for n, _, v in (line.partition(": ") for line in lines if line)}
            raw = await reader.readexactly(int(headers.get("content-length", 0)))
            path = request.split()[1]
            async with self._came:
                self.got.append(Got(path, headers, raw))
                self._came.notify_all()
            answers = self.answers.get(path, [OK])
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            if not answer:
                await self.release.wait()
                break
            writer.write(answer)
            await writer.drain()
            if b"connection: close" in answer:
                break


def answer(status: int, headers: bytes = b"", body: bytes = b"") -> bytes:
    return b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n%s\r\n%s" % (status, len(body), headers, body)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    async with listening(receiver.serve) as port:
        receiver.url = f"http://127.0.0.1:{port}"
        yield receiver
