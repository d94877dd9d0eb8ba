"""Where a battery takes place: a database on a disk of its own, that can be looked into and broken."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Sequence
from typing import Any, Protocol

import asyncpg

from tests.crash.disk import Disk
from tests.crash.proxy import Proxy
from tests.servers import PostgresServer

Rows = Sequence[Any]
_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError)


class Away(Exception):
    """The database cannot be looked into just now."""


class Site(Protocol):
    dialect: str
    disk: Disk
    url: str

    async def open(self, slots: int) -> None: ...

    def url_of(self, slot: int) -> str: ...

    async def rows(self, statement: str) -> Rows:
        """Raises `Away`."""
        ...

    async def mend(self) -> None:
        """As an operator would: see that the database answers again."""
        ...

    async def close(self) -> None: ...


class SqliteSite:
    dialect = "sqlite"

    def __init__(self) -> None:
        self.disk = Disk()
        self.url = f"sqlite:///{self.disk.folder}/state/crash.db"

    async def open(self, slots: int) -> None:
        (self.disk.folder / "state").mkdir()

    def url_of(self, slot: int) -> str:
        return self.url

    async def rows(self, statement: str) -> Rows:
        return await asyncio.to_thread(self._rows, statement)

    def _rows(self, statement: str) -> Rows:
        try:
            with contextlib.closing(sqlite3.connect(self.disk.folder / "state" / "crash.db", timeout=10)) as connection:
                connection.row_factory = sqlite3.Row
                return connection.execute(statement).fetchall()
        except sqlite3.OperationalError as error:
            raise Away(str(error)) from error

    async def mend(self) -> None:
        """It is a file: there is nothing to start."""

    async def close(self) -> None:
        self.disk.remove()


class PostgresSite:
    dialect = "postgres"

    def __init__(self) -> None:
        self.disk = Disk()
        self.server = PostgresServer(
            folder=self.disk.folder / "postgres",
            settings={"max_wal_size": "64MB", "min_wal_size": "32MB", "shared_buffers": "32MB"},
        )
        self.proxies: list[Proxy] = []
        self._connection: asyncpg.Connection[Any] | None = None
        self._busy = asyncio.Lock()

    @property
    def url(self) -> str:
        return self.server.url

    async def open(self, slots: int) -> None:
        await asyncio.to_thread(self.server.start)
        self.proxies = [Proxy(self.server.port) for _ in range(slots)]
        for proxy in self.proxies:
            await proxy.start()

    def url_of(self, slot: int) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.proxies[slot].port}/postgres"

    async def rows(self, statement: str) -> Rows:
        async with self._busy:
            try:
                if self._connection is None or self._connection.is_closed():
                    self._connection = await asyncpg.connect(self.url, timeout=3)
                return await self._connection.fetch(statement, timeout=30)
            except _AWAY as error:
                if self._connection is not None:
                    self._connection.terminate()
                    self._connection = None
                raise Away(str(error)) from error

    async def terminate(self, slot: int) -> None:
        ports = ",".join(str(port) for port in self.proxies[slot].ports) or "0"
        with contextlib.suppress(Away):
            await self.rows(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE client_port IN ({ports})")

    async def crash(self, *, hard: bool) -> None:
        with contextlib.suppress(RuntimeError):  # a full disk may have been quicker
            await asyncio.to_thread(self.server.kill if hard else lambda: self.server.stop("immediate"))

    async def mend(self) -> None:
        for _ in range(60):
            with contextlib.suppress(Away):
                await self.rows("SELECT 1")
                return
            if not self._runs():
                with contextlib.suppress(RuntimeError):
                    await asyncio.to_thread(self.server.start)
            await asyncio.sleep(0.25)
        raise RuntimeError("PostgreSQL did not come back.")

    def _runs(self) -> bool:
        return (self.server.folder / "data" / "postmaster.pid").exists()

    async def close(self) -> None:
        for proxy in self.proxies:
            await proxy.close()
        if self._connection is not None:
            self._connection.terminate()
        await asyncio.to_thread(self.server.remove)
        self.disk.remove()
