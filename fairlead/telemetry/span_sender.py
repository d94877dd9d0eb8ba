"""Sends spans without making anyone wait: a collector that is gone, slow or full costs spans, never a run.

    draft ──► queue (bounded) ──► a thread: made fit to be sent ──► exporter (OTLP over HTTP)

What was lost is counted, and told once a minute; when the collector takes spans again, that is told too.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple, Protocol

from fairlead.clock import Clock
from fairlead.telemetry.emit import Emit
from fairlead.telemetry.span import Noted

_GATHER = 0.25  # seconds: spans that come together are sent together, and what a killed process had not sent is lost
_BATCH = 512
_TRIES = 8  # of a batch: a collector that is started anew is away for so long
_AGAIN = 5.0  # seconds between them
_TELL_EVERY = 60.0  # seconds


class Refused(NamedTuple):
    """Why a batch was not taken, and whether another try may help."""

    why: str
    again: bool = True
    wait: timedelta = timedelta(0)  # the least before it
    lost: int | None = None  # of its spans; None: all


class Exporter(Protocol):
    """What spans leave by."""

    def send(self, drafts: Sequence[Noted]) -> Refused | None:
        """None when the collector took them. May take seconds; never raises."""
        ...

    def close(self) -> None:
        """Also from another thread than one that sends."""
        ...


class SpanSender:
    """Beyond `limit` waiting spans the newest are dropped and counted."""

    def __init__(
        self,
        exporter: Exporter,
        *,
        clock: Clock,
        emit: Emit,
        limit: int = 20_000,
        gather: float = _GATHER,
        again: float = _AGAIN,
    ) -> None:
        self._exporter = exporter
        self._clock = clock
        self._emit = emit
        self._limit = limit
        self._gather = gather
        self._again = again
        self._drafts: deque[Noted] = deque()
        self._overflown = 0
        self._lost = 0
        self._lost_since: float | None = None
        self._told_at: float | None = None
        self._error = ""
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._hurry = threading.Event()
        self._idle = threading.Event()
        self._thread = threading.Thread(target=self._run, name="span-sender", daemon=True)
        self._thread.start()

    def put(self, draft: Noted) -> None:
        if len(self._drafts) >= self._limit:
            self._overflown += 1
            return
        self._drafts.append(draft)
        if not self._wake.is_set():
            self._wake.set()

    def flush(self, timeout: timedelta = timedelta(seconds=3)) -> bool:
        """Send what waits now, and no later; whether that was done in time."""
        self._idle.clear()
        self._hurry.set()
        self._wake.set()
        return self._idle.wait(timeout.total_seconds())

    def close(self, timeout: timedelta = timedelta(seconds=3)) -> None:
        """Send what waits, for at most so long; what can't be sent by then is lost, and told."""
        self._stop.set()
        self._hurry.set()
        self._wake.set()
        self._thread.join(timeout.total_seconds())
        self._exporter.close()
        left = len(self._drafts)
        if left or self._lost or self._overflown:
            self._emit(
                "traces_lost", count=self._lost + self._overflown + left, error=self._error or "not sent in time"
            )

    def _run(self) -> None:
        while not (self._stop.is_set() and not self._drafts):
            self._wake.wait()
            if len(self._drafts) < _BATCH:
                self._hurry.wait(self._gather)
            self._wake.clear()
            self._hurry.clear()
            while self._drafts:
                batch = [self._drafts.popleft() for _ in range(min(len(self._drafts), _BATCH))]
                refused = self._sent(batch)
                lost = 0 if refused is None else len(batch) if refused.lost is None else refused.lost
                self._account(refused.why if refused else "", lost)
                if self._error and self._stop.is_set():
                    return
            self._idle.set()

    def _sent(self, batch: list[Noted]) -> Refused | None:
        tried = 0
        while True:
            refused = self._exporter.send(batch)
            tried += 1
            if refused is None or not refused.again or tried == _TRIES:
                return refused
            self._error = refused.why
            if self._stop.wait(max(self._again, refused.wait.total_seconds())):
                return refused

    def _account(self, error: str, count: int) -> None:
        overflown, self._overflown = self._overflown, 0
        now = self._clock.monotonic()
        if error:
            self._lost_since = now if self._lost_since is None else self._lost_since
            self._lost += count
        if error or overflown:
            self._error = error or "more spans than can be sent"
            self._lost += overflown
            if self._told_at is None or now - self._told_at >= _TELL_EVERY:
                self._told_at, lost, self._lost = now, self._lost, 0
                self._emit("traces_lost", count=lost, error=self._error)
            return
        self._error = ""
        if self._lost_since is not None:
            took = timedelta(seconds=now - self._lost_since)
            self._lost_since = self._told_at = None
            lost, self._lost = self._lost, 0
            self._emit("traces_sent", took=took, count=lost)
