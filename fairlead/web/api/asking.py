"""On whose behalf a run is started: the caller's key and its owner go with it."""

from __future__ import annotations

from fairlead.access import UNBOUNDED, Principal
from fairlead.runs.run import Asker


def asker_of(caller: Principal) -> Asker | None:
    """None: a key of the settings or somebody on this machine, whom no budget and no limit bounds."""
    if caller.key is None or caller.key_id is None:
        return None
    limits = caller.limits
    return Asker(
        caller.key, caller.key_id, caller.metadata, caller.allowance != UNBOUNDED,
        (limits.requests_per_minute, limits.tokens_per_minute),
    )  # fmt: skip
