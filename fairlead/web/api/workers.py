"""The processes that hold runs."""

from __future__ import annotations

from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import Reply, json_reply
from fairlead.web.api.views import WorkerView, worker_view


class Workers:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def operations(self) -> list[Operation]:
        return [
            Operation("GET", "/workers", self.list, "Workers, alive and lost", gives=list[WorkerView], tag="system")
        ]

    async def list(self, call: Call) -> Reply:
        return json_reply([worker_view(one) for one in await self._doors.oversight.workers()])
