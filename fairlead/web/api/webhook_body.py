"""What a webhook is sent. For a run: the run as LangGraph's Agent Server sends it, and our fields beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fairlead.clock import Clock, from_micros
from fairlead.runs.control import Control
from fairlead.runs.run import Reason, Run, Status
from fairlead.runs.threads import Threads
from fairlead.runs.webhook import Delivery
from fairlead.web.api.a2a_task import task_of
from fairlead.web.api.values import values_of_run
from fairlead.web.api.views import run_view


class WebhookBody:
    """A callable, for `Delivering`."""

    def __init__(self, control: Control, threads: Threads, *, clock: Clock) -> None:
        self._control = control
        self._threads = threads
        self._clock = clock

    async def __call__(self, delivery: Delivery) -> Mapping[str, Any]:
        """Raises `NotFound` when the run is not kept any more."""
        told = {"type": delivery.type, "timestamp": delivery.created_at}
        if delivery.type.startswith("run."):
            run = await self._control.get(delivery.run_id, tenant=delivery.tenant)
            return {**await self._run(_as_it_was(run, delivery)), **told}
        if delivery.type.startswith("task."):  # a StreamResponse of A2A
            run = _as_it_was(await self._control.get(delivery.run_id, tenant=delivery.tenant), delivery)
            approvals = await self._control.approvals(tenant=run.tenant, run_id=run.id)
            return {"task": task_of(run, approvals, history=None, artifacts=True)}
        if delivery.type.startswith("approval."):
            run = await self._control.get(delivery.run_id, tenant=delivery.tenant)
            return {**told, "data": {**_moments(delivery.data), "run_id": run.id, "agent": run.agent}}
        return {**told, "data": delivery.data}

    async def _run(self, run: Run) -> dict[str, Any]:
        state = None
        if run.thread_id is not None and run.status is Status.SUCCESS:
            thread = await self._threads.get(run.thread_id, tenant=run.tenant)
            state = thread.state
        approvals = await self._control.approvals(tenant=run.tenant, run_id=run.id)
        return {
            **run_view(run),
            "run_started_at": run.started_at,
            "run_ended_at": run.finished_at,
            "webhook_sent_at": self._clock.now(),
            "values": values_of_run(run, state=state, approvals=approvals),
        }


def _as_it_was(run: Run, delivery: Delivery) -> Run:
    """It may have been resumed or tried again since: what is told is what happened."""
    reason = delivery.data.get("reason")
    return replace(run, status=Status(delivery.data["status"]), reason=Reason(reason) if reason else None)


def _moments(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: from_micros(value) if key.endswith("_at") else value for key, value in data.items()}
