from __future__ import annotations

import threading

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from fairlead.telemetry.tally import Spread, Tally

VALUES = (0, 0.001, 0.1, 0.1000001, 1, 7, 300, 301, 1e9)


def told(registry: CollectorRegistry) -> list[str]:
    """But for when it began to count, which is no figure of anybody."""
    return [line for line in generate_latest(registry).decode().splitlines() if "_created" not in line]


def test_what_is_told_is_what_the_library_would_tell() -> None:
    ours, theirs, buckets = CollectorRegistry(), CollectorRegistry(), (0.1, 1, 300)
    tally = Tally("things_total", "Things.", ("of", "how"), registry=ours)
    spread = Spread("thing_seconds", "Time of things.", ("of",), buckets=buckets, registry=ours)
    counter = Counter("things_total", "Things.", ("of", "how"), registry=theirs)
    histogram = Histogram("thing_seconds", "Time of things.", ("of",), buckets=buckets, registry=theirs)
    for value in VALUES:
        for label in ("a", 'quote " and \\', "line\nend"):
            tally.add(label, "x", count=value)
            counter.labels(label, "x").inc(value)
            spread.note(value, label)
            histogram.labels(label).observe(value)
    assert told(ours) == told(theirs)


def test_without_labels_there_is_a_zero_before_anything_happened() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    Tally("things_total", "Things.", registry=ours)
    Spread("thing_seconds", "Time of things.", buckets=(1,), registry=ours)
    Counter("things_total", "Things.", registry=theirs)
    Histogram("thing_seconds", "Time of things.", buckets=(1,), registry=theirs)
    assert told(ours) == told(theirs)


def test_several_threads_lose_nothing() -> None:
    registry = CollectorRegistry()
    tally = Tally("things_total", "Things.", ("of",), registry=registry)

    def count() -> None:
        for _ in range(20_000):
            tally.add("a")

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 'things_total{of="a"} 80000.0' in told(registry)
