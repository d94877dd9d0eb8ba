"""Fairlead's own processes, started as a user starts them."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import asyncpg
import psutil

from fairlead.agents.load import load_project
from fairlead.clock import SystemClock
from fairlead.config import load_settings
from fairlead.runs.run import NewRun
from fairlead.telemetry.emit import silent
from fairlead.wiring import Engine, open_engine

PROJECT = Path(__file__).parent / "project"
RELEASE = "bench"


@dataclass(slots=True)
class Member:
    """A process under measurement."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def cpu(self) -> float:
        """Seconds of all its threads so far."""
        times = psutil.Process(self.pid).cpu_times()
        return times.user + times.system

    def memory(self) -> int:
        return psutil.Process(self.pid).memory_info().rss

    def stop(self, number: int = signal.SIGTERM) -> None:
        with suppress(ProcessLookupError):
            self.process.send_signal(number)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def environment(url: str, folder: Path, slots: int) -> dict[str, str]:
    """As in production: JSON lines for every run, metrics, a key. Only the limits are raised."""
    return {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(PROJECT.parent.parent),
        "ENVIRONMENT": "staging" if url.startswith("sqlite") else "production",
        "DATABASE_URL": url,
        "API_KEY_WHITELIST": "bench-key",
        "FAIRLEAD_RELEASE": RELEASE,
        "FAIRLEAD_BLOB_DIR": str(folder / "blobs"),
        "FAIRLEAD_QUEUE_LIMIT": "10000000",
        "FAIRLEAD_RATE_LIMIT": "1000000",
        "WORKER_CONCURRENCY": str(slots),
        "MAX_CONCURRENT_AGENTS": "100000",
        "FAIRLEAD_LOG_FORMAT": "json",
    }


def start(
    command: str, url: str, folder: Path, *, slots: int, port: int = 0, more: Mapping[str, str] | None = None
) -> Member:
    """`fairlead work` or `fairlead serve`; 0: on a port nobody has."""
    log = folder / f"{command}-{len(list(folder.iterdir()))}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "fairlead", command, "--port", str(port)],
            cwd=PROJECT, env={**environment(url, folder, slots), **(more or {})}, stdout=out, stderr=out,
        )  # fmt: skip
    return Member(process, log)


@asynccontextmanager
async def engine_on(url: str, folder: Path, *, root: Path = PROJECT) -> AsyncIterator[Engine]:
    """To submit runs with, and to make the schema."""
    settings = load_settings(root=root, environ=environment(url, folder, 1))
    agents = load_project(root / "fairlead.toml").agents
    engine = await open_engine(settings, agents, providers={}, clock=SystemClock(), emit=silent)
    try:
        yield engine
    finally:
        await engine.close()


async def submit(engine: Engine, agent: str, input: object, *, count: int) -> None:
    for done in range(0, count, 1000):
        new = NewRun(agent, input, release=RELEASE)
        await asyncio.gather(*[engine.control.submit(new) for _ in range(min(1000, count - done))])


async def start_together(url: str, folder: Path, *, count: int, slots: int) -> list[Member]:
    """Workers that begin to claim at the same moment: until all have started, a lock on their table holds them back."""
    connection = await asyncpg.connect(url)
    try:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("LOCK TABLE workers IN EXCLUSIVE MODE")
        members = [start("work", url, folder, slots=slots) for _ in range(count)]
        await until(
            lambda: connection.fetchval(
                "SELECT count(*) >= $1 FROM pg_locks WHERE relation = 'workers'::regclass AND NOT granted", count
            ),
            members,
        )
        await transaction.commit()
    finally:
        await connection.close()
    return members


async def until(true: object, members: Sequence[Member], *, every: timedelta = timedelta(milliseconds=20),
                seconds: float = 300) -> None:  # fmt: skip
    """Ask again and again; give up when a process has died."""
    async with asyncio.timeout(seconds):
        while not await true():  # type: ignore[operator]
            for member in members:
                if member.process.poll() is not None:
                    raise RuntimeError(f"A worker died:\n{member.log.read_text()[-3000:]}")
            await asyncio.sleep(every.total_seconds())
