"""Ids that sort by time (UUIDv7, RFC 9562), and ids that follow from what they stand for."""

from __future__ import annotations

import os
import threading
from datetime import datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from fairlead.clock import Clock, to_micros

_RANDOM, _VARIANT = (1 << 62) - 1, 0b10 << 62


class Ids:
    """New ids, each greater than the one before, whatever the clock does."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0
        self._lock = threading.Lock()

    def new(self) -> str:
        with self._lock:
            # 48 bits of milliseconds and 12 of their fraction; a clock that stands or goes back counts on.
            moment = max(self._clock.micros() * 4096 // 1000, self._last + 1)
            self._last = moment
        millis, fraction = divmod(moment, 4096)
        tail = int.from_bytes(os.urandom(8)) & _RANDOM | _VARIANT
        digits = f"{millis:012x}7{fraction:03x}{tail:016x}"
        # Not through UUID, which takes four times as long to come to the same.
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def first_id(moment: datetime) -> str:
    """No id that was made at the moment or later sorts before it."""
    digits = f"{max(to_micros(moment), 0) // 1000:012x}"
    return f"{digits[:8]}-{digits[8:12]}"


def derived_id(run_id: str, *parts: str) -> str:
    """Always the same id for the same parts: what is made twice is one thing. It sorts beside its run, so that a child
    is neither always the newest of a list nor always the last of a queue."""
    derived = uuid5(NAMESPACE_URL, "/".join((run_id, *parts)))
    try:
        moment = UUID(run_id).int >> 64
    except ValueError:  # a run may be named by whoever submits it
        return str(derived)
    return str(UUID(int=(moment << 64) | (derived.int & ((1 << 64) - 1))))
