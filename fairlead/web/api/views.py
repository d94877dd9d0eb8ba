"""Our values as the JSON that callers read, and its shape for the OpenAPI document."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from fairlead.runs.asked import asked_of
from fairlead.runs.assistants import Assistant, assistant_id_of
from fairlead.runs.run import Approval, Assignment, Event, Run, Worker
from fairlead.runs.threads import Thread
from fairlead.web.api.shape import Shape
from fairlead.web.api.values import values_of_state

NANO = 1_000_000_000
Chosen = dict[str, Any]  # a view with only the fields that `select` names


class RunView(Shape):
    """The fields of LangGraph's Run, then ours."""

    run_id: str
    thread_id: str
    assistant_id: str
    assistant_version: int
    created_at: datetime
    updated_at: datetime
    status: str
    metadata: dict[str, Any]
    kwargs: dict[str, Any]
    multitask_strategy: str
    agent: str
    release: str
    reason: str | None
    priority: int
    input: Any
    output: Any
    error: dict[str, Any] | None
    parent_id: str | None
    root_id: str
    user: str | None
    key: str | None
    worker: str | None
    attempt: int
    started_at: datetime | None
    finished_at: datetime | None
    wake_at: datetime | None
    cost_usd: float
    budget_usd: float | None
    tokens_in: int
    tokens_out: int
    steps: int
    progress: int
    forked_from: dict[str, Any] | None  # run_id, step (its event's `seq`), name
    trace_id: str  # of the trace that its spans are in, where traces are sent
    request_id: str | None  # of the request that started it, or its tree


class ThreadView(Shape):
    thread_id: str
    created_at: datetime
    updated_at: datetime
    metadata: dict[str, Any]
    status: str
    values: dict[str, Any]
    interrupts: dict[str, Any]


class EventView(Shape):
    run_id: str
    seq: int
    type: str
    at: datetime
    kind: str | None
    name: str | None
    key: str | None
    branch: str
    digest: str
    started_at: datetime | None
    fence: int
    data: Any


class ApprovalView(Shape):
    id: str
    run_id: str
    question: str
    data: Any
    created_at: datetime
    expires_at: datetime
    approved: bool | None
    decided_at: datetime | None
    decided_by: str | None
    comment: str | None
    asked: list[str]  # who was asked by now; only they may answer, when `limited`
    limited: bool
    escalates_at: datetime | None


class WorkerView(Shape):
    id: str
    release: str
    agents: list[str]
    host: str
    pid: int
    slots: int
    started_at: datetime
    lease_until: datetime
    lost_at: datetime | None
    draining: bool
    running: int
    alive: bool


class AssistantView(Shape):
    assistant_id: str
    graph_id: str
    name: str
    description: str
    config: dict[str, Any]
    context: dict[str, Any]
    metadata: dict[str, Any]
    version: int
    created_at: datetime
    updated_at: datetime


def run_view(run: Run) -> dict[str, Any]:
    trace = run.trace
    reason = {"reason": run.reason.value} if run.reason is not None else {}
    assigned = run.assignment or Assignment(assistant_id_of(run.agent))
    return {
        "run_id": run.id,
        "thread_id": run.thread_id or run.id,
        "assistant_id": assigned.assistant_id,
        "assistant_version": assigned.version,
        "created_at": run.created_at,
        "updated_at": run.finished_at or run.started_at or run.created_at,
        "status": run.status.value,
        "metadata": {**run.metadata, **reason},
        "kwargs": {"config": assigned.config, "context": assigned.context},
        "multitask_strategy": "enqueue",
        "agent": run.agent,
        "release": run.release,
        "reason": run.reason.value if run.reason is not None else None,
        "priority": run.priority,
        "input": run.input,
        "output": run.output,
        "error": run.error,
        "parent_id": run.parent_id,
        "root_id": run.root_id,
        "user": run.user,
        "key": run.asker.key if run.asker is not None else None,
        "worker": run.owner,
        "attempt": run.fence,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "wake_at": run.wake_at,
        "cost_usd": run.cost_nano / NANO,
        "budget_usd": None if run.budget_nano is None else run.budget_nano / NANO,
        "tokens_in": run.tokens_in,
        "tokens_out": run.tokens_out,
        "steps": run.steps,
        "progress": run.progress,
        "forked_from": run.terms.get("forked_from"),
        "trace_id": trace.trace_hex,
        "request_id": trace.request_id,
    }


def thread_view(thread: Thread, interrupts: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    return {
        "thread_id": thread.id,
        "created_at": thread.created_at,
        "updated_at": thread.updated_at,
        "metadata": thread.metadata,
        "status": thread.status.value,
        "values": values_of_state(thread.id, thread.state),
        "interrupts": {thread.active_run_id or thread.id: list(interrupts)} if interrupts else {},
    }


def event_view(event: Event) -> dict[str, Any]:
    return {
        "run_id": event.run_id,
        "seq": event.seq,
        "type": event.type,
        "at": event.at,
        "kind": event.kind,
        "name": event.name,
        "key": event.key,
        "branch": event.branch,
        "digest": event.digest,
        "started_at": event.started_at,
        "fence": event.fence,
        "data": event.data,
    }


def approval_view(approval: Approval, now: datetime) -> dict[str, Any]:
    later = [turn.due_at for turn in approval.turns if turn.asked and turn.due_at > now and approval.approved is None]
    said = {
        "asked": asked_of(approval, now), "limited": any(turn.place == 0 for turn in approval.turns),
        "escalates_at": min(later, default=None),
    }  # fmt: skip
    return said | {name: getattr(approval, name) for name in ApprovalView.model_fields if name not in said}


def worker_view(worker: Worker) -> dict[str, Any]:
    return {name: getattr(worker, name) for name in WorkerView.model_fields}


def assistant_view(assistant: Assistant) -> dict[str, Any]:
    return {
        "assistant_id": assistant.id,
        "graph_id": assistant.agent,
        "name": assistant.name,
        "description": assistant.description,
        "config": assistant.config,
        "context": assistant.context,
        "metadata": assistant.metadata,
        "version": assistant.version,
        "created_at": assistant.created_at,
        "updated_at": assistant.updated_at,
    }


def selected(views: Sequence[dict[str, Any]], names: Sequence[str] | None) -> list[dict[str, Any]]:
    """Only the fields a caller asked for; None: all of them."""
    return [{k: v for k, v in view.items() if k in names} for view in views] if names else list(views)
