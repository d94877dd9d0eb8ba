"""Whether there is a backup that could be restored, and how old it is. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from fairlead.config.parts import Environment
from fairlead.ship.checklist.answer import Found, Void
from fairlead.ship.verdict import Verdict

LASTS = timedelta(hours=26)
"""A day, and time to take the next one."""
_NEEDED = (Environment.STAGING, Environment.PRODUCTION)


def judge(newest: tuple[str, datetime] | None, *, environment: Environment, now: datetime) -> Found:
    """`newest`: of those that were verified, its id and when it was taken."""
    if newest is None:
        if environment in _NEEDED:
            return Found(Verdict.FAIL, "There is no verified backup.")
        return Found(Void.NOT_APPLICABLE, f"There is none; in {environment.value} none is needed.")
    id, taken = newest
    hours = (now - taken) / timedelta(hours=1)
    said = f"the last verified one is {hours:.1f} h old; the limit is {LASTS / timedelta(hours=1):.0f} h"
    return Found(Verdict.PASS if now - taken <= LASTS else Verdict.FAIL, said, id)
