"""How a run leaves its worker's hands, as a value."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from fairlead.errors import BudgetExceededError, FairleadError
from fairlead.runs.run import Reason, Status


class Ending(NamedTuple):
    """`type` is the event that tells it: finished, interrupted, parked or drained."""

    status: Status
    reason: Reason | None = None
    type: str = "finished"
    output: Any = None
    error: dict[str, Any] | None = None
    wake_at: datetime | None = None  # parked with None: until somebody wakes it
    wakes: int | None = None  # of parked: the wake-ups that were seen
    detail: dict[str, Any] | None = None  # of the event, beside status and reason

    @property
    def finished(self) -> bool:
        return self.type == "finished"


FENCED = Ending(Status.RUNNING, type="fenced")  # nothing may be written: another worker owns the run
CANCELLED = Ending(
    Status.INTERRUPTED, Reason.CANCELLED, error={"error": "cancelled", "message": "The run was cancelled."}
)
DRAINED = Ending(Status.PENDING, Reason.DRAINED, type="drained")


def succeeded(output: Any) -> Ending:
    return Ending(Status.SUCCESS, output=output)


def failed(error: BaseException, *, trace: str = "") -> Ending:
    """The agent raised. Its own errors keep their class name as the code."""
    reason = Reason.BUDGET if isinstance(error, BudgetExceededError) else None
    code = error.code if isinstance(error, FairleadError) else type(error).__name__
    described = {"error": code, "message": str(error) or code}
    return Ending(Status.ERROR, reason, error=described, detail={"trace": trace} if trace else None)


def timed_out(seconds: float) -> Ending:
    said = f"The run used its {seconds:g} s of executing time."
    return Ending(Status.TIMEOUT, error={"error": "timeout", "message": said})


def too_late(deadline: datetime) -> Ending:
    said = f"The run had not ended by its deadline, {deadline.isoformat()}."
    return Ending(Status.TIMEOUT, Reason.DEADLINE, error={"error": "deadline", "message": said})


def outcome_unknown(tool: str, key: str, why: str) -> Ending:
    said = f"The worker died while `{tool}` ran, and it is not safe to repeat. {why}".rstrip()
    hint = (
        "Find out what happened, then resume with the outcome: fairlead runs resume RUN --done, --failed or --repeat."
    )
    error = {"error": "outcome_unknown", "message": said, "hint": hint, "key": key}
    return Ending(
        Status.INTERRUPTED, Reason.OUTCOME_UNKNOWN, type="interrupted", error=error, detail={"key": key, "tool": tool}
    )


def diverged(tool: str) -> Ending:
    said = f"The resumed run took another path than before, and `{tool}` is not safe to repeat."
    hint = "Compare the steps with the code. Resume to let it run all the same, or cancel."
    error = {"error": "diverged", "message": said, "hint": hint}
    return Ending(Status.INTERRUPTED, Reason.DIVERGED, type="interrupted", error=error, detail={"tool": tool})
