"""What of our environment a program gets that we start and did not write: nothing that may be a secret."""

from __future__ import annotations

import os
from collections.abc import Mapping

_NAMES = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER")


def inherited(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    return {name: environ[name] for name in _NAMES if name in environ}


def whole_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """For the releases of a host: they are the user's own programs, and find their secrets there."""
    return dict(environ)
