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

_LENGTH = struct.Struct("!Q")
_ROOT = Path(__file__).resolve().parents[2]
_LATE = ("fairlead.wiring.engine", "fairlead.wiring.shipping")  # what commands load once they know what they need


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
            code = self._ended(command, (given.fileno(), out.fileno(), err.fileno()), patience)
            for file in (out, err):
                file.seek(0)
            return subprocess.CompletedProcess(command.words, code, out.read().decode(), err.read().decode())

    def _ended(self, command: Command, files: tuple[int, int, int], patience: float) -> int:
        ours, theirs = os.pipe()
        try:
            asked = pickle.dumps(command)
            with self._asking:
                socket.send_fds(self._channel, [_LENGTH.pack(len(asked))], [*files, theirs])
                self._channel.sendall(asked)
            os.close(theirs)
            (pid,) = struct.unpack("!q", os.read(ours, 8))
            if not select.select([ours], [], [], patience)[0]:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(command.words, patience)
            (code,) = struct.unpack("!q", os.read(ours, 8))
            return code
        finally:
            os.close(ours)

    def close(self) -> None:
        self._channel.close()
        self._process.wait()


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
        head, files, _, _ = socket.recv_fds(channel, _LENGTH.size, 4)
        if not head:
            return None
        command: Command = pickle.loads(_exactly(channel, _LENGTH.unpack(head)[0]))
        if pid := os.fork():
            os.write(files[3], struct.pack("!q", pid))
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
        os.write(told, struct.pack("!q", os.waitstatus_to_exitcode(status)))
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
