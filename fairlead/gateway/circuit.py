"""When to leave a provider alone: a circuit is just states, moved by what its calls came to.

    closed ──too many errors──► open ──its time is over──► half-open: one probe
       ▲                         ▲                            │
       └──────── it answered ────┼────────────────────────────┤
                                 └───────── it failed ────────┘

Two reasons to open: more than half of the calls of a window failed, given enough of them (for `rate_open`); so many
failed one after another (for `run_open`).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


_CLOSED = State.CLOSED  # found through its class it takes ten times as long, and each call asks three times


@dataclass(frozen=True, slots=True)
class CircuitPolicy:
    """The thresholds; `consecutive` errors take a provider out for longer than a high rate of them does."""

    error_rate: float = 0.5
    min_volume: int = 10
    window: timedelta = timedelta(seconds=60)
    rate_open: timedelta = timedelta(seconds=30)
    consecutive: int = 5
    run_open: timedelta = timedelta(seconds=300)


class Circuit:
    """Of one provider in one process. Times are of a monotonic clock, in seconds."""

    def __init__(self, policy: CircuitPolicy | None = None) -> None:
        self._policy = policy or CircuitPolicy()
        self._window = self._policy.window.total_seconds()
        self._recent: deque[list[float]] = deque()  # [second, calls, failures]
        self._in_a_row = 0
        self._opened_for = 0.0
        self._until = 0.0
        self._probing = False
        self.state = State.CLOSED
        self.reason = ""
        self.heard = False
        """A call has told something of the provider."""

    def admits(self, now: float) -> bool:
        """Whether a call may go now. The first after an open period is its probe, and the only one."""
        if self.state is _CLOSED:
            return True
        if self.state is State.OPEN and now >= self._until:
            self.state = State.HALF_OPEN
            self._probing = False
        if self.state is State.HALF_OPEN and not self._probing:
            self._probing = True
            return True
        return False

    def opens_in(self, now: float) -> float:
        """Seconds until a probe may go."""
        return max(self._until - now, 0.0)

    def answered(self, now: float) -> None:
        self._in_a_row = 0
        self.heard = True
        if self.state is _CLOSED:
            self._count(now, failed=0)
            return
        if self.state is State.HALF_OPEN:
            self.state, self._probing = State.CLOSED, False
            self._recent.clear()

    def failed(self, now: float) -> None:
        policy = self._policy
        self.heard = True
        if self.state is State.HALF_OPEN:
            self._open(now, self._opened_for, "the probe failed")
            return
        if self.state is State.OPEN:
            return
        self._in_a_row += 1
        calls, failures = self._count(now, failed=1)
        if self._in_a_row >= policy.consecutive:
            self._open(now, policy.run_open.total_seconds(), f"{self._in_a_row} errors in a row")
        elif calls >= policy.min_volume and failures > calls * policy.error_rate:
            self._open(now, policy.rate_open.total_seconds(), f"{failures:.0f} of {calls:.0f} calls failed")

    def undecided(self) -> None:
        """The call said nothing of the provider: it was cancelled, or never sent. Another may be the probe."""
        self._probing = False

    def _open(self, now: float, seconds: float, reason: str) -> None:
        self.state, self.reason = State.OPEN, reason
        self._opened_for, self._until = seconds, now + seconds
        self._probing, self._in_a_row = False, 0
        self._recent.clear()

    def _count(self, now: float, *, failed: int) -> tuple[float, float]:
        second, recent = float(int(now)), self._recent
        if recent and recent[-1][0] == second:
            recent[-1][1] += 1
            recent[-1][2] += failed
        else:
            recent.append([second, 1, failed])
        oldest = now - self._window
        while recent[0][0] < oldest:
            recent.popleft()
        if not failed:
            return 0, 0
        return sum([one[1] for one in recent]), sum([one[2] for one in recent])
