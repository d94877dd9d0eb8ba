"""How long the requests of an instance took, by its own /metrics."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterable

from fairlead.ship.evidence import Histogram, merged, unstacked

_BUCKET = re.compile(r"^http_request_duration_seconds_bucket\{(.*)\} ([0-9.eE+]+)", re.MULTILINE)
_END = re.compile(r'(?:^|,)le="([^"]+)"')
_OURS = re.compile(r'endpoint="/(?:health|metrics)')  # asked by whoever watches, and not by callers
_PATIENCE = 2.0
_MOST = 4_000_000  # bytes


def latency_of(ports: Iterable[int]) -> Histogram:
    """Of all of them together; empty when they tell none."""
    found: Histogram = {}
    for port in ports:
        found = merged(found, _read(port))
    return found


def _read(port: int) -> Histogram:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=_PATIENCE) as answer:
            text: str = answer.read(_MOST).decode("utf-8", "replace")
    except (OSError, ValueError):
        return {}
    return histogram_of(text)


def histogram_of(text: str) -> Histogram:
    """Of all series of the metric."""
    upto: dict[float, float] = {}
    for labels, count in _BUCKET.findall(text):
        if _OURS.search(labels) or (said := _END.search(labels)) is None:
            continue
        end = float(said.group(1))
        upto[end] = upto.get(end, 0.0) + float(count)
    return unstacked(upto)
