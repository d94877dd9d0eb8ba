from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from fairlead.agents.load import load_project, read_declaration
from fairlead.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _leave_the_interpreter_as_it_was() -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def project(root: Path, toml: str, **files: str) -> Path:
    (root / "fairlead.toml").write_text(toml)
    for name, text in files.items():
        path = root / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


AGENT = "def f(input):\n    '''Say it.'''\n    return input\n"
TOML = '[agents]\nf = "agent.py:f"\n'


def fails(root: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_project(root)
    return str(caught.value)


def test_a_project_names_its_agents_and_providers(tmp_path: Path) -> None:
    toml = '[project]\nname = "shop"\n[agents]\nf = "agent.py:f"\n[providers.simulated]\npolicy = "policy.py:p"\n'
    found = load_project(project(tmp_path, toml, agent=AGENT, policy="def p(messages, tools): return 'hi'"))
    assert (found.name, found.root, found.file) == ("shop", tmp_path, tmp_path / "fairlead.toml")
    assert found.agents["f"].description == "Say it."
    assert found.providers == {"simulated": {"policy": "policy.py:p"}}
    assert found.load("policy.py:p")([], []) == "hi"


def test_it_is_found_from_a_folder_below_and_by_its_file(tmp_path: Path) -> None:
    below = project(tmp_path, TOML, agent=AGENT) / "a" / "b"
    below.mkdir(parents=True)
    assert load_project(below).root == tmp_path
    assert load_project(tmp_path / "fairlead.toml").name == tmp_path.name


def test_pyproject_will_do(tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_text(AGENT)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "mine"\n[tool.fairlead.agents]\nf = "agent.py:f"\n')
    assert load_project(tmp_path).name == "mine"
    (tmp_path / "pyproject.toml").write_text("[tool.fairlead]\nagent = 1\n")
    assert "unknown key `tool.fairlead.agent`. Did you mean `tool.fairlead.agents`?" in fails(tmp_path)


def test_a_callable_may_be_given_limits(tmp_path: Path) -> None:
    toml = '[agents.f]\ncall = "pack.mod:f"\ntimeout_seconds = 600\nbudget_usd = 0.5\ndescription = "Else."\n'
    spec = load_project(project(tmp_path, toml, pack__mod=AGENT)).agents["f"]
    assert (spec.timeout, spec.model_timeout) == (timedelta(minutes=10), timedelta(minutes=2))
    assert (spec.budget_nano, spec.description) == (500_000_000, "Else.")


def test_nothing_runs_when_only_the_declaration_is_read(tmp_path: Path) -> None:
    declared = read_declaration(project(tmp_path, TOML, agent="raise SystemExit"))
    assert declared.agents == {"f": {"call": "agent.py:f"}}


def test_a_changed_file_is_seen_and_so_is_what_it_imports(tmp_path: Path) -> None:
    project(tmp_path, TOML, agent="from words import WORD\ndef f(input): 'a'\nf.__doc__ = WORD", words="WORD = 'one'")
    assert load_project(tmp_path).agents["f"].description == "one"
    (tmp_path / "words.py").write_text("WORD = 'three'")
    assert load_project(tmp_path).agents["f"].description == "three"
    project(tmp_path, TOML, agent="def f(input): 'b'")
    assert load_project(tmp_path).agents["f"].description == "b"
    project(tmp_path, TOML, agent="def f(input): 'c'")  # the same second and the same size
    assert load_project(tmp_path).agents["f"].description == "c"


def test_projects_with_files_of_the_same_name_do_not_meet(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        project(
            tmp_path / name,
            TOML,
            agent="import words\ndef f(input): ''\nf.__doc__ = words.WORD",
            words=f"WORD = '{name}'",
        )
    assert load_project(tmp_path / "one").agents["f"].description == "one"
    assert load_project(tmp_path / "two").agents["f"].description == "two"
    assert load_project(tmp_path / "one").agents["f"].description == "one"


def test_two_targets_of_one_file_share_their_module(tmp_path: Path) -> None:
    toml = '[agents]\nf = "agent.py:f"\ng = "agent:g"\n'
    text = "seen = []\ndef f(input): ''\ndef g(input): ''\nf.seen = g.seen = seen"
    found = load_project(project(tmp_path, toml, agent=text))
    assert found.load("agent.py:seen") is found.load("agent:seen")


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("[agnets]\nf = 1", "unknown key `agnets`. Did you mean `agents`?"),
        ("[project]\nnmae = 'x'", "unknown key `project.nmae`. Did you mean `project.name`?"),
        ("[project]\nzzz = 1", "unknown key `project.zzz`. Known here: name."),
        ("agents = 3", "`agents` must be a table, and is 3"),
        ("[agents]\nf = 3", '`agents.f` names nothing to call. Write f = "agent.py:agent"'),
        ("[agents.f]\ntimeout_seconds = 3", "`agents.f` names nothing to call"),
        ("[agents.f]\ncall = 'a.py:f'\ntimeout = 3", "Did you mean `agents.f.timeout_seconds`?"),
        ("[agents.f]\ncall = 'a.py:f'\ntimeout_seconds = 0", "must be a positive number, and is 0"),
        ("[agents.f]\ncall = 'a.py:f'\nbudget_usd = nan", "must be a positive number, and is nan"),
        ("[agents.f]\ncall = 'a.py:f'\nbudget_usd = true", "must be a positive number, and is True"),
        ("providers.local = 3", "`providers.local` must be a table"),
        ("[agents", "is no TOML"),
        ("[agents]\nf = 'agent.py'", "'agent.py' names nothing"),
        ("[agents]\nf = 'nope.py:f'", "there is no file nope.py"),
        ("[agents]\nf = 'nope.mod:f'", "there is no module `nope.mod`"),
        ("[agents]\nf = 'agent.py:g'", "agent.py has no `g`. It offers: f."),
        ("[agents]\n'a b' = 'agent.py:f'", "'a b' is no name for an agent"),
        ("[agents]\nf = 'agent.py:__name__'", "which cannot be called"),
    ],
)
def test_a_wrong_declaration_is_refused_by_name(tmp_path: Path, toml: str, words: str) -> None:
    said = fails(project(tmp_path, toml, agent=AGENT))
    assert words in said
    assert "fairlead.toml" in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1\ny = nope\n", "agent.py:2: NameError: name 'nope' is not defined"),
        ("def f(:\n", "agent.py:1: SyntaxError:"),
        ("\nimport fairlead_nope\n", "agent.py:2: ModuleNotFoundError: No module named 'fairlead_nope' Install"),
        ("\n\nimport sys; sys.exit('bye')", "agent.py:3: SystemExit: bye"),
        ("from fairlead import Agent\nagent = Agent('a', 'gpt/')\n", "agent.py:2: ConfigurationError:"),
        ("import inner", "inner.py:1: ZeroDivisionError: division by zero"),
    ],
)
def test_code_that_fails_is_shown_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    said = fails(project(tmp_path, TOML, agent=text, inner="1 / 0"))
    assert words in said
    assert str(tmp_path) in said


def test_a_file_with_the_name_of_an_installed_module_is_refused(tmp_path: Path) -> None:
    assert "name of the installed module `json`" in fails(project(tmp_path, '[agents]\nf = "json.py:f"', json=AGENT))


def test_no_declaration_says_what_to_do(tmp_path: Path) -> None:
    assert "Make one with `fairlead init`" in fails(tmp_path)
    assert "Make one with `fairlead init`" in fails(tmp_path / "not there")
