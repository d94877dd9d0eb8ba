"""Where benchmarks take place: a PostgreSQL of their own, with fsync, and a folder. Both are gone afterwards."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from tests.servers import PostgresServer

# Not PostgreSQL's defaults of 2005; durability is left as it is (fsync, synchronous_commit and full_page_writes on).
POSTGRES = {
    "shared_buffers": "512MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "15min",
    "max_connections": "400",
}


@dataclass(slots=True)
class Place:
    """Handed to every benchmark. `quick`: fewer repeats of less work, for a look."""

    quick: bool
    runs: int = 0  # to store at most, where a benchmark looks at stored ones; 0: as many as it is about
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="fairlead-bench-")))
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])
    """Started here: those that still run when we close, because something failed, are killed."""
    filled: dict[str, Any] = field(default_factory=dict[str, Any])
    """Databases that one benchmark has filled and others look at, too, by their dialect."""
    _server: PostgresServer | None = None
    _admin: Any = None
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def repeats(self) -> int:
        return 1 if self.quick else 3

    def amount(self, full: int) -> int:
        return max(1, full // 5) if self.quick else full

    def stored(self, full: int) -> int:
        return min(full, self.runs) if self.runs else self.amount(full)

    def new_folder(self) -> Path:
        path = self.folder / f"f{next(self._numbers)}"
        path.mkdir()
        return path

    async def new_database(self) -> str:
        """An empty database on our server, which starts when the first is asked for; its URL."""
        if self._server is None:
            self._server = PostgresServer(settings=POSTGRES)
            self._admin = await asyncpg.connect(self._server.start())
        name = f"bench_{next(self._numbers)}"
        await self._admin.execute(f"CREATE DATABASE {name}")
        return self._server.url.rpartition("/")[0] + f"/{name}"

    async def drop(self, url: str) -> None:
        """Room on the disk, and nothing left for autovacuum to do while the next is measured."""
        await self._admin.execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    async def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        if self._admin is not None:
            await self._admin.close()
        if self._server is not None:
            self._server.remove()
        shutil.rmtree(self.folder, ignore_errors=True)
