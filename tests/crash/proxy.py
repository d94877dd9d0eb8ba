"""The network between one worker and PostgreSQL, which can stall, deliver late, or break."""

from __future__ import annotations

import asyncio
import contextlib


class Proxy:
    """Passes bytes on while `open`; `stall` keeps them back, and `go_on` delivers what was kept."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self._target = target
        self._server: asyncio.Server | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._upstream: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

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
        self._flowing.set()
        if self._server is not None:
            self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await self._flowing.wait()
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            self._tasks.discard(task)
            return
        self._upstream.add(there_writer)
        ends = ((reader, there_writer), (there_reader, writer))
        ways = [asyncio.create_task(self._carry(*one)) for one in ends]
        try:
            with contextlib.suppress(asyncio.CancelledError):  # a server's tasks must not end cancelled
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            self._upstream.discard(there_writer)
            for end in (writer, there_writer):
                with contextlib.suppress(Exception):
                    end.close()
            self._tasks.discard(task)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
