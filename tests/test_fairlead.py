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


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("fairlead", ("pydantic", "starlette", "asyncpg")),
        ("fairlead.wiring.working", ("fastapi", "jinja2", "fairlead.web.api.routes")),
        ("fairlead.wiring.serving", ("fastapi", "jinja2", "fairlead.web.console.router")),
    ],
)
def test_a_process_loads_nothing_heavy_that_it_may_never_need(module: str, heavy: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print([name for name in {heavy} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
