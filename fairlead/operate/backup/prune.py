"""Removing backups that have had their time, and what died in the middle has left."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from fairlead.operate.backup.archive import State
from fairlead.operate.backup.retention import Age, expired
from fairlead.operate.backup.subject import Subject


@dataclass(frozen=True, slots=True)
class Prunable:
    """`forsaken`: halves of backups and scratch, whose makers died."""

    expired: tuple[str, ...]
    forsaken: tuple[str, ...]


def prunable(subject: Subject, keep_for: timedelta) -> Prunable:
    """What `prune` would remove. A damaged backup goes with its age: until then it may be all that is left."""
    whole = [
        Age(one.id, one.manifest.made_at, one.state is State.VERIFIED)
        for one in subject.archive.list()
        if one.manifest is not None
    ]
    old = expired(whole, now=subject.clock.now(), keep_for=keep_for)
    return Prunable(tuple(old), tuple(subject.archive.forsaken()))


async def prune(subject: Subject, found: Prunable) -> list[str]:
    """Answers what is gone, with what was left beside the database by restores that died."""
    gone = [*found.expired, *found.forsaken]
    for name in gone:
        await asyncio.to_thread(subject.archive.remove, name)
    return gone + await subject.database.sweep()
