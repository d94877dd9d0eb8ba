"""The pages that list things say what the code says."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from fairlead import errors


def test_generated_pages_are_up_to_date(repository: Path) -> None:
    result = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=repository, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_error_with_a_code_is_drawn() -> None:
    drawn = set(re.findall(r"^[\s│├└─]*(\w+) {2,}(\w+)", errors.__doc__ or "", re.MULTILINE))
    declared = {(error.__name__, error.code) for error in descendants(errors.FairleadError) if "code" in vars(error)}
    assert declared - drawn == set()


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [error.code for error in descendants(errors.FairleadError) if "code" in vars(error)]
    assert sorted(codes) == sorted(set(codes))


def descendants(error: type[errors.FairleadError]) -> Iterator[type[errors.FairleadError]]:
    for child in error.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from descendants(child)
