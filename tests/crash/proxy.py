"""The network between one worker and PostgreSQL, which can stall, deliver late, or break."""

from __future__ import annotations

import asyncio
import contextlib

from tests.listening import listening


class Proxy:
    """Passes bytes on while `open`; `stall` keeps them back, and `go_on` delivers what was kept."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self._target = target
        self._listening = listening(self._serve)
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._upstream: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self.port = await self._listening.__aenter__()

    def stall(self) -> None:
        self._flowing.clear()

    def go_on(self) -> None:
        self._flowing.set()

    @property
    def ports(self) -> list[int]:
        """How PostgreSQL knows the connections that go through here."""
        names = [writer.get_extra_info("sockname") for writer in self._upstream]
        return [name[1] for name in names if name]

    async def close(self) -> None:
        await self._listening.__aexit__(None, None, None)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._flowing.wait()
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._upstream.add(there_writer)
        ends = ((reader, there_writer), (there_reader, writer))
        ways = [asyncio.create_task(self._carry(*one)) for one in ends]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            self._upstream.discard(there_writer)
            there_writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
