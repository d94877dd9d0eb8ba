"""Listening on a port."""

from __future__ import annotations

import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import uvicorn

from fairlead.errors import ConfigurationError
from fairlead.web.server.connection import Connection

_BACKLOG = 2048


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises `ConfigurationError` when the address is taken or is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # else asyncio does not send at once
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


class Server(uvicorn.Server):
    """Uvicorn, but for the signals: those are heard once for the whole process. `connection`: what makes one."""

    def __init__(self, app: Any, sock: socket.socket, *, grace: int, connection: Any = Connection) -> None:
        super().__init__(
            uvicorn.Config(
                app, log_config=None, access_log=False, proxy_headers=False, server_header=False, date_header=False,
                http=connection, interface="asgi3", ws="none", lifespan="off", timeout_graceful_shutdown=grace,
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
