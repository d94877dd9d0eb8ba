"""Hears what agents in other processes say, in datagrams."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path


class Ear:
    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "ear")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self._socket.bind(self.path)
        self._socket.setblocking(False)

    async def hear(self, *, seconds: float = 30.0) -> list[str]:
        """The words of the next datagram."""
        async with asyncio.timeout(seconds):
            heard = await asyncio.get_running_loop().sock_recv(self._socket, 1 << 20)
        return heard.decode().split()

    def close(self) -> None:
        self._socket.close()
        Path(self.path).unlink()
