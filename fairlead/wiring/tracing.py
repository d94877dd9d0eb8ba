"""Who sends traces, where a collector is set. Without one nothing of it is imported."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from fairlead import __version__
from fairlead.clock import Clock
from fairlead.config import Settings
from fairlead.errors import ConfigurationError
from fairlead.telemetry.emit import Emit
from fairlead.telemetry.redact import Redactor
from fairlead.telemetry.span import Wording
from fairlead.telemetry.span_sender import SpanSender


@dataclass(frozen=True, slots=True)
class Tracing:
    listener: Any
    sender: SpanSender


def open_tracing(settings: Settings, clock: Clock, emit: Emit, redactor: Redactor) -> Tracing | None:
    """None where OTEL_EXPORTER_OTLP_ENDPOINT is not set. Raises `ConfigurationError` when the extra is missing."""
    chosen = settings.telemetry
    if chosen.otlp_endpoint is None:
        return None
    try:
        otlp = import_module("fairlead.telemetry.otlp")
    except ImportError as error:
        raise ConfigurationError(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, and OpenTelemetry's messages are not installed.",
            hint="pip install 'fairlead[otel]'",
        ) from error
    traces = import_module("fairlead.telemetry.traces")
    service = {
        "service.name": chosen.service_name or settings.app.name,
        "service.version": settings.engine.release,
        "deployment.environment.name": settings.app.environment.value,
        "telemetry.distro.name": "fairlead",
        "telemetry.distro.version": __version__,
    }
    exporter = otlp.OtlpExporter(
        chosen.otlp_endpoint,
        settings.live("OTEL_EXPORTER_OTLP_HEADERS"),
        service=service,
        version=__version__,
        wording=Wording(redactor),
    )
    sender = SpanSender(exporter, clock=clock, emit=emit)
    listener = traces.Traces(
        sender.put, clock=clock, ratio=chosen.trace_ratio, previews=chosen.trace_previews, steps=chosen.trace_steps
    )
    return Tracing(listener, sender)
