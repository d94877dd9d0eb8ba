from __future__ import annotations

from pathlib import Path

import pytest

from fairlead.cli.exits import Exit
from tests.cli.processes import fairlead, make_project


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new project, made once: each command here leaves it as it was."""
    folder = tmp_path_factory.mktemp("made")
    assert fairlead(folder, "init").code == Exit.OK
    return folder


def test_a_new_project_runs_at_once_and_without_a_server(made: Path) -> None:
    done = fairlead(made, "run", "assistant", "--input", "How long is this sentence?")
    assert done.code == Exit.OK, done.err
    assert done.out.strip() == "That is 5 words."
    assert "count_words" in done.err
    assert "success" in done.err


def test_json_is_one_value_on_stdout(made: Path) -> None:
    done = fairlead(made, "run", "assistant", "--input", "-", "--json", stdin="three words here")
    assert done.json["output"] == "That is 3 words."
    assert done.err == ""


def test_a_run_is_forked_from_a_step(tmp_path: Path) -> None:
    assert fairlead(tmp_path, "init").code == Exit.OK
    run = fairlead(tmp_path, "run", "assistant", "--input", "three words here", "--json").json
    shown = fairlead(tmp_path, "runs", "show", run["run_id"], "--events", "--json").json
    [tool] = [one for one in shown["events"] if one["type"] == "step" and one["kind"] == "tool"]
    words = ("runs", "fork", run["run_id"], "--from-step")
    forked = fairlead(tmp_path, *words, tool["key"], "--set-result", "7", "--input", "other words", "--json")
    assert forked.code == Exit.OK, forked.err
    assert forked.json["forked_from"] == {"run_id": run["run_id"], "step": tool["seq"], "name": tool["name"]}
    assert (forked.json["input"], run["input"]) == ("other words", "three words here")
    taken = fairlead(tmp_path, "runs", "show", forked.json["run_id"], "--events", "--json").json["events"]
    [told_so] = [one for one in taken if one["type"] == "step" and one["key"] == tool["key"]]
    assert (tool["data"]["result"], told_so["data"]["result"]) == (3, 7)
    told = fairlead(tmp_path, "runs", "show", forked.json["run_id"])
    assert f"forked from {run['run_id']} at step {tool['seq']}" in told.out
    nowhere = fairlead(tmp_path, *words, "nowhere")
    assert (nowhere.code, "--events" in nowhere.err) == (Exit.NOT_FOUND, True)


def test_a_project_is_not_made_twice(made: Path) -> None:
    done = fairlead(made, "init")
    assert done.code == Exit.CONFLICT
    assert "agent.py" in done.err


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("run", "nobody"), Exit.NOT_FOUND, "`assistant`"),
        (("run", "assistant", "--input", '{"a": NaN}'), Exit.USAGE, "looks like JSON"),
        (("run", "assistant", "--input", "@/no/such/file"), Exit.USAGE, "/no/such/file"),
        (("run", "assistant", "--budget", "-1"), Exit.USAGE, "budget_usd"),
        (("runs", "show", "01999999"), Exit.NOT_FOUND, "runs list"),
        (("runs", "list", "--limit", "0"), Exit.USAGE, "--limit"),
        (("nonsense",), Exit.USAGE, "nonsense"),
        (("run",), Exit.USAGE, "agent"),
        (("simulate", "--fault", "quake=1"), Exit.USAGE, "quake"),
        (("work",), Exit.CONFIGURATION, "PostgreSQL"),
    ],
)
def test_what_is_typed_wrongly_is_told(made: Path, words: tuple[str, ...], code: Exit, says: str) -> None:
    done = fairlead(made, *words)
    assert (done.code, says in done.err, "Traceback" in done.err) == (code, True, False), done.err


def test_without_a_project_it_says_how_to_make_one(tmp_path: Path) -> None:
    done = fairlead(tmp_path, "dev")
    assert done.code == Exit.CONFIGURATION
    assert "fairlead init" in done.err


def test_an_unreachable_database_is_told(made: Path) -> None:
    done = fairlead(made, "runs", "list", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none", FAIRLEAD_PORT="1")
    assert done.code == Exit.UNREACHABLE
    assert "DATABASE_URL" in done.err


def test_a_server_that_is_not_there_is_told(made: Path) -> None:
    done = fairlead(made, "runs", "list", FAIRLEAD_URL="http://127.0.0.1:1")
    assert done.code == Exit.UNREACHABLE
    assert "http://127.0.0.1:1" in done.err


def test_a_run_that_fails_says_why_and_exits_with_one(tmp_path: Path) -> None:
    make_project(tmp_path)
    done = fairlead(tmp_path, "run", "gates", "--input", "{}")
    assert done.code == Exit.FAILED
    assert "KeyError" in done.err
    assert "fairlead runs retry" in done.err


def test_what_an_agent_writes_cannot_drive_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "fairlead.toml").write_text('[agents]\nrude = "rude.py:rude"\n')
    (tmp_path / "rude.py").write_text('def rude(input):\n    return "\\x1b]0;owned\\x07 \\x9b2J \\u202e [bold]"\n')
    shown = fairlead(tmp_path, "run", "rude")
    assert shown.out.strip() == "\\x1b]0;owned\\x07 \\x9b2J � [bold]"
    as_json = fairlead(tmp_path, "run", "rude", "--json")
    assert not set("\x1b\x07\x9b\u202e") & set(as_json.out)
    assert as_json.json["output"] == "\x1b]0;owned\x07 \x9b2J \u202e [bold]"
