"""A log of this machine that is worth reading."""

from __future__ import annotations

import os
from pathlib import Path

from fairlead.errors import InvalidInput

_KNOWN = (
    "/var/log/dpkg.log", "/var/log/apt/history.log", "/var/log/alternatives.log", "/var/log/syslog",
    "/var/log/messages", "/var/log/dnf.log", "/var/log/pacman.log", "/var/log/install.log", "/var/log/system.log",
)  # fmt: skip
_WORTH = 1000  # bytes


def choose_log(given: Path | None) -> Path:
    """The one that was given, else the first known one with something in it. Raises `InvalidInput`."""
    if given is not None:
        path = given.expanduser().resolve()
        if not path.is_file() or not os.access(path, os.R_OK):
            raise InvalidInput(f"{given} is no file that we may read.", hint="Give the path of a log.")
        return path
    found = [path for path in _candidates() if path.is_file() and os.access(path, os.R_OK) and path.stat().st_size]
    for path in found:
        if path.stat().st_size >= _WORTH:
            return path
    if found:
        return found[0]
    raise InvalidInput("There is no log here that we may read.", hint="Give one: fairlead demo /path/to/some.log")


def _candidates() -> list[Path]:
    return [*map(Path, _KNOWN), *sorted(Path("/var/log").glob("**/*.log"))]
