"""What is backed up, and where to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fairlead.clock import Clock
from fairlead.database import Blobs
from fairlead.operate.backup.archive import Archive
from fairlead.operate.backup.original import Original

Tell = Callable[[str, str], None]  # the step (a word for programs), and what it does (for people)


@dataclass(frozen=True, slots=True)
class Subject:
    database: Original
    blobs: Blobs
    archive: Archive
    environment: str
    clock: Clock


def quiet(step: str, said: str) -> None:
    """A `Tell` that nobody hears."""
