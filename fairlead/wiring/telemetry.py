"""Who listens to what this process says: its log, its metrics, and traces and Sentry where they are set."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from fairlead.clock import Clock
from fairlead.config import Settings
from fairlead.operate.levels.counts import Counts
from fairlead.telemetry.emf import EmbeddedMetrics
from fairlead.telemetry.emit import Emit, Emitter
from fairlead.telemetry.logs import Log, renderer, take_over
from fairlead.telemetry.metrics import Metrics
from fairlead.telemetry.redact import Redactor
from fairlead.telemetry.sentry import Sentry
from fairlead.telemetry.sink import Sink
from fairlead.wiring.tracing import Tracing, open_tracing

STDERR = 2
_QUIET = (
    "httpx",
    "httpx2",
    "httpcore2",
    "uvicorn",
    "uvicorn.error",
    "uvicorn.access",
    "asyncio",
    "watchfiles",
    "aiohttp",
)


@dataclass(frozen=True, slots=True)
class Telemetry:
    emit: Emit
    metrics: Metrics
    counts: Counts
    log: Log
    sentry: Sentry | None = None
    tracing: Tracing | None = None
    embedded: EmbeddedMetrics | None = None

    def flush(self) -> None:
        """Send and write what waits now: nobody waits for others any longer."""
        if self.sentry:
            self.sentry.flush()
        if self.tracing:
            self.tracing.sender.flush()
        self.log.flush()

    def close(self) -> None:
        """Send and write what waits, for a few seconds at most."""
        if self.sentry:
            self.sentry.close()
        if self.tracing:
            self.tracing.sender.close()
        if self.embedded:
            self.embedded.flush()
        self.log.close()


def open_telemetry(settings: Settings, clock: Clock, *, descriptor: int = STDERR) -> Telemetry:
    """Lines go to a file descriptor. Takes over what libraries say, so it is called once in a process.
    Raises `ConfigurationError`: of a Sentry that can't be, and where traces are wanted and can't be sent."""
    chosen = settings.telemetry
    terminal = os.isatty(descriptor)
    redactor = redactor_of(settings)
    emitter = Emitter(clock)
    sentry = _sentry(settings, redactor, clock, emitter.emit)
    tracing = open_tracing(settings, clock, emitter.emit, redactor)
    sink = Sink(descriptor)
    log = Log(
        sink, clock=clock, level=chosen.log_level, service=settings.app.name,
        redactor=redactor, traced=tracing is not None,
        render=renderer(chosen.log_format, settings.app.environment, terminal=terminal),
    )  # fmt: skip
    take_over(log, level=chosen.log_level, quiet=_QUIET, others=[sentry.heard] if sentry else ())
    metrics = Metrics(CollectorRegistry())
    if tracing:
        emitter.subscribe(tracing.listener, events=tracing.listener.events)
    emitter.subscribe(log, events=log.events)
    emitter.subscribe(metrics, events=metrics.events)
    if sentry:
        emitter.subscribe(sentry, events=sentry.events)
    counts = Counts(clock)
    emitter.subscribe(counts, events=counts.events)
    embedded = None
    if chosen.cloudwatch_metrics:
        embedded = EmbeddedMetrics(sink.write, clock=clock, service=settings.app.name)
        emitter.subscribe(embedded, events=embedded.events)
    settings.vault.emit = emitter.emit
    return Telemetry(emitter.emit, metrics, counts, log, sentry, tracing, embedded)


def redactor_of(settings: Settings) -> Redactor:
    """Knows the secrets of this process, and what its owner does not want to be written."""
    return Redactor(settings.vault.words, tuple(map(re.compile, settings.telemetry.redact_patterns)))


def _sentry(settings: Settings, redactor: Redactor, clock: Clock, emit: Emit) -> Sentry | None:
    chosen = settings.telemetry
    dsn = settings.live("SENTRY_DSN").value
    if not dsn:
        return None
    return Sentry(
        dsn, environment=chosen.sentry_environment or settings.app.environment.value, release=settings.engine.release,
        service=settings.app.name, sample_rate=chosen.sentry_traces_sample_rate, redactor=redactor, clock=clock,
        emit=emit,
    )  # fmt: skip
