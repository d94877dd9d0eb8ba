from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest
from typer.main import get_command

from fairlead.cli.lazy import COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_what_the_list_says_of_a_command_is_what_it_says_itself(name: str) -> None:
    said = get_command(import_module(f"fairlead.cli.{name}").app).help or ""
    assert COMMANDS[name] == " ".join(said.split("\n\n")[0].split())


@pytest.mark.parametrize("words", ["--help", "users --help", "runs list --help"])
def test_help_does_not_load_the_server(words: str) -> None:
    look = "import atexit, sys; atexit.register(lambda: print('fairlead.wiring.engine' in sys.modules))"
    code = f"{look}; sys.argv = ['fairlead', *{words.split()!r}]; from fairlead.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "False"), done.stderr
