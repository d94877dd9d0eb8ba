"""`fairlead serve` for clients of the API, on PostgreSQL as production has it, and servers beside it that do less."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import workers
from bench.place import Place
from bench.workers import Member
from tests.servers import free_port, wait_until

HEADERS = ("x-api-key: bench-key",)
_ROOT = Path(__file__).resolve().parent.parent
_UNLIMITED: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Serving:
    """One that listens."""

    name: str
    member: Member
    port: int
    headers: tuple[str, ...] = ()

    def stop(self) -> None:
        self.member.stop()


async def fairlead(place: Place, url: str, folder: Path) -> Serving:
    """The API alone, as on a machine of its own; a schema is made beforehand."""
    async with workers.engine_on(url, folder):
        pass
    port = free_port()
    member = workers.start("serve", url, folder, slots=1, port=port, more=_UNLIMITED)
    place.processes.append(member.process)
    return await _ready(Serving("Fairlead", member, port, HEADERS), "/ok")


async def bare(place: Place, name: str) -> Serving:
    """An app of `bench.bare`: it reads the same body and answers, and keeps nothing."""
    port, log = free_port(), place.new_folder() / f"{name}.log"
    command = [
        sys.executable, "-m", "uvicorn", f"bench.bare:{name}", "--port", str(port), "--log-level", "warning",
        "--no-access-log", "--loop", "uvloop", "--http", "httptools",
    ]  # fmt: skip
    return await _ready(Serving(name.capitalize(), launched(place, command, log), port), "/ok")


def launched(place: Place, command: Sequence[str], log: Path) -> Member:
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=_ROOT, stdout=out, stderr=out)
    place.processes.append(process)
    return Member(process, log)


async def _ready(serving: Serving, path: str) -> Serving:
    await asyncio.to_thread(wait_until, lambda: _answers(serving, path), seconds=60)
    return serving


def _answers(serving: Serving, path: str) -> bool:
    if serving.member.process.poll() is not None:
        raise RuntimeError(f"{serving.name} died:\n{serving.member.log.read_text()[-3000:]}")
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{serving.port}{path}", timeout=2):
            return True
    except OSError:
        return False
