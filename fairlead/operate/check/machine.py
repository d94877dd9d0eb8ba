"""Processors and memory of the machine, or of the container where that has less. From /proc and the control groups by
hand: Linux. Elsewhere they can't be told.

Where a control group has a limit, that counts beside the machine: a container is full long before its host is. Memory
that a group could give back at once (`inactive_file`) is not counted as used, as the kubelet does it:
https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#eviction-signals
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fairlead.ship.checklist.answer import Found
from fairlead.ship.checklist.facts import CouldNotAsk
from fairlead.ship.checklist.kernel import told, told_or_empty
from fairlead.ship.verdict import Verdict

CPU_FULL, MEMORY_FULL = 0.8, 0.8
_OVER = 1.0  # second
_NO_LIMIT = 1 << 60  # version 1 has no other word for it


@dataclass(frozen=True, slots=True)
class Share:
    """How much of what there is is used: 0 to 1, or more."""

    of: str
    used: float
    said: str


@dataclass(frozen=True, slots=True)
class _Group:
    """A control group that we are in, or one above it."""

    folder: Path
    version: int


class Machine:
    """`root`: where /proc and /sys are; tests have folders of their own."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._proc = root / "proc"
        self._groups = root / "sys/fs/cgroup"

    async def cpu(self) -> Found:
        """Over a second."""
        before = self._ticks(), self._group_time()
        await asyncio.sleep(_OVER)
        after = self._ticks(), self._group_time()
        busy, all_of_it = (now - was for was, now in zip(before[0], after[0], strict=True))
        count = os.cpu_count() or 1
        shares = [Share("machine", busy / all_of_it if all_of_it else 0.0, f"{count} processors")]
        for (folder, was), (_, now) in zip(before[1].items(), after[1].items(), strict=False):
            if allowed := self._allowed(folder):
                shares.append(Share("container", (now - was) / (_OVER * 1e6) / allowed, f"{allowed:g} processors"))
        load = os.getloadavg()[0]
        return _found(max(shares, key=lambda one: one.used), CPU_FULL, f", load {load:.2f}")

    async def memory(self) -> Found:
        known = self._meminfo()
        total, available = known["MemTotal"], known["MemAvailable"]
        shares = [Share("machine", 1 - available / total, f"{total / 1e9:.1f} GB")]
        shares += self._group_memory()
        return _found(max(shares, key=lambda one: one.used), MEMORY_FULL, "")

    def _ticks(self) -> tuple[int, int]:
        """Busy and all, of all processors. Waiting for a disk is not busy."""
        line = told(self._proc / "stat").splitlines()[0].split()
        if line[0] != "cpu":
            raise CouldNotAsk(f"{self._proc / 'stat'} has no line of all processors.")
        ticks = [int(one) for one in line[1:9]]  # what guests use is within the first two
        idle = ticks[3] + ticks[4]
        return sum(ticks) - idle, sum(ticks)

    def _meminfo(self) -> dict[str, int]:
        lines = (line.partition(":") for line in told(self._proc / "meminfo").splitlines())
        known = {name: int(value.split()[0]) * 1024 for name, _, value in lines if value.split()}
        if not known.get("MemTotal") or "MemAvailable" not in known:
            raise CouldNotAsk(f"{self._proc / 'meminfo'} does not say how much memory there is.")
        return known

    def _group_time(self) -> dict[_Group, int]:
        """Microseconds of processors that each group has used."""
        found: dict[_Group, int] = {}
        for group in self._groups_of("cpu", "cpuacct"):
            if group.version == 2:
                text = told_or_empty(group.folder / "cpu.stat")
                used = next((line.split()[1] for line in text.splitlines() if line.startswith("usage_usec")), "")
            else:
                used = told_or_empty(group.folder / "cpuacct.usage")[:-3]  # nanoseconds
            if used.isdecimal():
                found[group] = int(used)
        return found

    def _allowed(self, group: _Group) -> float | None:
        """Processors; None: no limit."""
        if group.version == 2:
            quota, _, period = told_or_empty(group.folder / "cpu.max").partition(" ")
        else:
            quota, period = (told_or_empty(group.folder / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
        if not quota.isdecimal() or not period.isdecimal() or int(quota) == 0 or int(period) == 0:
            return None
        return int(quota) / int(period)

    def _group_memory(self) -> Iterator[Share]:
        for group in self._groups_of("memory"):
            limit, used, stat, back = (
                ("memory.max", "memory.current", "memory.stat", "inactive_file")
                if group.version == 2
                else ("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat", "total_inactive_file")
            )
            most, now = told_or_empty(group.folder / limit), told_or_empty(group.folder / used)
            if not most.isdecimal() or not now.isdecimal() or not 0 < int(most) < _NO_LIMIT:
                continue
            lines = (line.split() for line in told_or_empty(group.folder / stat).splitlines())
            given_back = next((int(one[1]) for one in lines if len(one) == 2 and one[0] == back), 0)
            yield Share("container", max(0, int(now) - given_back) / int(most), f"{int(most) / 1e9:.1f} GB")

    def _groups_of(self, *kinds: str) -> Iterator[_Group]:
        """From ours up: a limit of any of them holds for us."""
        for line in told_or_empty(self._proc / "self/cgroup").splitlines():
            _, kind, path = line.split(":", 2)
            names = kind.split(",") if kind else []
            if names and not set(kinds) & set(names):
                continue
            roots = [self._groups / kind, *(self._groups / one for one in names)] if names else [self._groups]
            root = next((one for one in roots if one.is_dir()), None)
            if root is None:
                continue
            inner = root / path.lstrip("/")
            # In a container the path may be that of the host, which is not there: its own group is then the root.
            while True:
                if inner.is_dir():
                    yield _Group(inner, 1 if names else 2)
                if inner == root or root not in inner.parents:
                    break
                inner = inner.parent


def _found(share: Share, limit: float, more: str) -> Found:
    said = f"{share.used:.0%} of the {share.of}'s {share.said} used{more}; the limit is {limit:.0%}"
    return Found(Verdict.FAIL if share.used > limit else Verdict.PASS, said, "/proc")
