"""One state of a thread, as LangGraph's clients read it: in its history and in streams the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.runs.moments import Moment
from fairlead.web.api.values import values_of_state


def moment_view(
    thread_id: str, metadata: Mapping[str, Any], moment: Moment, interrupts: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    return {
        "values": values_of_state(thread_id, moment.state),
        "next": list(moment.next),
        "tasks": [_task(moment, name, interrupts) for name in moment.next],
        "checkpoint": address_of(thread_id, moment.id),
        "parent_checkpoint": address_of(thread_id, moment.parent_id) if moment.parent_id else None,
        "metadata": {**metadata, "source": moment.source, "step": moment.step, "parents": {},
                     "run_id": moment.run.id if moment.run is not None else None},
        "created_at": moment.created_at,
        "interrupts": list(interrupts),
    }  # fmt: skip


def task_id(moment: Moment, name: str) -> str:
    """What comes after a moment is one piece of work, however often it is begun."""
    return f"{moment.id}:{name}"


def address_of(thread_id: str, checkpoint_id: str) -> dict[str, Any]:
    return {"thread_id": thread_id, "checkpoint_ns": "", "checkpoint_id": checkpoint_id, "checkpoint_map": None}


def _task(moment: Moment, name: str, interrupts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    error = (moment.run.error or {}).get("message") if moment.run is not None and moment.current else None
    return {
        "id": task_id(moment, name), "name": name, "error": error, "interrupts": list(interrupts), "checkpoint": None,
        "state": None, "result": None,
    }  # fmt: skip
