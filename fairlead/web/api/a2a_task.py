"""A run as a task of A2A 1.0: contextId is its thread, its output is the one artifact."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from fairlead.runs.run import Approval, Event, Reason, Run, Status
from fairlead.web.api.values import error_of

Json = dict[str, Any]


class State(StrEnum):
    SUBMITTED = "TASK_STATE_SUBMITTED"
    WORKING = "TASK_STATE_WORKING"
    COMPLETED = "TASK_STATE_COMPLETED"
    FAILED = "TASK_STATE_FAILED"
    CANCELED = "TASK_STATE_CANCELED"
    INPUT_REQUIRED = "TASK_STATE_INPUT_REQUIRED"

    @property
    def terminal(self) -> bool:
        return self in (State.COMPLETED, State.FAILED, State.CANCELED)


def state_of(run: Run) -> State:
    match run.status:
        case Status.PENDING:
            return State.SUBMITTED if run.started_at is None else State.WORKING  # it waits for a timer, or a worker
        case Status.RUNNING:
            return State.WORKING
        case Status.SUCCESS:
            return State.COMPLETED
        case Status.ERROR | Status.TIMEOUT:
            return State.FAILED
        case Status.INTERRUPTED:
            return State.CANCELED if run.reason is Reason.CANCELLED else State.INPUT_REQUIRED


def task_of(run: Run, approvals: Sequence[Approval], *, history: int | None, artifacts: bool) -> Json:
    """`history`: how many messages at most; None: all there are."""
    task: Json = {"id": run.id, "contextId": context_of(run), "status": status_of_task(run, approvals)}
    if artifacts and run.status is Status.SUCCESS:
        task["artifacts"] = [artifact_of(run)]
    said = _said(run)
    if history != 0 and said:
        task["history"] = said[-history:] if history else said
    task["metadata"] = {"agent": run.agent, "release": run.release, "progress": run.progress}
    return task


def context_of(run: Run) -> str:
    return run.thread_id or run.id


def status_of_task(run: Run, approvals: Sequence[Approval] = ()) -> Json:
    state = state_of(run)
    status: Json = {"state": state.value, "timestamp": _moment(run.finished_at or run.started_at or run.created_at)}
    if (text := _why(run, state, approvals)) is not None:
        status["message"] = message_of(run, text, f"{run.id}-{run.seq}-status")
    return status


def working(run: Run, event: Event, text: str) -> Json:
    status = {"state": State.WORKING.value, "timestamp": _moment(event.at)}
    return {**status, "message": message_of(run, text, f"{run.id}-{event.seq}")} if text else status


def message_of(run: Run, text: str, message_id: str) -> Json:
    return {
        "messageId": message_id, "role": "ROLE_AGENT", "parts": [{"text": text}], "taskId": run.id,
        "contextId": context_of(run),
    }  # fmt: skip


def artifact_of(run: Run) -> Json:
    part = {"text": run.output} if isinstance(run.output, str) else {"data": run.output}
    return {"artifactId": f"{run.id}-output", "name": "output", "parts": [part]}


def status_update(run: Run, status: Json) -> Json:
    return {"statusUpdate": {"taskId": run.id, "contextId": context_of(run), "status": status}}


def artifact_update(run: Run) -> Json:
    told = {"taskId": run.id, "contextId": context_of(run), "artifact": artifact_of(run), "lastChunk": True}
    return {"artifactUpdate": told}


def _why(run: Run, state: State, approvals: Sequence[Approval]) -> str | None:
    match state:
        case State.FAILED:
            said = error_of(run)
            return f"{said['error']}: {said['message']}"
        case State.INPUT_REQUIRED if run.reason is Reason.APPROVAL:
            asked = "; ".join(one.question for one in approvals if one.run_id == run.id)
            return f'{asked} Answer yes or no, or with data: {{"approved": true, "comment": …}}.'
        case State.INPUT_REQUIRED:
            return f"The run needs an operator ({run.reason}): {error_of(run)['message']}"
        case _:
            return None


def _said(run: Run) -> list[Json]:
    """What the caller sent, as it was sent."""
    sent: Any = run.metadata.get("a2a")
    return [cast("Json", sent)] if isinstance(sent, dict) and "parts" in sent else []


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
