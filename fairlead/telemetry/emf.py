"""Metrics in the log, as CloudWatch reads them: Embedded Metric Format
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).

A line a minute for each release that ended runs in it: `ErrorRate` in percent and `Latency` in milliseconds, in the
namespace AgentService, by `Version`. A minute without a run has none: a rate of nothing is not zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson

from fairlead.clock import Clock

NAMESPACE = "AgentService"
_EVERY = 60.0  # seconds
_MOST_VALUES = 100  # of one metric in a line, by the specification
_MOST_RELEASES = 50
_FAILED = ("error", "timeout")


@dataclass(slots=True)
class _Minute:
    ended: int = 0
    failed: int = 0
    latencies: list[float] = field(default_factory=list[float])


class EmbeddedMetrics:
    """A listener for `Emitter.subscribe(one, events=one.events)`. `write` takes a line. What a killed process had
    counted and not written is lost: a minute of it."""

    events = ("agent_completed",)

    def __init__(self, write: Callable[[bytes], object], *, clock: Clock, service: str) -> None:
        self._write = write
        self._clock = clock
        self._service = service
        self._releases: dict[str, _Minute] = {}
        self._since = clock.monotonic()

    def __call__(self, _event: str, fields: dict[str, Any], /) -> None:
        now = self._clock.monotonic()
        if now - self._since >= _EVERY:
            self.flush()
        release = str(fields.get("release") or "unknown")[:100]
        if release not in self._releases and len(self._releases) >= _MOST_RELEASES:
            release = "other"
        minute = self._releases.setdefault(release, _Minute())
        minute.ended += 1
        minute.failed += fields["status"] in _FAILED
        took: timedelta | None = fields.get("took")
        if took is not None and len(minute.latencies) < _MOST_VALUES:
            minute.latencies.append(round(took.total_seconds() * 1000, 1))

    def flush(self) -> None:
        """Write what was counted since the last time."""
        releases, self._releases, self._since = self._releases, {}, self._clock.monotonic()
        for release, minute in releases.items():
            self._write(self._line(release, minute))

    def _line(self, release: str, minute: _Minute) -> bytes:
        metrics = [{"Name": "ErrorRate", "Unit": "Percent"}]
        values: dict[str, Any] = {"ErrorRate": round(100 * minute.failed / minute.ended, 3)}
        if minute.latencies:
            metrics.append({"Name": "Latency", "Unit": "Milliseconds"})
            values["Latency"] = minute.latencies
        directive = {"Namespace": NAMESPACE, "Dimensions": [["Version"]], "Metrics": metrics}
        about = {"Timestamp": self._clock.micros() // 1000, "CloudWatchMetrics": [directive]}
        line = {
            "_aws": about,
            "service": self._service,
            "Version": release.encode("utf-8", "replace").decode(),
            **values,
        }
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
