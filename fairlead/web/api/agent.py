"""The short way: start an agent, ask how it is going.

POST /agent/run ──► {task_id, status_url}     GET /agent/status/{task_id} ──► {status, progress, result | error}
"""

from __future__ import annotations

from typing import Any

from fairlead.access import Role
from fairlead.runs.run import NewRun, Run, Status
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import Reply, json_reply
from fairlead.web.api.run_body import AgentRun
from fairlead.web.api.shape import Shape
from fairlead.web.api.views import NANO
from fairlead.web.asking import asker_of, nano_of


class Accepted(Shape):
    task_id: str
    status_url: str
    status: str


class TaskView(Shape):
    task_id: str
    status: str
    reason: str | None
    progress: int
    steps: int
    cost_usd: float
    agent: str
    attempt: int
    result: Any = None
    error: dict[str, Any] | None = None


class AgentRuns:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def operations(self) -> list[Operation]:
        return [
            Operation("POST", "/agent/run", self.run, "Start an agent", role=Role.OPERATOR, body=AgentRun,
                      gives=Accepted, status=202, tag="agents", problems=(404, 409, 429)),
            Operation("GET", "/agent/status/{task_id}", self.status, "How a run is going", gives=TaskView, tag="agents",
                      problems=(404,)),
        ]  # fmt: skip

    async def run(self, call: Call) -> Reply:
        """The same `Idempotency-Key` never starts a second run."""
        body = await call.body(AgentRun)
        agent, assignment = await self._doors.assistants.assign(body.agent, tenant=call.tenant)
        new = NewRun(
            agent, body.input, assignment=assignment, tenant=call.tenant,
            release=body.release or self._doors.release, priority=body.priority, metadata=body.metadata or {},
            idempotency_key=call.header("idempotency-key"), budget_nano=nano_of(body.budget_usd),
            user=call.visit.caller.user, asker=asker_of(call.visit.caller),
        )  # fmt: skip
        call.visit.room = await self._doors.rate.take(call.visit.caller)
        run, fresh = await self._doors.control.submit(new)
        url = f"/agent/status/{run.id}"
        headers = [(b"location", url.encode())] + ([] if fresh else [(b"idempotency-replayed", b"true")])
        return json_reply(
            {"task_id": run.id, "status_url": url, "status": run.status.value}, status=202, headers=headers
        )

    async def status(self, call: Call) -> Reply:
        return json_reply(self._view(await self._doors.control.get(call.path["task_id"], tenant=call.tenant)))

    def _view(self, run: Run) -> dict[str, Any]:
        view: dict[str, Any] = {
            "task_id": run.id,
            "status": run.status.value,
            "reason": run.reason.value if run.reason is not None else None,
            "progress": self._progress(run),
            "steps": run.steps,
            "cost_usd": run.cost_nano / NANO,
            "agent": run.agent,
            "attempt": run.fence,
        }
        if run.status is Status.SUCCESS:
            view["result"] = run.output
        elif run.error is not None:
            view["error"] = run.error
        return view

    def _progress(self, run: Run) -> int:
        """What the agent said; else its steps of those it may take. 100 only when it has succeeded."""
        if run.status is Status.SUCCESS:
            return 100
        spec = self._doors.agents.get(run.agent)
        native = spec.native if spec is not None else None
        if run.progress or native is None:
            return run.progress
        return min(99, run.steps * 100 // native.max_iterations)
