"""Starts commands quickly: a process in which all of Fairlead is loaded copies itself for each. What it starts is a
process as any other, with its own folder, environment, words, input and output; only the loading is done once.

`Starter` asks from within a test; `python -m tests.cli.starter FD` is who is asked.
"""

from __future__ import annotations

import atexit
import gc
import os
import pickle
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from fairlead.cli.lazy import COMMANDS

_NUMBER = struct.Struct("!q")
_ROOT = Path(__file__).resolve().parents[2]
_LATE = (  # what commands load once they know what they need
    "fairlead.wiring.engine", "fairlead.wiring.shipping", "fairlead.wiring.embedded", "fairlead.database.sqlite",
    "fairlead.ship.evaluation.evaluate",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Command:
    words: tuple[str, ...]
    folder: str
    environment: dict[str, str]


class Starter:
    """May be asked from several threads at once."""

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                (sys.executable, "-m", "tests.cli.starter", str(theirs.fileno())), cwd=_ROOT,
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
            )  # fmt: skip
        self._asking = threading.Lock()
        atexit.register(self.close)

    def run(self, command: Command, *, stdin: str, patience: float) -> subprocess.CompletedProcess[str]:
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            given.write(stdin.encode())
            given.seek(0)
            started = self.start(command, (given.fileno(), out.fileno(), err.fileno()))
            try:
                code = started.wait(patience)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()
                raise
            for file in (out, err):
                file.seek(0)
            return subprocess.CompletedProcess(command.words, code, out.read().decode(), err.read().decode())

    def start(self, command: Command, files: tuple[int, int, int]) -> Started:
        """It reads and writes the files, which the caller may close."""
        ours, theirs = os.pipe()
        asked = pickle.dumps(command)
        with self._asking:
            socket.send_fds(self._channel, [_NUMBER.pack(len(asked))], [*files, theirs])
            self._channel.sendall(asked)
        os.close(theirs)
        return Started(command, ours)

    def close(self) -> None:
        self._channel.close()
        self._process.wait()


class Started:
    """As a `Popen`, of a process that another one has begun."""

    def __init__(self, command: Command, told: int) -> None:
        self._command, self._told = command, told
        self._code: int | None = None
        (self.pid,) = _NUMBER.unpack(os.read(told, _NUMBER.size))

    def poll(self) -> int | None:
        if self._code is None and select.select([self._told], [], [], 0)[0]:
            self.wait()
        return self._code

    def wait(self, patience: float | None = None) -> int:
        """Its exit code."""
        if self._code is None:
            if not select.select([self._told], [], [], patience)[0]:
                raise subprocess.TimeoutExpired(self._command.words, patience or 0)
            (self._code,) = _NUMBER.unpack(os.read(self._told, _NUMBER.size))
            os.close(self._told)
        return self._code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


# -- who is asked


def serve(channel: socket.socket) -> Command | None:
    """In the process that was asked: none, once nobody asks any more. In each copy: what it is to run."""
    waiting: dict[int, int] = {}  # who wants to know how it ended
    rung, ring = socket.socketpair()
    ring.setblocking(False)
    signal.set_wakeup_fd(ring.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready, _, _ = select.select([channel, rung], [], [])
        if rung in ready:
            rung.recv(4096)
            _tell(waiting)
        if channel not in ready:
            continue
        head, files, _, _ = socket.recv_fds(channel, _NUMBER.size, 4)
        if not head:
            return None
        command: Command = pickle.loads(_exactly(channel, _NUMBER.unpack(head)[0]))
        if pid := os.fork():
            os.write(files[3], _NUMBER.pack(pid))
            waiting[pid] = files[3]
            for file in files[:3]:
                os.close(file)
            continue
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for one in (channel, rung, ring):
            one.close()
        for file in (*waiting.values(), files[3]):
            os.close(file)
        _become(command, files[:3])
        return command


def _tell(waiting: dict[int, int]) -> None:
    while waiting:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        told = waiting.pop(pid)
        os.write(told, _NUMBER.pack(os.waitstatus_to_exitcode(status)))
        os.close(told)


def _become(command: Command, files: list[int]) -> None:
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(n, mode, encoding="utf-8") for n, mode in enumerate(("r", "w", "w")))
    os.chdir(command.folder)
    os.environ.clear()
    os.environ.update(command.environment)
    sys.path[0] = command.folder
    sys.argv = ["fairlead", *command.words]


def _exactly(channel: socket.socket, count: int) -> bytes:
    read = bytearray()
    while len(read) < count:
        read += channel.recv(count - len(read))
    return bytes(read)


if __name__ == "__main__":
    for name in (*(f"fairlead.cli.{command}" for command in COMMANDS), *_LATE):
        import_module(name)
    gc.collect()
    gc.freeze()
    if serve(socket.socket(fileno=int(sys.argv[1]))) is not None:
        runpy.run_module("fairlead", run_name="__main__", alter_sys=True)
