from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from fairlead.errors import ConfigurationError, Conflict, FairleadError, InvalidInput, NotFound
from fairlead.ship.evaluation import suite_file
from fairlead.ship.evaluation.scorers import Exact
from fairlead.ship.evaluation.suite import Suite, load_suite

SUITE = """\
# Looked after by the desk.
agent: desk
trials: 3
timeout: 20
cases:
  # The one that broke in May.
  - name: refund   # keep
    inputs: {amount: 5}
    expected_output: "yes"
    evaluators: [{Contains: {value: "y"}}]
  - inputs: |
      two
      lines
    expected_output: 2

# For all.
evaluators:
  - Exact
"""


def written(folder: Path, text: str, name: str = "smoke.yaml") -> Path:
    path = folder / suite_file.FOLDER / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def nothing(target: str) -> Any:
    raise ConfigurationError(f"no {target}")


def read(folder: Path, text: str, name: str = "smoke.yaml") -> Suite:
    return load_suite(written(folder, text, name), nothing)


def test_a_suite_is_read(tmp_path: Path) -> None:
    suite = read(tmp_path, SUITE)
    assert (suite.name, suite.agent, suite.trials, suite.timeout) == ("smoke", "desk", 3, 20)
    first, second = suite.cases
    assert (first.name, first.inputs, first.expected_output) == ("refund", {"amount": 5}, "yes")
    assert [type(one).__name__ for one in first.scorers] == ["Contains", "Exact"]
    assert (second.name, second.inputs, second.scorers) == ("Case 2", "two\nlines\n", (Exact(),))
    again = read(tmp_path, SUITE.replace("# For all.", "# Of all."))
    assert again.digest == suite.digest, "a comment changes nothing"
    changed = read(tmp_path, SUITE.replace("expected_output: 2", "expected_output: 3"))
    assert changed.digest != suite.digest
    assert [a.digest == b.digest for a, b in zip(changed.cases, suite.cases, strict=True)] == [True, False]


def test_json_is_a_suite_too(tmp_path: Path) -> None:
    text = '{"agent": "a", "cases": [{"inputs": 1, "expected_output": 1}], "evaluators": ["Exact"]}'
    suite = read(tmp_path, text, "x.json")
    assert (suite.name, suite.agent, suite.trials) == ("x", "a", None)


def test_a_scorer_of_the_project_is_used_by_its_name(tmp_path: Path) -> None:
    path = written(tmp_path, "agent: a\nscorers: ['mine.py:Other']\ncases: [{inputs: 1}]\nevaluators: [Other]\n")
    assert load_suite(path, lambda target: {"mine.py:Other": Other}[target]).cases[0].scorers == (Other(),)


@dataclass(repr=False)
class Other(Exact):
    """Of the project."""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("agent: a\ncases: [\n", ":3: no YAML"),
        ("agent: a\ncases: []\nevaluators: [Exact]\n", "no cases"),
        ("cases: [{inputs: 1}]\nevaluators: [Exact]\n", "`agent`"),
        ("agent: a\n", "`cases`"),
        ("- a\n", "no suite"),
        ("", "no suite"),
        ("agent: a\ncases: [{inputs: 1}]\n", "nothing says whether"),
        ("agent: a\ncases: [{inputs: 1}]\nevaluators: [Exakt]\n", "'Exakt'"),
        ("agent: a\ncases: [{inputs: 1}]\nevaluators: [{Numeric: {near: 1}}]\n", "near"),
        ("agent: a\ncases: [{inputs: 1}]\nevaluators: [{JsonSchema: {schema: {type: nonsense}}}]\n", "nonsense"),
        ("agent: a\ncases: [{inputs: 1}]\nevaluators: [{LLMJudge: good}]\n", "past the gateway"),
        ("agent: a\ncases: [{input: 1}]\nevaluators: [Exact]\n", "inputs"),
        ("agent: a\ntrial: 3\ncases: [{inputs: 1}]\nevaluators: [Exact]\n", "`trial`"),
        ("agent: a\ntrials: 0\ncases: [{inputs: 1}]\nevaluators: [Exact]\n", "`trials`"),
        ("agent: a\ncases: [{inputs: 1, name: b}, {inputs: 2, name: b}]\nevaluators: [Exact]\n", "'b'"),
        ("agent: a\ncases: [{inputs: 1}, {inputs: 2, name: Case 1}]\nevaluators: [Exact]\n", "'Case 1'"),
        ("agent: a\nscorers: [x.py:Y]\ncases: [{inputs: 1}]\nevaluators: [Exact]\n", "no x.py:Y"),
        ("agent: a\ncases: [{inputs: {1: 2}}]\nevaluators: [Exact]\n", "JSON"),
    ],
)
def test_a_broken_suite_is_told_with_its_file(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as told:
        read(tmp_path, text)
    assert says in told.value.message and "smoke.yaml" in told.value.message, told.value.message


def test_what_is_no_scorer_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, "agent: a\nscorers: [x.py:Y]\ncases: [{inputs: 1}]\nevaluators: [Exact]\n")
    with pytest.raises(ConfigurationError, match="no scorer"):
        load_suite(path, lambda _: int)


