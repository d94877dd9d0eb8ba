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


_FOR_SOME = ("rich", "structlog", "httpx2", "asyncpg", "sqlite3")


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("fairlead", ("pydantic", "starlette", "asyncpg")),
        ("fairlead.cli", ("rich", "structlog", "asyncpg", "sqlite3")),
        ("fairlead.cli.work", ("fastapi", "jinja2", "fairlead.web.api.routes", *_FOR_SOME)),
        ("fairlead.cli.serve", ("fastapi", "jinja2", "fairlead.web.console.router", *_FOR_SOME)),
    ],
)
def test_a_process_loads_nothing_heavy_that_it_may_never_need(module: str, heavy: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print([name for name in {heavy} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_a_server_starts_with_no_shape_of_its_api_built_and_the_collector_at_rest() -> None:
    code = (
        "import gc, fairlead.cli.serve; from fairlead.web.api.shape import Shape; "
        "print([one for one in Shape.__subclasses__() if one.__pydantic_complete__], len(Shape.__subclasses__()) > 50, "
        "gc.get_stats()[0]['collections'] < 90)"  # of two hundred
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[] True True"
