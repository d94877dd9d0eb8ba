"""Drives the callers: each in a process of its own, warmed once, then a round of one and a round of the next."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.figure import percentile
from bench.place import Place
from bench.workers import Member

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / ".venv-peers/bin/python"


@dataclass(frozen=True, slots=True)
class Round:
    """Calls of one caller; times in milliseconds, CPU in seconds of all its threads."""

    took: list[float]
    cpu: float

    @property
    def p50(self) -> float:
        return median(self.took)

    @property
    def p99(self) -> float:
        return percentile(self.took, 99)

    @property
    def per_cpu_second(self) -> float:
        return len(self.took) / self.cpu

    def __add__(self, other: Round) -> Round:
        return Round([*self.took, *other.took], self.cpu + other.cpu)


@dataclass(slots=True, eq=False)
class Caller:
    """`name` is its module, `start_cpu` the seconds until it was ready, mostly imports."""

    name: str
    member: Member
    start_cpu: float
    _answers: asyncio.StreamReader

    async def round(self, *, calls: int, together: int = 1) -> Round:
        stdin = self.member.process.stdin
        assert stdin is not None
        stdin.write(json.dumps({"calls": calls, "together": together}).encode() + b"\n")
        stdin.flush()
        said = await self._next()
        return Round([nano / 1e6 for nano in said["took"]], said["cpu"])

    async def _next(self) -> dict[str, Any]:
        async with asyncio.timeout(120):
            line = await self._answers.readline()
        if not line:
            raise RuntimeError(f"{self.name} died:\n{self.member.log.read_text()[-3000:]}")
        return json.loads(line)

    def stop(self) -> None:
        self.member.stop(9)


Rounds = dict[Caller, list[Round]]
PIECES = 4  # of a round


async def in_turn(everyone: Sequence[Caller], calls: Callable[[Caller], int], *, together: int, times: int) -> Rounds:
    """`times` rounds of each. A round is made of pieces that alternate with those of the others: on a busy machine
    whatever disturbs one disturbs all."""
    rounds: Rounds = {one: [] for one in everyone}
    for one in everyone:  # warms it, and fills what it keeps
        await one.round(calls=calls(one), together=together)
    for _ in range(times):
        pieces = {one: Round([], 0.0) for one in everyone}
        for _ in range(PIECES):
            for one in everyone:
                pieces[one] += await one.round(calls=max(together, calls(one) // PIECES), together=together)
        for one in everyone:
            rounds[one].append(pieces[one])
    return rounds


async def start(
    place: Place,
    name: str,
    *arguments: str,
    python: str | Path = sys.executable,
    more: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
) -> Caller:
    """`name` is a module of `bench.callers`."""
    reads, writes = os.pipe()
    log = place.new_folder() / f"{name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(python), "-m", f"bench.callers.{name}", str(writes), *arguments],
            stdin=subprocess.PIPE, stdout=out, stderr=out, pass_fds=[writes], cwd=cwd,
            env={"PATH": os.environ["PATH"], "HOME": str(log.parent), "PYTHONPATH": str(ROOT), **(more or {})},
        )  # fmt: skip
    place.processes.append(process)
    os.close(writes)
    answers = asyncio.StreamReader(limit=1 << 24)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(answers), os.fdopen(reads, "rb"))
    caller = Caller(name, Member(process, log), 0.0, answers)
    caller.start_cpu = (await caller._next())["cpu"]
    return caller
