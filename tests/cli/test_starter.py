"""A command that is started from the copy is as one that is started anew."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.cli.processes import make_project
from tests.cli.starter import Command, Started, Starter


@pytest.fixture(scope="module")
def starter() -> Iterator[Starter]:
    one = Starter()
    yield one
    one.close()


def command(folder: Path, *words: str, **more: str) -> Command:
    return Command(words, str(folder), {**os.environ, **more})


@pytest.mark.parametrize(
    ("words", "stdin"),
    [
        (("--version",), ""),
        (("no-such-command",), ""),
        (("settings", "--json"), ""),
        (("runs", "show", "no-such-run"), ""),
        (("logs", "analyse", "-", "--json"), '{"level": "error", "event": "boom €"}\n'),
    ],
)
def test_it_says_and_answers_the_same(starter: Starter, tmp_path: Path, words: tuple[str, ...], stdin: str) -> None:
    asked = command(make_project(tmp_path), *words, LOG_LEVEL="ERROR")
    anew = subprocess.run(
        (sys.executable, "-m", "fairlead", *words), cwd=tmp_path, env=asked.environment, input=stdin,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    done = starter.run(asked, stdin=stdin, patience=60)
    assert (done.returncode, done.stdout, done.stderr) == (anew.returncode, anew.stdout, anew.stderr)


def test_nothing_of_one_is_left_for_the_next(starter: Starter, tmp_path: Path) -> None:
    for name, level in (("one", "CRITICAL"), ("two", "ERROR")):
        (tmp_path / name).mkdir()
        made = make_project(tmp_path / name)
        told = starter.run(command(made, "settings", LOG_LEVEL=level), stdin="", patience=60)
        assert level in told.stdout and str(made) in told.stdout
    again = starter.run(command(tmp_path / "two", "settings"), stdin="", patience=60)
    assert "CRITICAL" not in again.stdout and str(tmp_path / "one") not in again.stdout


def test_what_goes_on_is_stopped_killed_and_its_end_is_told(starter: Starter, tmp_path: Path) -> None:
    def serve() -> Started:
        with (tmp_path / "out").open("w") as out, Path(os.devnull).open() as nothing:
            asked = command(tmp_path, "simulate", "--port", "0")
            return starter.start(asked, (nothing.fileno(), out.fileno(), out.fileno()))

    one, other = serve(), serve()
    assert one.poll() is None and one.pid != other.pid
    with pytest.raises(subprocess.TimeoutExpired):
        one.wait(0.01)
    other.kill()
    assert (other.wait(20), other.poll()) == (-signal.SIGKILL, -signal.SIGKILL)
    assert one.poll() is None
    one.kill()
    one.wait(20)
    assert not psutil.pid_exists(one.pid)
    one.kill()  # harms nobody


def test_who_takes_too_long_is_killed(starter: Starter, tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        starter.run(command(tmp_path, "simulate", "--port", "0"), stdin="", patience=0.2)
