"""The log: one line for each event that is to be heard, as JSON or for a terminal.

    event ─► stamped, with its task's context ─► sink (a thread): bound ids ─► compose (translate, redact) ─► render

Run events are always logged; the rest by LOG_LEVEL. What agents say through structlog, and libraries through
`logging`, takes the same way when `take_over` was called.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextvars import Context, copy_context
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from fairlead.clock import Clock
from fairlead.config import Environment, LogFormat, LogLevel
from fairlead.telemetry.bound import ids_in
from fairlead.telemetry.catalogue import EVENTS, EventSpec, Heard
from fairlead.telemetry.line import Composer, Render, as_json, for_people
from fairlead.telemetry.redact import Redactor
from fairlead.telemetry.sink import Line
from fairlead.telemetry.structlog_door import hand_over_structlog
from fairlead.telemetry.trace_context import current_in

_URGENT = frozenset(("error", "critical", "exception"))  # the process may be about to end
_LEVELS = {name: spec.level.value for name, spec in EVENTS.items()}


class Paper(Protocol):
    """What lines are written on: a `Sink`."""

    def write(self, line: Line, *, urgent: bool = False) -> None: ...
    def flush(self) -> object: ...
    def close(self) -> None: ...


class Overhearing(Protocol):
    """Who else is told what libraries log: `Sentry.heard`."""

    def __call__(self, level: str, fields: Mapping[str, Any], error: BaseException | None, /) -> None: ...


class Log:
    """A listener for `Emitter.subscribe(log, events=log.events)`."""

    def __init__(
        self,
        sink: Paper,
        *,
        clock: Clock,
        level: LogLevel = LogLevel.INFO,
        service: str = "fairlead",
        redactor: Redactor | None = None,
        render: Render = as_json,
        traced: bool = False,
    ) -> None:
        self._sink = sink
        self._traced = traced
        self._level = level
        self._clock = clock
        self._compose = Composer(redactor or Redactor(), service=service)
        self._render = render

    @property
    def events(self) -> tuple[str, ...]:
        """The events that make a line at this level."""
        return tuple(name for name, spec in EVENTS.items() if self._hears(spec))

    def __call__(self, event: str, fields: dict[str, Any], /) -> None:
        self.say(_LEVELS.get(event, "info"), event, fields)

    def say(self, level: str, event: str, fields: dict[str, Any]) -> None:
        """Notes what is said, as it is now: it is put into words by whoever writes it, many lines at a time."""
        noted = self._compose.settled(fields)
        line = partial(self._line, copy_context(), self._clock.now(), level, event, noted)
        self._sink.write(line, urgent=level in _URGENT)

    def _line(self, task: Context, at: datetime, level: str, event: str, fields: Mapping[str, Any]) -> bytes:
        ids = ids_in(task)
        if self._traced and (trace := current_in(task)) is not None:
            ids = {"trace_id": trace.trace_hex, **ids}
        return self._render(self._compose(at, level, event, fields, ids))

    def flush(self) -> None:
        """Write what waits now."""
        self._sink.flush()

    def close(self) -> None:
        self._sink.close()

    def _hears(self, spec: EventSpec) -> bool:
        return spec.heard is Heard.ALWAYS or (spec.heard is Heard.BY_LEVEL and self.audible(spec.level))

    def audible(self, level: str) -> bool:
        return logging.getLevelNamesMapping()[level.upper()] >= logging.getLevelNamesMapping()[self._level]


def renderer(format_: LogFormat, environment: Environment, *, terminal: bool) -> Render:
    """JSON, but for a developer at a terminal."""
    at_desk = terminal and environment is Environment.DEVELOPMENT
    if format_ is LogFormat.CONSOLE or (format_ is LogFormat.AUTO and at_desk):
        return for_people(colours=terminal)
    return as_json


def take_over(
    log: Log, *, level: LogLevel, quiet: Iterable[str] = ("httpx", "uvicorn.access", "asyncio"),
    others: Iterable[Overhearing] = (),
) -> None:  # fmt: skip
    """Send this process's structlog and `logging` through `log`. Called once, where a process starts."""
    others = tuple(others)
    root = logging.getLogger()
    root.handlers[:] = [LibraryHandler(log, others)]
    root.setLevel(level.value)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        library = logging.getLogger(name)
        library.handlers[:] = []
        library.propagate = True
    for name in quiet:
        logging.getLogger(name).setLevel(logging.WARNING)
    hand_over_structlog(_to(log, others), logging.getLevelNamesMapping()[level])


def _to(log: Log, others: Iterable[Overhearing]) -> Callable[[str, Any], None]:
    def hand_over(method: str, fields: Any) -> None:
        trace = fields.pop("exc_info", None)
        if trace:
            fields["trace"] = traceback.format_exc()
        message = str(fields.pop("event", ""))
        said = {**fields, "logger": "structlog", "message": message}
        log.say(method, "library_log", said)
        for other in others:
            other(method, said, sys.exception() if trace else None)

    return hand_over


class LibraryHandler(logging.Handler):
    """What a library said through `logging`, as one of our lines."""

    def __init__(self, log: Log, others: Iterable[Overhearing] = ()) -> None:
        super().__init__()
        self._log = log
        self._others = tuple(others)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            fields: dict[str, Any] = {"logger": record.name, "message": record.getMessage()}
            if record.exc_info and record.exc_info[1]:
                fields["trace"] = "".join(traceback.format_exception(record.exc_info[1]))
            level = record.levelname.lower()
            self._log.say(level, "library_log", fields)
            for other in self._others:
                other(level, fields, record.exc_info[1] if record.exc_info else None)
        except Exception:  # noqa: BLE001 - the same rule as for every listener: the speaker is not harmed
            self.handleError(record)
