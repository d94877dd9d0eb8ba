"""What callers hand in, and the run as it was stored for them: pure, beside `control`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast

from fairlead.agents.jsonable import decode, encode
from fairlead.clock import from_micros
from fairlead.runs.run import NewRun, Reason, Run, Status


def sound(outcome: Mapping[str, Any]) -> bool:
    """It will be raised, or believed, when the run goes on: too late to find a mistake."""
    error: Any = outcome.get("error", {"error": "", "message": ""})
    said = isinstance(error, dict) and all(isinstance(cast("Any", error).get(k), str) for k in ("error", "message"))
    return said and outcome.get("repeat", True) is True


def as_submitted(new: NewRun, row: tuple[Any, ...]) -> Run:
    """What was just stored, without asking for it."""
    later = row[12] is not None
    return Run(
        id=new.id, tenant=new.tenant, agent=new.agent, release=new.release, status=Status.PENDING,
        reason=Reason.LATER if later else None, priority=new.priority, input=decode(encode(new.input)), output=None,
        error=None, metadata=new.metadata, thread_id=new.thread_id, parent_id=new.parent_id,
        root_id=new.root_id or new.id, owner=None, fence=0, deaths=0, seq=1, wakes=0,
        created_at=from_micros(row[15]), started_at=None, finished_at=None, wake_at=new.start_at if later else None,
        deadline=new.deadline, executing=timedelta(0), cost_nano=0, budget_nano=new.budget_nano, tokens_in=0,
        tokens_out=0, steps=0, progress=0, cancel_requested=False, idempotency_key=new.idempotency_key,
        user=new.user, asker=new.asker, terms=new.terms or {},
        assignment=new.assignment, started_by=new.trace,
    )  # fmt: skip
