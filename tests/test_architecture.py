"""The arrows: that they hold, and that the rule would notice if they did not."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([program, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(repository: Path, tmp_path: Path) -> Path:
    shutil.copy(repository / "pyproject.toml", tmp_path)
    shutil.copytree(repository / "fairlead", tmp_path / "fairlead", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_all_arrows_go_down(repository: Path) -> None:
    result = lint_imports(repository)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("errors.py", "import fairlead.clock"),  # neighbours at the bottom
        ("agents/__init__.py", "import fairlead.runs"),  # an agent knows nothing of durability
        ("gateway/__init__.py", "import fairlead.agents"),
        ("database/__init__.py", "import fairlead.telemetry"),
        ("runs/__init__.py", "import fairlead.ship"),  # the two wings
        ("web/api/__init__.py", "import fairlead.web.console"),
        ("cli/__init__.py", "import fairlead.testing"),  # the product never imports what is for tests
        ("cli/__init__.py", "def f():\n    import fairlead.testing"),  # nor behind one's back
    ],
)
def test_a_wrong_arrow_is_caught(copy: Path, path: str, line: str) -> None:
    for name in ("testing", "ship"):
        if not (copy / "fairlead" / name).exists():
            (copy / "fairlead" / f"{name}.py").touch()
    with (copy / "fairlead" / path).open("a") as module:
        module.write(f"\n{line}\n")
    result = lint_imports(copy)
    assert result.returncode != 0
    assert "BROKEN" in result.stdout


def test_a_new_part_must_be_given_a_place(copy: Path) -> None:
    (copy / "fairlead" / "helpers.py").touch()
    assert "fairlead.helpers" in lint_imports(copy).stdout


def test_the_list_of_exceptions_is_empty(repository: Path) -> None:
    contracts = tomllib.loads((repository / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    allowed = [key for contract in contracts for key in contract if "ignore" in key]
    assert allowed == []
