"""Who listens to what this process says: its log and its metrics."""

from __future__ import annotations

import os
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from fairlead.clock import Clock
from fairlead.config import Settings
from fairlead.telemetry.emit import Emit, Emitter
from fairlead.telemetry.logs import Log, renderer, take_over
from fairlead.telemetry.metrics import Metrics
from fairlead.telemetry.redact import Redactor
from fairlead.telemetry.sink import Sink

STDERR = 2
_QUIET = ("httpx", "uvicorn", "uvicorn.error", "uvicorn.access", "asyncio", "watchfiles", "aiohttp")


@dataclass(frozen=True, slots=True)
class Telemetry:
    emit: Emit
    metrics: Metrics
    log: Log

    def close(self) -> None:
        """Write the lines that wait."""
        self.log.close()


def open_telemetry(settings: Settings, clock: Clock, *, descriptor: int = STDERR) -> Telemetry:
    """Lines go to a file descriptor. Takes over what libraries say, so it is called once in a process."""
    chosen = settings.telemetry
    terminal = os.isatty(descriptor)
    log = Log(
        Sink(descriptor), clock=clock, level=chosen.log_level, service=settings.app.name,
        redactor=Redactor(settings.secret_values()),
        render=renderer(chosen.log_format, settings.app.environment, terminal=terminal),
    )  # fmt: skip
    take_over(log, level=chosen.log_level, quiet=_QUIET)
    metrics = Metrics(CollectorRegistry())
    emitter = Emitter(clock)
    emitter.subscribe(log, events=log.events)
    emitter.subscribe(metrics, events=metrics.events)
    return Telemetry(emitter.emit, metrics, log)
