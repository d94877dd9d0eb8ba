"""Writes lines without making anyone wait: a slow, full or broken log costs lines, never a run."""

from __future__ import annotations

import atexit
import os
import threading
from collections import deque
from collections.abc import Callable

import orjson

Line = bytes | Callable[[], bytes]
"""As it is written; or what makes it, which is asked on the thread that writes."""

# Seconds: lines that come together are made and written together, which is half the work; what a killed process had not
# written is lost.
_GATHER = 0.1
_RETRY = 1.0


class Sink:
    """One thread that writes to a file descriptor. Beyond `limit` waiting lines the newest are dropped and counted;
    a line says how many as soon as one can be written again. What waits when the process ends is written."""

    def __init__(self, descriptor: int, *, limit: int = 20_000, gather: float = _GATHER) -> None:
        self._descriptor = descriptor
        self._limit = limit
        self._gather = gather
        self._lines: deque[Line] = deque()
        self._dropped = 0
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._hurry = threading.Event()
        self._idle = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log-sink", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def write(self, line: Line, *, urgent: bool = False) -> None:
        """`urgent`: others are not waited for."""
        if len(self._lines) >= self._limit:
            self._dropped += 1
            return
        self._lines.append(line)
        if not self._wake.is_set():
            self._wake.set()
        if urgent:
            self._hurry.set()

    def flush(self, timeout: float = 2.0) -> bool:
        """Write what waits now, and no later; whether that was done within `timeout` seconds."""
        self._idle.clear()
        self._hurry.set()
        self._wake.set()
        return self._idle.wait(timeout)

    def close(self, timeout: float = 2.0) -> None:
        """Write what waits, for at most `timeout` seconds."""
        atexit.unregister(self.close)
        self._stop.set()
        self._hurry.set()
        self._wake.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._hurry.wait(self._gather)
            self._wake.clear()
            self._hurry.clear()
            stopping = self._stop.is_set()
            self._write_waiting(stopping)
            self._idle.set()
            if stopping and not self._lines:
                return

    def _write_waiting(self, stopping: bool) -> None:
        while self._lines:
            lines = [self._made(self._lines.popleft()) for _ in range(min(len(self._lines), 1000))]
            if self._dropped:
                dropped, self._dropped = self._dropped, 0
                lines.append(orjson.dumps({"event": "log_lines_dropped", "level": "error", "count": dropped}) + b"\n")
            rest = self._put(b"".join(lines))
            if rest and stopping:
                self._lines.clear()
            elif rest:
                self._lines.appendleft(rest)
                self._stop.wait(_RETRY)

    def _made(self, line: Line) -> bytes:
        if isinstance(line, bytes):
            return line
        try:
            return line()
        except Exception:  # noqa: BLE001 - it is counted with those that were dropped; the others are written
            self._dropped += 1
            return b""

    def _put(self, data: bytes) -> bytes:
        """What could not be written."""
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except OSError:  # full, broken, or not ready: the caller tries again
                return data
        return b""
