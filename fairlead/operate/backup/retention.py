"""Which backups have had their time. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Age:
    """Of one whole backup. `good`: it was restored into scratch and found whole."""

    id: str
    made_at: datetime
    good: bool


def expired(backups: Sequence[Age], *, now: datetime, keep_for: timedelta) -> list[str]:
    """Ids of those older than that, oldest first; never the newest good one, and where none is good, never the
    newest: an old backup is better than none."""
    oldest_first = sorted(backups, key=lambda one: (one.made_at, one.id))
    last = next((one for one in reversed(oldest_first) if one.good), oldest_first[-1] if oldest_first else None)
    return [one.id for one in oldest_first if one is not last and now - one.made_at > keep_for]
