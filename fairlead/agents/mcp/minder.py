"""Starts one program and sees to it that it ends with us: `python minder.py LIFELINE PROGRAM ARGUMENT…`

LIFELINE is the reading end of a pipe whose other end only the worker holds. When it closes, however the worker died,
the program and whatever it started is told to end (SIGTERM), and two seconds later killed. A program that is started
by the worker itself would outlive a `kill -9` of it. Of our own package it imports nothing: it must start fast.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

_GRACE, _LOOK_EVERY = 2.0, 0.01  # seconds
_PR_SET_CHILD_SUBREAPER = 36
_NOT_STARTED = 127


def main(lifeline: int, command: list[str]) -> int:
    _adopt_orphans()
    heard, noise = os.pipe()
    os.set_blocking(noise, False)
    signal.set_wakeup_fd(noise)
    # A handler, not SIG_IGN: the program would inherit that.
    signal.signal(signal.SIGCHLD, _heard)
    signal.signal(signal.SIGTERM, _heard)
    os.set_inheritable(lifeline, False)
    program = os.fork()
    if program == 0:
        _become(command)
    _let_go_of_pipes()
    while True:
        ready, _, _ = select.select([heard, lifeline], [], [])
        code = _exit_code(program)
        if code is not None or lifeline in ready:
            if code == _NOT_STARTED:
                sys.stderr.write(f"{command[0]} cannot be started.\n")
            _end_all()
            return 0 if code is None else code
        os.read(heard, 4096)


def _become(command: list[str]) -> NoReturn:
    try:
        os.execvp(command[0], command)
    finally:
        os._exit(_NOT_STARTED)


def _heard(number: int, frame: object) -> None:
    """`select` wakes by itself."""


def _adopt_orphans() -> None:
    """What the program started becomes our child when the program dies. Linux only; elsewhere the group must do."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _let_go_of_pipes() -> None:
    """The worker must see the end of the program's output when the program ends."""
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)


def _exit_code(program: int) -> int | None:
    """Buries the dead; the program's exit code once it is among them."""
    code = None
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            if found[0] == program:
                code = os.waitstatus_to_exitcode(found[1])
    return None if code is None else code if code >= 0 else 128 - code


def _end_all() -> None:
    os.killpg(0, signal.SIGTERM)
    for one in _descendants(os.getpid()):
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGTERM)
    for _ in range(round(_GRACE / _LOOK_EVERY)):
        if not _has_children():
            return
        time.sleep(_LOOK_EVERY)
    for one in _descendants(os.getpid()):
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)
    os.killpg(0, signal.SIGKILL)  # ourselves with them


def _has_children() -> bool:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _descendants(pid: int) -> list[int]:
    """Also those that left our group."""
    found: list[int] = []
    with suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            found += [int(child), *_descendants(int(child))]
    return found


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
