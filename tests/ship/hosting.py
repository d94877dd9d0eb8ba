"""A host of its own for tests and benchmarks: a real supervisor, a real front, and callers that never try again."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from fairlead.clock import SystemClock
from fairlead.ship.host.front import FrontKind
from fairlead.ship.host.instances import Instances
from fairlead.ship.host.target import HostTarget, HostTerms
from fairlead.ship.release import Release
from tests.servers import haproxy

SERVICE = str(Path(__file__).parent / "service")
SUPERVISOR = (
    "import os, sys, pathlib; from fairlead.clock import SystemClock;"
    "from fairlead.ship.host.supervisor import Supervisor;"
    "Supervisor(pathlib.Path(sys.argv[1]), os.environ, clock=SystemClock()).run()"
)


@dataclass
class Host:
    root: Path
    port: int
    front: FrontKind = FrontKind.HAPROXY
    slots: int = 6
    worker: tuple[str, ...] = ()
    source: str = SERVICE
    supervisors: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])
    busy: Counter[str] = field(default_factory=Counter[str])

    def __post_init__(self) -> None:
        environ = {"PATH": f"{Path(haproxy()).parent}:{os.environ['PATH']}"}
        terms = HostTerms(
            self.root, (sys.executable, "serve.py"), self.worker, int(bool(self.worker)),
            bind=f"127.0.0.1:{self.port}", first_port=self.port + 1, slots=self.slots, health="/health", grace=5.0,
            environ=environ, front=self.front,
        )  # fmt: skip
        self.target = HostTarget(terms, wake=self.wake, clock=SystemClock(), runs_of=self.runs_of)

    async def runs_of(self, build: str) -> int:
        return self.busy[build]

    def wake(self) -> None:
        if not self.supervisors or self.supervisors[-1].poll() is not None:
            self.supervisors.append(subprocess.Popen((sys.executable, "-c", SUPERVISOR, str(self.root))))

    async def up(self, build: str, instances: int = 1, **settings: str) -> None:
        await self.target.start(Release(build, self.source, settings), instances)
        async with asyncio.timeout(20):
            while not (await self.target.ready(build)).ready:
                await asyncio.sleep(0.05)

    async def gone(self, build: str) -> None:
        async with asyncio.timeout(20):
            while not await self.target.stop(build):
                await asyncio.sleep(0.05)

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        self.supervisors[-1].send_signal(number)
        self.supervisors[-1].wait()

    def clean(self) -> None:
        for one in self.supervisors:
            one.kill()
            one.wait()
        for one in Instances(self.root).all():
            with suppress(ProcessLookupError):
                if one.alive:
                    os.killpg(one.status.pid, signal.SIGKILL)


async def ask(port: int, path: str = "/") -> tuple[int, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        return await _ask(reader, writer, path)
    finally:
        writer.close()


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> tuple[int, str]:
    writer.write(f"GET {path} HTTP/1.1\r\nhost: a\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    if "chunked" in head:
        return int(head.split()[1]), (await reader.readuntil(b"\r\n0\r\n\r\n")).decode()
    length = int(head.split("content-length: ")[1].split("\r\n")[0])
    return int(head.split()[1]), (await reader.readexactly(length)).decode()


@dataclass
class Load:
    """Callers that keep their connection, callers that make a new one each time, and readers of streams. An answer that
    is none, or a connection that breaks under a request, is a failure: nobody tries again."""

    port: int
    answers: Counter[str] = field(default_factory=Counter[str])
    failed: list[str] = field(default_factory=list[str])
    streams: int = 0
    readers: int = 4
    pieces: int = 20
    over: bool = False

    async def __aenter__(self) -> Load:
        callers = (
            [self.keep() for _ in range(8)]
            + [self.anew() for _ in range(4)]
            + [self.read() for _ in range(self.readers)]
        )
        self._tasks = [asyncio.create_task(one) for one in callers]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.over = True
        await asyncio.wait_for(asyncio.gather(*self._tasks), 30 + self.pieces / 10)

    async def keep(self) -> None:
        while not self.over:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            for _ in range(50):
                if self.over or not await self._one(reader, writer):
                    break
            writer.close()

    async def anew(self) -> None:
        while not self.over:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            await self._one(reader, writer)
            writer.close()

    async def read(self) -> None:
        while not self.over:
            try:
                status, text = await ask(self.port, "/stream")
                assert status == 200 and f" {self.pieces - 1}\n" in text, text
                self.streams += 1
            except (OSError, asyncio.IncompleteReadError, AssertionError) as error:
                self.failed.append(f"stream: {error!r}")

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        try:
            status, build = await _ask(reader, writer, "/")
        except (OSError, asyncio.IncompleteReadError, IndexError) as error:
            self.failed.append(repr(error))
            return False
        if status != 200:
            self.failed.append(f"{status} of {build}")
        self.answers[build] += 1
        return True
