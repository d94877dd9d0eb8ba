"""The worker processes of a battery: started, struck, and started again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.crash.settings import Order

_REPOSITORY = Path(__file__).resolve().parents[2]
_FAKETIME = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/opt/homebrew/lib/faketime/libfaketime.1.dylib")


class Fleet:
    """Each slot is a worker process; `left` counts those that ended without being struck."""

    def __init__(self, order: Order, url_of: Callable[[int], str], *, slots: int, logs: Path) -> None:
        self.slots = slots
        self.left = 0
        self.no_clock = "" if _faketime() else "libfaketime is not installed (make system)"
        self._order = order
        self._url_of = url_of
        self._logs = logs
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._stopped: set[int] = set()
        self._drained: set[int] = set()

    def start(self, slot: int) -> None:
        if not self._clock(slot).exists():
            self.move_clock(slot, 0)
        order = replace(self._order, database=self._url_of(slot))
        with (self._logs / f"worker-{slot}.log").open("ab") as log:
            self._processes[slot] = subprocess.Popen(
                [sys.executable, "-m", "tests.crash.worker", order.written()],
                cwd=_REPOSITORY, stdout=log, stderr=log, env={**os.environ, **self._fake_clock(slot)},
            )  # fmt: skip
        self._drained.discard(slot)

    def start_all(self) -> None:
        for slot in range(self.slots):
            self.start(slot)

    def pid(self, slot: int) -> int:
        return self._processes[slot].pid

    def pids(self) -> list[int]:
        return [process.pid for process in self._processes.values()]

    def slot_of(self, pid: int) -> int | None:
        return next((slot for slot, process in self._processes.items() if process.pid == pid), None)

    def kill(self, slot: int) -> None:
        self._processes[slot].kill()
        self._processes[slot].wait()
        self._stopped.discard(slot)

    def stop(self, slot: int) -> None:
        self._send(slot, signal.SIGSTOP)
        self._stopped.add(slot)

    def go_on(self, slot: int) -> None:
        self._send(slot, signal.SIGCONT)
        self._stopped.discard(slot)

    async def drain(self, slot: int) -> int:
        """SIGTERM; answers the exit code. Killed when it does not end."""
        self._drained.add(slot)
        self._send(slot, signal.SIGTERM)
        for _ in range(300):
            if (code := self._processes[slot].poll()) is not None:
                return code
            await asyncio.sleep(0.05)
        self._send(slot, signal.SIGUSR1)
        await asyncio.sleep(0.3)
        self.kill(slot)
        return -signal.SIGKILL

    def revive(self) -> None:
        """Start those that ended by themselves, as a supervisor does."""
        for slot, process in self._processes.items():
            if process.poll() is not None:
                self.left += 1
                self.start(slot)

    def move_clock(self, slot: int, hours: int) -> None:
        self._clock(slot).write_text(f"{hours:+d}h\n")

    def end(self) -> None:
        for slot in self._processes:
            self.kill(slot)

    def log_tail(self, lines: int = 12) -> str:
        texts = [f"{path.name}:\n" + "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
                 for path in sorted(self._logs.glob("worker-*.log"))]  # fmt: skip
        return "\n".join(texts)

    def _send(self, slot: int, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._processes[slot].send_signal(number)

    def _clock(self, slot: int) -> Path:
        return self._logs / f"clock-{slot}"

    def _fake_clock(self, slot: int) -> dict[str, str]:
        library = _faketime()
        if library is None:
            return {}
        return {
            "LD_PRELOAD": str(library), "DYLD_INSERT_LIBRARIES": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._clock(slot)), "FAKETIME_CACHE_DURATION": "1",
            # Only the wall clock is moved: timers of a process go by the other one.
            "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }  # fmt: skip


def _faketime() -> Path | None:
    return next((found for pattern in _FAKETIME for found in Path("/").glob(pattern.lstrip("/"))), None)
