"""What `import fairlead` gives, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import fairlead
from fairlead import agents


def test_the_names_of_an_author_are_there() -> None:
    assert fairlead.Agent is agents.Agent
    assert fairlead.tool is agents.tool
    assert fairlead.Context is agents.Context
    assert fairlead.MemoryBuffer is agents.MemoryBuffer


def test_a_wrong_name_is_refused_as_python_does() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Agnet'"):
        _ = fairlead.Agnet  # type: ignore[attr-defined]


def test_the_import_brings_nothing_heavy_along() -> None:
    code = "import sys, fairlead; print([name for name in ('pydantic', 'fastapi', 'asyncpg') if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
