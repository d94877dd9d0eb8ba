"""Listening on a port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from fairlead.errors import ConfigurationError
from fairlead.gateway.exchange import LEAVING, Leaving

_BACKLOG = 2048
_MOST_GATHERED = 64 * 1024  # bytes; what is beyond them the transport has to know of, or it can't make anyone wait


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises `ConfigurationError` when the address is taken or is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        raise ConfigurationError(
            f"Can't listen on {host}:{port}: {(error.strerror or str(error)).lower()}.",
            hint="Choose another with --port (0 takes any free one), or stop what listens there.",
        ) from error
    return sock


def url_of(sock: socket.socket) -> str:
    """Where the socket can be reached from this machine."""
    named: tuple[str, int] = sock.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(named[0], named[0])
    return f"http://{f'[{host}]' if ':' in host else host}:{named[1]}"


class _Gathering(asyncio.Transport):
    """What is written in one turn of the event loop, written at once: uvicorn writes the head of an answer and its body
    apart, and each write is a system call (a fifth of the CPU of a short answer)."""

    __slots__ = ("_loop", "_pieces", "_size", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []
        self._size = 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._pieces:
            self._loop.call_soon(self._flush)
        self._pieces.append(bytes(data))
        self._size += len(data)
        if self._size >= _MOST_GATHERED:
            self._flush()

    def get_write_buffer_size(self) -> int:
        return self._size + self._transport.get_write_buffer_size()

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        self._pieces, self._size = [], 0
        self._transport.abort()

    def _flush(self) -> None:
        pieces, self._pieces, self._size = self._pieces, [], 0
        if pieces and not self._transport.is_closing():
            self._transport.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))


class _Connection(HttpToolsProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().connection_made(_Gathering(cast("asyncio.Transport", transport), self.loop))
        self._extensions = {LEAVING: Leaving()}

    def on_message_begin(self) -> None:
        super().on_message_begin()
        cast("dict[str, Any]", self.scope)["extensions"] = self._extensions

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._extensions[LEAVING].happened()


class Server(uvicorn.Server):
    """Uvicorn, but for the signals: those are heard once for the whole process."""

    def __init__(self, app: Any, sock: socket.socket, *, grace: int) -> None:
        super().__init__(
            uvicorn.Config(
                app, log_config=None, access_log=False, proxy_headers=False, server_header=False, date_header=False,
                http=_Connection, ws="none", lifespan="off", timeout_graceful_shutdown=grace,
            )
        )  # fmt: skip
        self._sock = sock

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def listen(self) -> None:
        """Until `stop`, then until open requests are answered or the grace is over."""
        await self.serve(sockets=[self._sock])

    def stop(self) -> None:
        self.should_exit = True
