"""Health in the words of people's monitors: what a component says, and what the whole then is. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class Condition(StrEnum):
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    DEGRADED = "degraded"
    DISABLED = "disabled"  # not in use here
    CONFIGURED = "configured"  # in use; not probed


@dataclass(frozen=True, slots=True)
class Component:
    status: Condition
    message: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """The whole: unhealthy when a part it cannot do without is; degraded when any part is less than well."""

    status: Condition
    timestamp: datetime
    version: str
    components: Mapping[str, Component]

    @property
    def http_status(self) -> int:
        return 503 if self.status is Condition.UNHEALTHY else 200

    def to_json(self) -> dict[str, Any]:
        return {
            "status": self.status.value,
            "timestamp": self.timestamp.isoformat(),
            "version": self.version,
            "components": {
                name: {"status": part.status.value, "message": part.message} for name, part in self.components.items()
            },
        }


def health_of(
    components: Mapping[str, Component],
    *,
    now: datetime,
    version: str,
    vital: frozenset[str] = frozenset({"database"}),
) -> Health:
    """Judge the whole by its parts."""
    unwell = {name for name, part in components.items() if part.status in (Condition.UNHEALTHY, Condition.DEGRADED)}
    broken = {name for name in unwell & vital if components[name].status is Condition.UNHEALTHY}
    status = Condition.UNHEALTHY if broken else Condition.DEGRADED if unwell else Condition.HEALTHY
    return Health(status, now, version, dict(components))
