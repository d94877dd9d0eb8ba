"""The judge's file: what was sent, said by whoever sent it, synced before the call goes out."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Sale:
    pid: int
    caller: int
    bound: int
    cost: int
    settled: bool


@dataclass(frozen=True, slots=True)
class Roll:
    """What the file says. `open`: by process, callers who asked and of whom nothing more was heard."""

    sales: list[Sale]
    open: dict[int, int]

    def under_way(self, pids: list[int]) -> list[Sale]:
        return [sale for sale in self.sales if sale.pid in pids and not sale.settled]


class Till:
    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def asked(self, caller: int) -> None:
        self._say(f"asked {os.getpid()} {caller}")

    async def sent(self, caller: int, *, bound: int, cost: int) -> None:
        """The call may go out."""
        self._say(f"sent {os.getpid()} {caller} {bound} {cost}")
        await asyncio.to_thread(os.fsync, self._fd)

    def settled(self, caller: int) -> None:
        self._say(f"settled {os.getpid()} {caller}")

    def refused(self, caller: int) -> None:
        self._say(f"refused {os.getpid()} {caller}")

    def _say(self, line: str) -> None:
        os.write(self._fd, f"{line}\n".encode())  # in one piece: lines of several processes do not mix


def read(path: Path) -> Roll:
    """A last line without its end was never sent: the process died before."""
    text = path.read_text() if path.exists() else ""
    lines = [line.split() for line in text.rpartition("\n")[0].splitlines()]
    said: dict[str, set[tuple[str, str]]] = {word: set() for word in ("asked", "sent", "settled", "refused")}
    for word, pid, caller, *_ in lines:
        said[word].add((pid, caller))
    sales = [
        Sale(int(pid), int(caller), int(bound), int(cost), (pid, caller) in said["settled"])
        for _, pid, caller, bound, cost in (line for line in lines if line[0] == "sent")
    ]
    waiting = said["asked"] - said["sent"] - said["refused"]
    return Roll(sales, Counter(int(pid) for pid, _ in waiting))
