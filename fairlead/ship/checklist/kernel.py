"""Files in which the kernel tells of the machine and its processes."""

from __future__ import annotations

from pathlib import Path

from fairlead.ship.checklist.facts import CouldNotAsk


def told(path: Path) -> str:
    """All of it. Raises CouldNotAsk: it isn't there, or isn't ours to read."""
    try:
        return path.read_text()
    except OSError as error:
        raise CouldNotAsk(f"{path} can't be read: {error.strerror}.") from None


def told_or_empty(path: Path) -> str:
    """Without space around it; empty: no kernel of that kind, or a limit that is not set."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""
