"""The processes of the demo: the simulated provider, and `fairlead dev` with its worker, on a project of their own."""

from __future__ import annotations

import queue
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson

import fairlead
from fairlead.cli.client import Client
from fairlead.cli.reach import key_of
from fairlead.clock import Clock
from fairlead.config import load_settings
from fairlead.errors import ConfigurationError, FairleadError

_PATIENCE = 30.0  # seconds for a process to be ready
_LATENCY = timedelta(milliseconds=350)  # of each simulated answer: long enough to die in
_SPEED = 2500  # tokens a second
_PACKAGE = Path(fairlead.__file__).parent
_EXAMPLES = (_PACKAGE / "examples" / "log_triage", _PACKAGE.parent / "examples" / "log_triage")  # installed; a checkout


@dataclass
class Stage:
    folder: Path
    url: str
    client: Client
    provider: Client
    ready_after: float
    said: queue.SimpleQueue[dict[str, Any]]
    worker: int  # the pid of the worker that lives
    deaths: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def counters(self) -> dict[str, Any]:
        """What the provider has counted."""
        return self.provider.get("/stats")

    def catch_up(self) -> None:
        """Hear what the supervisor has said since."""
        while not self.said.empty():
            event = self.said.get_nowait()
            if event["event"] == "worker_started":
                self.worker = event["pid"]
            elif event["event"] == "worker_died":
                self.deaths.append(event)


@contextmanager
def open_stage(folder: Path, log: Path, *, clock: Clock) -> Generator[Stage]:
    """Everything is up; at the end everything is stopped. Raises `FairleadError` when something does not come up."""
    began = clock.monotonic()
    with ExitStack() as stack:
        port = _free_port()
        _make_project(folder, f"http://127.0.0.1:{port}")
        notes = stack.enter_context((folder / "dev.log").open("wb"))
        simulate = ("simulate", "--policy", "policy.py:triage", "--port", str(port), "--tokens-per-second", str(_SPEED),
                    "--latency", str(_LATENCY / timedelta(milliseconds=1)), "--json")  # fmt: skip
        stack.enter_context(_process(folder, simulate, notes))
        database = f"sqlite:///{folder / '.fairlead' / 'fairlead.db'}"
        dev = stack.enter_context(
            _process(folder, ("dev", "--port", "0", "--no-reload", "--json", "--database", database), notes)
        )
        said = _heard(dev)
        url = _next(said, "listening", folder)["url"]
        worker = _next(said, "worker_ready", folder)["pid"]
        provider = Client(f"http://127.0.0.1:{port}")
        _until_answers(provider)
        client = Client(url, key=key_of(load_settings(root=folder)))
        yield Stage(folder, url, client, provider, clock.monotonic() - began, said, worker)


def _make_project(folder: Path, provider_url: str) -> None:
    source = next((path for path in _EXAMPLES if (path / "agent.py").is_file()), None)
    if source is None:
        raise ConfigurationError("The example log_triage is not where it should be.", hint="Install Fairlead again.")
    for file in source.glob("*.py"):
        shutil.copy(file, folder / file.name)
    (folder / "fairlead.toml").write_text(
        '[project]\nname = "demo"\n\n[agents]\nlog_triage = "agent.py:agent"\n\n'
        f'[providers.simulated]\nurl = "{provider_url}"\n'
    )


@contextmanager
def _process(folder: Path, words: tuple[str, ...], notes: Any) -> Generator[subprocess.Popen[bytes]]:
    command = (sys.executable, "-m", "fairlead", *words, "--with-parent")
    process = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=notes)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _heard(process: subprocess.Popen[bytes]) -> queue.SimpleQueue[dict[str, Any]]:
    """What the process says, line by line; {"event": "ended"} when it is gone."""
    said: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    assert process.stdout is not None
    lines = process.stdout

    def listen() -> None:
        for line in lines:
            said.put(orjson.loads(line))
        said.put({"event": "ended"})

    threading.Thread(target=listen, name="dev-listener", daemon=True).start()
    return said


def _next(said: queue.SimpleQueue[dict[str, Any]], wanted: str, folder: Path) -> dict[str, Any]:
    while True:
        try:
            event = said.get(timeout=_PATIENCE)
        except queue.Empty:
            raise FairleadError(f"The demo's server was not ready in {_PATIENCE:g} s.", hint=_where(folder)) from None
        if event["event"] == wanted:
            return event
        if event["event"] in ("ended", "worker_refused"):
            raise FairleadError(f"The demo's server did not start ({event['event']}).", hint=_where(folder))


def _where(folder: Path) -> str:
    tail = (folder / "dev.log").read_text(errors="replace").strip().splitlines()[-3:]
    return f"See {folder / 'dev.log'}: {' / '.join(tail)}"


def _until_answers(provider: Client) -> None:
    """It was started before the server and is up long since: this only makes sure."""
    for _ in range(3):
        try:
            provider.get("/stats")
            return
        except FairleadError:
            threading.Event().wait(0.5)
    provider.get("/stats")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
