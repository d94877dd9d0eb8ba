"""The judge's file: what was sent, said by whoever sent it, synced before the call goes out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from fairlead.clock import SystemClock


@dataclass(frozen=True, slots=True)
class Sale:
    at: float
    pid: int
    caller: int
    bound: int
    cost: int


class Till:
    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def sent(self, *, caller: int, bound: int, cost: int) -> None:
        """Written in one piece: lines of several processes do not mix."""
        line = f"{SystemClock().monotonic()} {os.getpid()} {caller} {bound} {cost}\n"
        os.write(self._fd, line.encode())
        os.fsync(self._fd)


def sales(path: Path) -> list[Sale]:
    """A last line without its end was never sent: the process died before it went on."""
    if not path.exists():
        return []
    whole, _, _ = path.read_text().rpartition("\n")
    return [_sale(line) for line in whole.splitlines()]


def _sale(line: str) -> Sale:
    at, pid, caller, bound, cost = line.split()
    return Sale(float(at), int(pid), int(caller), int(bound), int(cost))
