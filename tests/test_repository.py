"""House rules that a machine can check. Each check is also shown a break of its rule, and must see it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import house

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = sorted((ROOT / "fairlead").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def broken(rule: Callable[[str], list[str]], modules: list[Path], *, but: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """What breaks the rule, by file."""
    found = {str(path.relative_to(ROOT)): rule(path.read_text()) for path in modules}
    return {path: places for path, places in found.items() if places and path not in but}


def test_no_function_hides_an_import() -> None:
    assert broken(house.imports_inside_functions, PRODUCT) == {}


def test_only_config_reads_the_environment() -> None:
    reads, lends, hands_on = (f"fairlead/config/{name}.py" for name in ("load", "lent_keys", "inherited"))
    assert broken(house.reads_of_the_environment, PRODUCT, but=(reads, lends, hands_on)) == {}


def test_only_clock_reads_the_clock() -> None:
    assert broken(house.reads_of_the_clock, PRODUCT, but=("fairlead/clock.py",)) == {}


def test_a_long_module_says_why() -> None:
    assert broken(house.too_long, PRODUCT) == {}


def test_nothing_is_mocked() -> None:
    assert broken(house.mocks, [*PRODUCT, *TESTS]) == {}


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (house.imports_inside_functions, "def f():\n    import json"),
        (house.imports_inside_functions, "async def f():\n    if True:\n        from a import b"),
        (house.reads_of_the_environment, "import os\nx = os.environ['HOME']"),
        (house.reads_of_the_environment, "from os import getenv"),
        (house.reads_of_the_clock, "import time\nx = time.monotonic()"),
        (house.reads_of_the_clock, "from time import perf_counter"),
        (house.reads_of_the_clock, "from datetime import datetime\nx = datetime.now()"),
        (house.reads_of_the_clock, "import datetime\nclock = datetime.datetime.now"),
        (house.too_long, "x = 1\n" * 401),
        (house.mocks, "from unittest.mock import patch"),
        (house.mocks, "def test(monkeypatch):\n    monkeypatch.setattr(a, 'b', 1)"),
    ],
)
def test_a_broken_rule_is_seen(rule: Callable[[str], list[str]], source: str) -> None:
    assert rule(source)


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (house.imports_inside_functions, "def f():\n    import boto3  # extra"),
        (house.imports_inside_functions, "if TYPE_CHECKING:\n    import json"),
        (house.reads_of_the_clock, "now = loop.time() + clock.monotonic()"),
        (house.too_long, "# long: one table\n" + "x = 1\n" * 401),
    ],
)
def test_what_is_allowed_is_let_through(rule: Callable[[str], list[str]], source: str) -> None:
    assert rule(source) == []


def test_every_part_opens_by_saying_what_it_is() -> None:
    openings = {path: house.opening(path.read_text()) for path in PRODUCT if path.name == "__init__.py"}
    silent = [str(path.relative_to(ROOT)) for path, text in openings.items() if len(text.splitlines()) < 3]
    assert silent == []


def test_no_file_name_says_nothing() -> None:
    empty = {"utils", "util", "common", "core", "helpers", "base", "managers", "services"}
    assert [path for path in PRODUCT if empty & {path.stem, *path.relative_to(ROOT).parts}] == []


def test_commands_in_the_manual_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        (page.name, target)
        for page in PAGES
        for target in re.findall(r"(?:^|`|\$ )make ([a-z-]+)", page.read_text(), re.MULTILINE)
    }
    assert {(page, target) for page, target in named if target not in targets} == set()


def test_links_in_the_manual_lead_somewhere() -> None:
    dead = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in PAGES
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text())
        if not link.startswith(("http://", "https://", "mailto:")) and not leads_somewhere(page, link)
    ]
    assert dead == []


def leads_somewhere(page: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    return target.exists() and (not anchor or anchor in anchors(target))


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_of_the_manual_is_reachable() -> None:
    linked = {
        (page.parent / link.partition("#")[0]).resolve()
        for page in PAGES
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    }
    docs = [page for page in PAGES if "docs" in page.parts and page != ROOT / "docs/index.md"]
    assert [str(page.relative_to(ROOT)) for page in docs if page not in linked] == []


def test_no_file_names_a_package_registry() -> None:
    # Put together here, so that this file does not name one either.
    dot = "."
    hosts = [("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("crates", "io")]
    names = [dot.join(host).encode() for host in hosts]
    assert [(path.name, name) for path in tracked() for name in names if name in path.read_bytes()] == []


def test_every_locked_package_has_a_hash_and_an_upper_bound() -> None:
    for lock in ROOT.glob("requirements*.lock"):
        packages = re.split(r"^(?=[a-z])", lock.read_text(), flags=re.MULTILINE)[1:]
        assert packages, lock
        assert [package for package in packages if "==" not in package or "--hash=sha256:" not in package] == []
    declared = re.findall(r'^    "([a-z-]+[>=].*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert len(declared) > 15
    assert [name for name in declared if "<" not in name] == []
