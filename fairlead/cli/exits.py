"""Exit codes: what a shell script can go by. The list is at the end of `fairlead --help`."""

from __future__ import annotations

from enum import IntEnum
from typing import Self

from fairlead.errors import FairleadError


class Exit(IntEnum):
    OK = 0, "done"
    FAILED = 1, "the run failed, or a check found faults"
    USAGE = 2, "typed or given wrongly"
    NOT_FOUND = 3, "there is no such thing"
    CONFLICT = 4, "not in the state for that, or another process has the database"
    UNREACHABLE = 5, "the server or the database can't be reached"
    CONFIGURATION = 6, "a setting, the project or its code is wrong"
    REFUSED = 7, "refused: queue full, a limit reached, key missing or wrong"
    WAITING = 8, "the run waits for a person"
    UNCLEAR = 9, "a check, an evaluation or a checklist can't tell: too few answers, or not all could be had"
    INTERRUPTED = 130, "stopped by Ctrl-C"

    def __new__(cls, value: int, says: str) -> Self:
        member = int.__new__(cls, value)
        member._value_ = value
        return member

    def __init__(self, _: int, says: str) -> None:
        self.says = says


_BY_CODE = {
    "invalid_input": Exit.USAGE,
    "unknown_agent": Exit.NOT_FOUND,
    "not_json": Exit.USAGE,
    "too_large": Exit.USAGE,
    "wrong_media_type": Exit.USAGE,
    "method_not_allowed": Exit.USAGE,
    "not_found": Exit.NOT_FOUND,
    "conflict": Exit.CONFLICT,
    "database_in_use": Exit.CONFLICT,
    "database_unavailable": Exit.UNREACHABLE,
    "schema_too_new": Exit.UNREACHABLE,
    "issuer_unavailable": Exit.UNREACHABLE,
    "target_unavailable": Exit.UNREACHABLE,
    "secret_unavailable": Exit.UNREACHABLE,
    "unreachable": Exit.UNREACHABLE,
    "unknown_setting": Exit.CONFIGURATION,
    "configuration": Exit.CONFIGURATION,
    "egress_refused": Exit.USAGE,
    "unauthorised": Exit.REFUSED,
    "forbidden": Exit.REFUSED,
    "queue_full": Exit.REFUSED,
    "rate_limited": Exit.REFUSED,
    "budget": Exit.REFUSED,
    "calls_stopped": Exit.REFUSED,
}


def exit_of(error: FairleadError) -> Exit:
    return _BY_CODE.get(error.code, Exit.FAILED)
