"""The one way to say that something happened.

    emit("llm_call", run_id=…, model=…, took=…)  ──►  each listener(event, fields)

A listener that fails is reported, at most once a minute, and never harms the speaker or the other listeners.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from fairlead.clock import Clock, SystemClock

Listener = Callable[[str, dict[str, Any]], None]
_REPORT_EVERY = 60.0  # seconds


class Emit(Protocol):
    """What speakers are given: `Emitter.emit`, or `silent`."""

    def __call__(self, event: str, /, **fields: Any) -> None: ...


def silent(event: str, /, **fields: Any) -> None:
    """An `Emit` that nobody hears."""


class Emitter:
    """Hands each event to the listeners that asked for it. Listeners are called at once, in order, on the
    speaker's thread: they must be quick and must not change `fields`, which all of them share. Who keeps them must know
    that what is in them may change: a task, an answer."""

    def __init__(self, clock: Clock | None = None, report: Callable[[str], object] | None = None) -> None:
        self._all: tuple[Listener, ...] = ()
        self._routes: dict[str, tuple[Listener, ...]] = {}
        self._clock = clock or SystemClock()
        self._report = report or _to_stderr
        self._failures: dict[int, _Failures] = {}
        self._lock = threading.Lock()

    def subscribe(self, listener: Listener, *, events: Iterable[str] | None = None) -> None:
        """From now on `listener` gets these events; None: all of them."""
        if events is None:
            self._all = (*self._all, listener)
            self._routes = {event: (*listeners, listener) for event, listeners in self._routes.items()}
            return
        for event in events:
            self._routes[event] = (*self._routes.get(event, self._all), listener)

    def emit(self, event: str, /, **fields: Any) -> None:
        for listener in self._routes.get(event, self._all):
            try:
                listener(event, fields)
            except Exception as error:  # noqa: BLE001 - a listener may fail in any way; the speaker must not
                self._failed(listener, event, error)

    def _failed(self, listener: Listener, event: str, error: Exception) -> None:
        with self._lock:
            failures = self._failures.setdefault(id(listener), _Failures())
            failures.count += 1
            now = self._clock.monotonic()
            if failures.reported_at is not None and now - failures.reported_at < _REPORT_EVERY:
                return
            failures.reported_at = now
        name = getattr(listener, "__qualname__", type(listener).__name__)
        self._tell(f"telemetry listener {name} failed on {event} ({failures.count} times so far): {error!r}")
        self._tell_others(listener, {"listener": name, "on": event, "count": failures.count, "message": repr(error)})

    def _tell(self, sentence: str) -> None:
        try:
            self._report(sentence)
        except Exception:  # noqa: BLE001 - nobody is left to be told
            pass

    def _tell_others(self, failed: Listener, fields: dict[str, Any]) -> None:
        for listener in self._routes.get("listener_failed", self._all):
            if listener is failed:
                continue
            try:
                listener("listener_failed", fields)
            except Exception:  # noqa: BLE001 - it will be reported when it fails on an event of its own
                pass


class _Failures:
    __slots__ = ("count", "reported_at")

    def __init__(self) -> None:
        self.count = 0
        self.reported_at: float | None = None


def _to_stderr(sentence: str) -> None:
    # repr-like escapes: the error's text may carry terminal codes of whoever caused it.
    sys.stderr.write(sentence.encode("ascii", "backslashreplace").decode() + "\n")
