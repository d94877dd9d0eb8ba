"""The command as a user types it: each call a process of its own, which `starter` begins."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

import orjson

from fairlead.cli.client import Client
from tests.cli.starter import Command, Started, Starter

PATIENCE = 60  # seconds: only a broken command needs them

PROJECT = """\
[project]
name = "gates"

[agents]
gates = "gates.py:gates"
"""
AGENT = '''\
from __future__ import annotations

import asyncio
import os
from pathlib import Path


def note(file: str, word: str) -> str:
    with open(file, "a") as notes:
        notes.write(word + "\\n")
        notes.flush()
        os.fsync(notes.fileno())
    return word


async def wait_for(gate: str) -> str:
    while not Path(gate).exists():
        await asyncio.sleep(0.005)
    return "open"


async def gates(input, ctx):
    """Notes, waits for a gate to open, notes again."""
    first = await ctx.step("first", note, input["notes"], "first")
    ctx.log("at the gate", version="VERSION")
    gate = await ctx.step("gate", wait_for, input["gate"])
    return [first, gate, await ctx.step("second", note, input["notes"], "second")]
'''


def make_project(folder: Path) -> Path:
    (folder / "fairlead.toml").write_text(PROJECT)
    (folder / "gates.py").write_text(AGENT)
    return folder


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return orjson.loads(self.out)


def fairlead(folder: Path, *words: str, stdin: str = "", **settings: str) -> Done:
    """Run a command to its end. What tells Python how to begin is told to one that begins."""
    if any(name.startswith("PYTHON") for name in settings):
        begun = subprocess.run(
            (sys.executable, "-m", "fairlead", *words), cwd=folder, input=stdin, capture_output=True, text=True,
            timeout=PATIENCE, env=_environment(settings), check=False,
        )  # fmt: skip
        return Done(begun.returncode, begun.stdout, begun.stderr)
    command = Command(words, str(folder), _environment(settings))
    done = _starter().run(command, stdin=stdin, patience=PATIENCE)
    return Done(done.returncode, done.stdout, done.stderr)


@cache
def _starter() -> Starter:
    return Starter()


class Running:
    """A command that goes on, and what it says as JSON lines."""

    def __init__(self, process: Started, out: IO[str]) -> None:
        self.process, self._out = process, out
        self.said: list[dict[str, Any]] = []
        self._more = threading.Condition()
        self._over = False
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def until(self, event: str, *, times: int = 1) -> dict[str, Any]:
        """The event, when it has been said so often."""

        def found() -> list[dict[str, Any]]:
            return [one for one in self.said if one["event"] == event]

        with self._more:
            self._more.wait_for(lambda: len(found()) >= times or self._over, PATIENCE)
            assert len(found()) >= times, f"no {event} in {self.said}"
            return found()[times - 1]

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        self._listener.join(PATIENCE)
        self._out.close()

    def _listen(self) -> None:
        for line in self._out:
            with self._more:
                self.said.append(orjson.loads(line))
                self._more.notify_all()
        with self._more:
            self._over = True
            self._more.notify_all()


@contextmanager
def running(folder: Path, *words: str, log: Path | None = None, **settings: str) -> Iterator[Running]:
    """Start a command that says JSON lines; at the end it is gone, and with it its children."""
    ours, theirs = os.pipe()
    with (log or folder / "stderr.log").open("ab") as errors, Path(os.devnull).open() as nothing:
        started = Command((*words, "--json"), str(folder), _environment(settings))
        process = _starter().start(started, (nothing.fileno(), theirs, errors.fileno()))
    os.close(theirs)
    command = Running(process, os.fdopen(ours))
    try:
        yield command
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        command.close()


def start_gates(client: Client, folder: Path) -> str:
    run = client.post("/runs", {"assistant_id": "gates", "input": gates_input(folder)})
    return run["run_id"]


def gates_input(folder: Path) -> dict[str, str]:
    return {"notes": str(folder / "notes"), "gate": str(folder / "gate")}


def open_gate(folder: Path) -> None:
    (folder / "gate").write_text("open")


def notes(folder: Path) -> list[str]:
    return (folder / "notes").read_text().split()


def _environment(settings: dict[str, str]) -> dict[str, str]:
    """Ours, without what would change the product's mind."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("FAIRLEAD_", "DATABASE_URL"))}
    return {**own, **settings}
