"""The judge's file: what was sent, said by whoever sent it, synced before the call goes out."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Sale:
    pid: int
    caller: int
    bound: int
    cost: int
    settled: bool


class Till:
    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    async def sent(self, *, caller: int, bound: int, cost: int) -> None:
        """The call may go out."""
        os.write(self._fd, f"sent {os.getpid()} {caller} {bound} {cost}\n".encode())
        await asyncio.to_thread(os.fsync, self._fd)

    def settled(self, *, caller: int) -> None:
        os.write(self._fd, f"settled {os.getpid()} {caller}\n".encode())


def sales(path: Path) -> list[Sale]:
    """Each line is written in one piece. A last one without its end was never sent: the process died before."""
    if not path.exists():
        return []
    lines = [line.split() for line in path.read_text().rpartition("\n")[0].splitlines()]
    settled = {(pid, caller) for word, pid, caller, *_ in lines if word == "settled"}
    return [
        Sale(int(pid), int(caller), int(bound), int(cost), (pid, caller) in settled)
        for _, pid, caller, bound, cost in (line for line in lines if line[0] == "sent")
    ]
