"""What the manual shows is true: its snippets run, its figures were measured, and the three READMEs say the same.

`.venv/bin/python -m tests.test_readme` writes the figures of docs/benchmarks.json into the READMEs.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bench.figure import Result, number
from fairlead import testing
from fairlead.agents import load_project

ROOT = Path(__file__).resolve().parent.parent
READMES = [ROOT / name for name in ("README.md", "README.ja.md", "README.zh.md")]
TRANSLATIONS = READMES[1:]
PAGES = [READMES[0], *sorted((ROOT / "docs/tasks").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LANGUAGES = {path.name for path in READMES}
FIGURES = (  # the rows under "Measured", in order: a benchmark, and a figure of it
    ("takeover", "kill -9: all resumed after"),
    ("takeover", "SIGSTOP: all resumed after"),
    ("steps_postgres", "steps a second"),
    ("steps_postgres", "CPU of the workers for a recorded step"),
    ("steps_postgres", "times DBOS"),
    ("memory", "a held run"),
    ("memory", "a parked run"),
)


def files_of(page: Path) -> dict[str, str]:
    """The blocks that are marked with a file's name."""
    return {name: body for _, name, body in BLOCK.findall(page.read_text()) if name}


def project_of(page: Path, folder: Path) -> Path:
    for name, body in files_of(page).items():
        (folder / name).write_text(body)
    return folder


def table_under(page: Path, place: int) -> list[list[str]]:
    """The rows of the tables under the heading at that place, whatever it is called."""
    text = re.split(r"^## ", page.read_text(), flags=re.MULTILINE)[place]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return [row for row in rows if not set(row[0]) <= set("-: ")]


def heading_at(page: Path, name: str) -> int:
    headings = re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)
    return headings.index(name) + 1


def places_in_code(text: str) -> list[str]:
    return sorted(set(re.findall(r"`[^`\n]+`", BLOCK.sub("", text))))


def links(page: Path) -> list[str]:
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    return [target for target in targets if target not in LANGUAGES]


# -- the three languages


@pytest.mark.parametrize("page", TRANSLATIONS, ids=lambda page: page.name)
def test_a_translation_shows_the_same_code(page: Path) -> None:
    assert BLOCK.findall(page.read_text()) == BLOCK.findall(READMES[0].read_text())


@pytest.mark.parametrize("page", TRANSLATIONS, ids=lambda page: page.name)
def test_a_translation_leads_to_the_same_pages(page: Path) -> None:
    assert links(page) == links(READMES[0])


@pytest.mark.parametrize("page", TRANSLATIONS, ids=lambda page: page.name)
def test_a_translation_has_as_many_headings_of_each_level(page: Path) -> None:
    levels = [re.findall(r"^(#+) ", BLOCK.sub("", one.read_text()), re.MULTILINE) for one in (page, READMES[0])]
    assert levels[0] == levels[1]


@pytest.mark.parametrize("page", TRANSLATIONS, ids=lambda page: page.name)
def test_a_translation_names_the_same_commands(page: Path) -> None:
    assert places_in_code(page.read_text()) == places_in_code(READMES[0].read_text())


@pytest.mark.parametrize("page", TRANSLATIONS, ids=lambda page: page.name)
def test_a_translation_has_the_same_figures(page: Path) -> None:
    place = heading_at(READMES[0], "Measured")
    assert [row[1:] for row in table_under(page, place)][1:] == [row[1:] for row in table_under(READMES[0], place)][1:]


def test_each_readme_leads_to_the_others() -> None:
    for page in READMES:
        assert {name for name in LANGUAGES if f"]({name})" in page.read_text()} == LANGUAGES - {page.name}


# -- figures


def measured() -> dict[str, Result]:
    kept = ROOT / "docs/benchmarks.json"
    results: dict[str, Any] = json.loads(kept.read_text())["results"] if kept.exists() else {}
    return {
        name: Result.from_json({key: value for key, value in result.items() if key != "machine"})
        for name, result in results.items()
    }


def shown(name: str, what: str) -> tuple[str, str]:
    """A figure and its source, as the READMEs write them."""
    figure = next(one for one in measured()[name].figures if one.what == what)
    return f"{number(figure.value)} {figure.unit}", f"[{name}](docs/benchmarks.md#{name})"


def test_every_figure_in_the_readme_was_measured() -> None:
    rows = table_under(READMES[0], heading_at(READMES[0], "Measured"))[1:]
    expected = [list(shown(*one)) for one in FIGURES]
    assert [row[1:] for row in rows] == expected, "Write them anew: .venv/bin/python -m tests.test_readme"


def write_figures() -> None:
    """Put the figures of docs/benchmarks.json into the tables of the READMEs; what each is called stays."""
    place = heading_at(READMES[0], "Measured")
    for page in READMES:
        text = page.read_text()
        for (what, *old), one in zip(table_under(page, place)[1:], FIGURES, strict=True):
            text = text.replace(f"| {' | '.join([what, *old])} |", f"| {' | '.join([what, *shown(*one)])} |")
        page.write_text(text)


# -- snippets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_python_and_toml_block_is_whole(page: Path) -> None:
    for language, name, body in BLOCK.findall(page.read_text()):
        if language == "python" and name:
            compile(body, f"{page.name}:{name}", "exec")
        if language == "toml":
            tomllib.loads(body)


@pytest.mark.parametrize(
    ("page", "agent", "input", "output"),
    [
        ("README.md", "assistant", "How long is this sentence?", "Simulated answer after 1 tool calls. Last result: 5"),
        ("docs/tasks/write-an-agent.md", "review", {"order_id": "A-107", "cents": 4200}, None),
        ("docs/tasks/write-an-agent.md", "clerk", "A-107", None),
        ("docs/tasks/bring-an-agent.md", "support", "A-107", None),
        ("docs/tasks/write-a-policy.md", "assistant", "How long is this sentence?", "That is 5 words."),
    ],
    ids=lambda value: value if isinstance(value, str) and "/" in value else None,
)
async def test_the_agents_of_the_manual_run(
    tmp_path: Path, page: str, agent: str, input: Any, output: str | None
) -> None:
    project = load_project(project_of(ROOT / page, tmp_path))
    async with testing.engine(project.agents, root=tmp_path, providers=project.providers) as running:
        run = await running.run(agent, input)
    assert run.status == "success", run.error
    assert output is None or run.output == output


@pytest.mark.parametrize("page", ["deal-with-a-stopped-run", "use-a-real-model"])
def test_the_other_projects_of_the_manual_load(tmp_path: Path, page: str) -> None:
    assert load_project(project_of(ROOT / f"docs/tasks/{page}.md", tmp_path)).agents


def test_the_tests_of_the_manual_pass(tmp_path: Path) -> None:
    project_of(ROOT / "docs/tasks/write-a-policy.md", tmp_path)
    project_of(ROOT / "docs/tasks/test-your-agent.md", tmp_path)
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\npythonpath = .\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_agent.py"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "4 passed" in result.stdout


def test_every_fairlead_command_in_the_manual_exists() -> None:
    known = set(re.findall(r"^## fairlead (.+)$", (ROOT / "docs/commands.md").read_text(), re.MULTILINE))
    known |= {name.split()[0] for name in known}
    named = {
        (page.name, command)
        for page in [*READMES, *PAGES]
        for command in re.findall(
            r"(?:^|[`$(;&] ?)fairlead ((?:runs )?[a-z]+)(?= |`|$)", page.read_text(), re.MULTILINE
        )
    }
    assert len(named) > 20
    assert {(page, command) for page, command in named if command not in known} == set()


if __name__ == "__main__":
    write_figures()
