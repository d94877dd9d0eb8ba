"""The door to a database that is backed up: SQLite or PostgreSQL. It knows no domain word.

dump    ──► a file, and what was in the database at that one moment
loaded  ──► that file as a new database beside the original; gone afterwards, unless it took its place
alone   ──► nobody else uses the original as long as it lasts
replace ──► the new one is called what the original was; the original is kept under another name
"""

from __future__ import annotations

import re
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from fairlead.operate.backup.manifest import Contents

# What is the whole of a short text, behind a mark or none. References within longer texts are found by listing all.
LONGEST_REFERENCE = 160
_NAMED = re.compile(r"(?:@[a-z]+:)?([A-Za-z0-9_-]{1,80}/[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`named`: references of blobs that columns hold."""

    contents: Contents
    named: frozenset[str]


class Found(StrEnum):
    """What is there before a restore."""

    WHOLE = "whole"
    DAMAGED = "damaged"  # it can't be read, so it can't be backed up either: it is kept as it is
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Loaded:
    """`name`: of a file, or of a database on the server."""

    name: str
    snapshot: Snapshot


class Original(Protocol):
    @property
    def kind(self) -> str: ...

    @property
    def name(self) -> str:
        """What people call it; no password."""
        ...

    @property
    def file(self) -> str:
        """The name of its file in a backup."""
        ...

    async def dump(self, folder: Path) -> Snapshot:
        """Write `folder/file` beside running writers. Raises `BackupFailed`, `DatabaseUnavailable`,
        `ConfigurationError` (a program or a right is missing), `Damaged` (the database itself is)."""
        ...

    def loaded(self, folder: Path, *, room: Path | None = None) -> AbstractAsyncContextManager[Loaded]:
        """`room`: a folder to try it in; None: as what will replace the original. Raises `Damaged` when the file is
        at fault, else as `dump`."""
        ...

    def alone(self) -> AbstractAsyncContextManager[Found]:
        """Raises `DatabaseInUse`, naming who uses it, `DatabaseUnavailable`."""
        ...

    async def replace(self, loaded: Loaded, *, aside: str) -> str | None:
        """Within `alone`. All or nothing. Answers the name under which the original is kept: its own with `aside`.

        Raises `DatabaseInUse`, `BackupFailed`; then the original is as it was."""
        ...

    async def sweep(self) -> list[str]:
        """Remove what was left by restores that died in the middle; answers its names."""
        ...


def named_in(text: str) -> str | None:
    found = _NAMED.fullmatch(text)
    return found.group(1) if found else None
