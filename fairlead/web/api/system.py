"""What monitors, deployers and clients ask of the process itself. Open to everyone, but for the metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import orjson

from fairlead.errors import DatabaseUnavailable, NotFound
from fairlead.telemetry.health import Health
from fairlead.telemetry.metrics import CONTENT_TYPE
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.health import open_pulse
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import JsonReply, Reply, json_reply
from fairlead.web.api.shape import Shape

_COUNTING = 1.0  # seconds a scrape waits for the database


class ComponentView(Shape):
    status: str
    message: str


class HealthView(Shape):
    status: str
    timestamp: str
    version: str
    components: dict[str, ComponentView]


class System:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._pulse = open_pulse(doors)

    def operations(self) -> list[Operation]:
        def open_to_all(path: str, handler: Any, summary: str, gives: Any) -> Operation:
            return Operation("GET", path, handler, summary, role=None, gives=gives, tag="system", problems=())

        return [
            open_to_all("/ok", self.ok, "Whether we answer", dict[str, bool]),
            open_to_all("/info", self.info, "What this server can do", dict[str, Any]),
            open_to_all("/version", self.version, "What runs here", dict[str, str]),
            open_to_all("/health", self.health, "How every part is; 503 when one we need is unhealthy", HealthView),
            open_to_all("/health/live", self.live, "Whether the process answers", HealthView),
            open_to_all("/health/ready", self.ready, "Whether work can be taken; 503 when not", HealthView),
            open_to_all("/ready", self.ready, "Whether work can be taken; 503 when not", HealthView),
            Operation("GET", "/metrics", self.metrics, "Prometheus metrics", media_type="text/plain", tag="system",
                      problems=(404,)),
        ]  # fmt: skip

    async def ok(self, call: Call) -> Reply:
        return json_reply({"ok": True})

    async def info(self, call: Call) -> Reply:
        flags = {"assistants": True, "crons": True, "langsmith": False, "langsmith_tracing_replicas": False}
        return json_reply({"version": self._doors.version, "flags": flags, "host": {"kind": "fairlead"}})

    async def version(self, call: Call) -> Reply:
        doors = self._doors
        return json_reply({"version": doors.version, "release": doors.release, "environment": doors.environment})

    async def health(self, call: Call) -> Reply:
        return _told(await self._pulse.whole())

    async def live(self, call: Call) -> Reply:
        return _told(self._pulse.alive())

    async def ready(self, call: Call) -> Reply:
        return _told(await self._pulse.ready())

    async def metrics(self, call: Call) -> Reply:
        render: Callable[[], bytes] | None = self._doors.metrics
        if render is None:
            raise NotFound("This process counts nothing.")
        try:  # workers tell it too, while there are any
            async with asyncio.timeout(_COUNTING):
                await self._doors.oversight.count()
        except (DatabaseUnavailable, TimeoutError):
            pass  # what we know without a database is told without one
        return JsonReply(render(), media_type=CONTENT_TYPE.encode())


def _told(health: Health) -> Reply:
    return JsonReply(
        orjson.dumps(health.to_json()), status=health.http_status, headers=[(b"cache-control", b"no-store")]
    )
