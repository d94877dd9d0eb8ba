"""How full the disks are that we write to, as `df` says it: what only root may use is not there for us."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from fairlead.ship.checklist.answer import Found
from fairlead.ship.verdict import Verdict

DISK_FULL = 0.85


def share_taken(place: Path) -> float:
    """Of the disk that it is on, or will be."""
    usage = os.statvfs(there(place))
    used = usage.f_blocks - usage.f_bfree
    return used / (used + usage.f_bavail) if used + usage.f_bavail else 1.0


def judge(taken: Mapping[str, float]) -> Found:
    """`taken`: by what is there."""
    full = [name for name, share in taken.items() if share > DISK_FULL]
    said = ", ".join(f"{name} {share:.0%}" for name, share in taken.items())
    return Found(Verdict.FAIL if full else Verdict.PASS, f"{said}; the limit is {DISK_FULL:.0%}")


def there(place: Path) -> Path:
    """It, or what is there of the folders above it."""
    return next(one for one in (place, *place.parents) if one.exists())
