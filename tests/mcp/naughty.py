"""Servers for tests: declared as a project would, each with a folder in which it writes what it did."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from fairlead.agents.mcp import Server, parse_servers
from tests.servers import wait_until

PROGRAM = Path(__file__).with_name("server.py")


def declared(folder: Path, **more: Any) -> Server:
    """Over stdio."""
    table = {"command": sys.executable, "args": [str(PROGRAM), str(folder)]}
    made = parse_servers({"naughty": table}, root=folder, secret=lambda _: None)["naughty"]
    return replace(made, **more)


def calls(folder: Path) -> list[str]:
    file = folder / "calls"
    return file.read_text().splitlines() if file.exists() else []


def pids(folder: Path) -> list[int]:
    file = folder / "pids"
    return [int(line) for line in file.read_text().splitlines()] if file.exists() else []


def kill(folder: Path) -> None:
    os.kill(pids(folder)[-1], signal.SIGKILL)


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_gone(*all_pids: int) -> None:
    wait_until(lambda: all(gone(pid) for pid in all_pids))