def test_an_unknown_suite_is_told_with_those_that_are_there(tmp_path: Path) -> None:
    written(tmp_path, SUITE)
    with pytest.raises(NotFound) as told:
        suite_file.find_suite(tmp_path, "smokes")
    assert "smoke" in told.value.hint
    for name in ("../smoke", "", "a/b", ".hidden"):
        with pytest.raises(InvalidInput):
            suite_file.find_suite(tmp_path, name)


CASE = {"name": "new", "inputs": {"text": "über: # no\ncomment"}, "expected_output": [1, None, "x"]}


@pytest.mark.parametrize(
    "text",
    [
        SUITE,
        SUITE.rstrip("\n"),
        "agent: a\ncases:\n- name: x\n  inputs: 1\n  expected_output:\nevaluators: [Exact]\n",
        "agent: a\nevaluators: [Exact]\ncases:\n- inputs: 1  # last\n# end",
        "agent: a\ncases: []  # none yet\nevaluators: [Exact]\n",
        "agent: a\ncases: [{inputs: 1}]\nevaluators: [Exact]\n",
        '{\n  "agent": "a",\n  "cases": [\n    {"inputs": 1}\n  ],\n  "evaluators": ["Exact"]\n}\n',
        "agent: a\ncases:\n  - inputs: |+\n      keep\n\n\nevaluators: [Exact]\n",
    ],
)
def test_a_case_is_added_and_the_rest_stays(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    suite_file.add_case(path, CASE)
    before, after = yaml.safe_load(text), yaml.safe_load(path.read_text())
    assert after == {**before, "cases": [*before["cases"], CASE]}
    comments = [line[line.index("#") :].strip() for line in text.splitlines() if "#" in line]
    assert all(one in path.read_text() for one in comments)
    assert list(after) == list(before)
    assert [one.name for one in path.parent.iterdir()] == ["smoke.yaml"], "no draft is left"


def test_only_lines_are_added(tmp_path: Path) -> None:
    path = written(tmp_path, SUITE)
    suite_file.add_case(path, CASE)
    left = path.read_text().splitlines()
    assert [line for line in left if line in SUITE.splitlines()] == SUITE.splitlines()
    assert left.index("  - name: new") < left.index("# For all.")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (SUITE.replace("refund", "new"), Conflict), ("agent: a\n", ConfigurationError), ("a: [", ConfigurationError),
        ("agent: a\ncases: &c\n  - inputs: 1\nmore: *c\n", ConfigurationError),
    ],
)  # fmt: skip
def test_a_file_that_takes_no_case_stays_as_it_is(tmp_path: Path, text: str, kind: type[FairleadError]) -> None:
    path = written(tmp_path, text)
    with pytest.raises(kind):
        suite_file.add_case(path, CASE)
    assert path.read_text() == text
