"""Who listens to what this process says: its log, its metrics, and traces and Sentry where they are set."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from fairlead.clock import Clock
from fairlead.config import Settings
from fairlead.operate.levels.counts import Counts
from fairlead.telemetry.emf import EmbeddedMetrics
from fairlead.telemetry.emit import Emit, Emitter
from fairlead.telemetry.logs import URGENT, Log, renderer, take_over
from fairlead.telemetry.metrics import Metrics
from fairlead.telemetry.notes import Notes
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
    sink: Sink
    notes: Notes
    sentry: Sentry | None = None
    tracing: Tracing | None = None
    embedded: EmbeddedMetrics | None = None

    def flush(self) -> None:
        """Send and write what waits now: nobody waits for others any longer."""
        self.log.flush()  # first: what is noted is told by it
        if self.sentry:
            self.sentry.flush()
        if self.tracing:
            self.tracing.sender.flush()

    def close(self) -> None:
        """Send and write what waits, for a few seconds at most."""
        self.notes.catch_up()
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
    sink = Sink(descriptor)
    log = Log(
        sink, clock=clock, level=chosen.log_level, service=settings.app.name,
        redactor=redactor, traced=chosen.otlp_endpoint is not None,
        render=renderer(chosen.log_format, settings.app.environment, terminal=terminal),
    )  # fmt: skip
    notes = Notes(sink, clock=clock, settled=log.settled, failed=emitter.failed, urgent=URGENT)
    tracing = open_tracing(settings, clock, emitter.emit, redactor, notes.catch_up)
    sentry = _sentry(settings, redactor, clock, emitter.emit, notes.catch_up)
    take_over(log, level=chosen.log_level, quiet=_QUIET, others=[sentry.heard] if sentry else ())
    metrics, counts = Metrics(CollectorRegistry(), catch_up=notes.catch_up), Counts(clock, catch_up=notes.catch_up)
    embedded = None
    if tracing:
        emitter.subscribe(tracing.listener, events=tracing.listener.at_once)
        notes.tell(tracing.listener.later, events=tracing.listener.calls)
    if sentry:
        emitter.subscribe(sentry.hear_at_once, events=sentry.at_once)
        notes.tell(sentry.later, events=sentry.events, with_task=False)
    notes.tell(log.later, events=log.events)
    for listener in (metrics, counts):
        notes.tell(listener.later, events=listener.events, with_task=False)
    emitter.subscribe(notes, events=notes.events)
    if chosen.cloudwatch_metrics:
        embedded = EmbeddedMetrics(sink.write, clock=clock, service=settings.app.name)
        emitter.subscribe(embedded, events=embedded.events)
    settings.vault.emit = emitter.emit
    return Telemetry(emitter.emit, metrics, counts, log, sink, notes, sentry, tracing, embedded)


def redactor_of(settings: Settings) -> Redactor:
    """Knows the secrets of this process, and what its owner does not want to be written."""
    return Redactor(settings.vault.words, tuple(map(re.compile, settings.telemetry.redact_patterns)))


def _sentry(
    settings: Settings, redactor: Redactor, clock: Clock, emit: Emit, catch_up: Callable[[], None]
) -> Sentry | None:
    chosen = settings.telemetry
    dsn = settings.live("SENTRY_DSN").value
    if not dsn:
        return None
    return Sentry(
        dsn, environment=chosen.sentry_environment or settings.app.environment.value, release=settings.engine.release,
        service=settings.app.name, sample_rate=chosen.sentry_traces_sample_rate, redactor=redactor, clock=clock,
        emit=emit, catch_up=catch_up,
    )  # fmt: skip
