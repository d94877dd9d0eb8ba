"""A network for these tests: names that stand for what a test says, and a real server that every address leads to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Any

from httpcore2 import AnyIOBackend, AsyncNetworkBackend, AsyncNetworkStream

from fairlead.egress import Egress, Rules, resolve
from fairlead.egress.address import Address
from tests.listening import listening

HONEST = "93.184.215.14"
HONEST_6 = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"


class Names:
    """Stands before the system's resolver. A name that has several answers gives one after the other, then the last
    for ever: so a name rebinds."""

    def __init__(self, names: dict[str, list[Sequence[str]]] | None = None) -> None:
        self._names = names or {}
        self._real = resolve(2)

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        answers = self._names.get(host)
        if answers is None:
            return await self._real(host, port)
        return [ip_address(text) for text in (answers.pop(0) if len(answers) > 1 else answers[0])]


class Wires(AsyncNetworkBackend):
    """Connects to the one server, whatever address is asked for, and remembers which it was. Asked for a name, it
    looks it up, as every ordinary backend does."""

    def __init__(self, names: Names, port: int) -> None:
        self.reached: list[str] = []
        self._names = names
        self._port = port
        self._real = AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncNetworkStream:
        try:
            address = ip_address(host)
        except ValueError:
            address = (await self._names(host, port))[0]
        self.reached.append(str(address))
        return await self._real.connect_tcp("127.0.0.1", self._port, timeout=timeout)


class Server:
    """Answers with whatever bytes a path is given; counts."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes] = {}
        self.asked: list[bytes] = []
        self.port = 0
        self.release = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked.append(head)
            answer = self.answers.get(head.split()[1].decode(), ok(b"hello"))
            writer.write(answer)
            await writer.drain()
            if not answer:
                await self.release.wait()
            if b"connection: close" in answer or not answer:
                break


def ok(body: bytes, headers: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n%s\r\n%s" % (len(body), headers, body)


def redirect(location: str, status: int = 302) -> bytes:
    return b"HTTP/1.1 %d Elsewhere\r\nlocation: %s\r\ncontent-length: 0\r\n\r\n" % (status, location.encode())


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    server = Server()
    async with listening(server.serve) as server.port:
        yield server


@asynccontextmanager
async def world(
    names: dict[str, list[Sequence[str]]] | None = None, rules: Rules | None = None
) -> AsyncIterator[tuple[Egress, Server, Wires]]:
    """An egress on this network, its one server, and what was connected to."""
    async with serving() as server:
        known = Names({"example.com": [[HONEST]], **(names or {})})
        wires = Wires(known, server.port)
        egress = Egress(rules=rules or Rules(), names=known, backend=wires)
        try:
            yield egress, server, wires
        finally:
            await egress.close()
