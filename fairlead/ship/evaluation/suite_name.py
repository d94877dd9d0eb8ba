"""What suites and cases may be called."""

from __future__ import annotations

import re

from fairlead.errors import InvalidInput

FOLDER = "evaluations"
_SUITE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_LONGEST = 200  # characters of a case's name


def check_suite(name: str) -> None:
    """Raises `InvalidInput`."""
    if not _SUITE.fullmatch(name):
        raise InvalidInput(
            f"{name!r} is no name of a suite.", hint=f"It is that of a file in {FOLDER}/, without .yaml."
        )


def check_name(name: str) -> None:
    """Raises `InvalidInput`."""
    if not name.strip() or len(name) > _LONGEST or not name.isprintable():
        raise InvalidInput(f"A case needs a name of at most {_LONGEST} characters, on one line.")
