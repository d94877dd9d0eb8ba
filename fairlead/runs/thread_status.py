"""What a thread is at, told from the run that holds it and from its last one."""

from __future__ import annotations

from enum import StrEnum


class ThreadStatus(StrEnum):
    IDLE = "idle"
    BUSY = "busy"
    INTERRUPTED = "interrupted"  # its run needs a person
    ERROR = "error"  # its last run failed


def status_of(active: str | None, last: str | None) -> ThreadStatus:
    """By the status of the run that holds the thread, and of the last run in it."""
    match active:
        case "pending" | "running":
            return ThreadStatus.BUSY
        case "interrupted":
            return ThreadStatus.INTERRUPTED
        case _:
            return ThreadStatus.ERROR if last in ("error", "timeout") else ThreadStatus.IDLE
