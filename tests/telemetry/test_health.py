from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fairlead.telemetry.health import Component, Condition, health_of

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("database", "queue", "whole", "status"),
    [
        (Condition.HEALTHY, Condition.HEALTHY, Condition.HEALTHY, 200),
        (Condition.HEALTHY, Condition.DISABLED, Condition.HEALTHY, 200),
        (Condition.HEALTHY, Condition.CONFIGURED, Condition.HEALTHY, 200),
        (Condition.HEALTHY, Condition.DEGRADED, Condition.DEGRADED, 200),
        (Condition.HEALTHY, Condition.UNHEALTHY, Condition.DEGRADED, 200),
        (Condition.DEGRADED, Condition.HEALTHY, Condition.DEGRADED, 200),
        (Condition.UNHEALTHY, Condition.HEALTHY, Condition.UNHEALTHY, 503),
    ],
)
def test_the_whole_is_judged_by_its_parts(database: Condition, queue: Condition, whole: Condition, status: int) -> None:
    health = health_of({"database": Component(database), "queue": Component(queue)}, now=NOW, version="1")
    assert (health.status, health.http_status) == (whole, status)


def test_the_body_has_the_fields_that_monitors_read() -> None:
    health = health_of({"database": Component(Condition.HEALTHY, "3 ms")}, now=NOW, version="0.1.0")
    assert health.to_json() == {
        "status": "healthy",
        "timestamp": "2026-11-22T00:00:00+00:00",
        "version": "0.1.0",
        "components": {"database": {"status": "healthy", "message": "3 ms"}},
    }
