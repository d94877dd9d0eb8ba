"""Schemathesis against a real server: whatever the API's own description allows, and what it forbids.

It finds a 500, an answer that the description does not know, a body that is taken although it is described as wrong or
refused although it is described as right, a route that forgets to ask who calls.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.servers import free_port, wait_until

HERE = Path(__file__).resolve().parent
KEY = "fuzz-key"
_PROJECT = """\
[project]
name = "fuzzed"

[agents]
echo = "agents.py:echo"
talk = "agents.py:talk"
"""
_AGENTS = '''\
from fairlead import Agent


async def echo(input):
    """Give back what came."""
    return input


talk = Agent("talk", model="simulated/talk", instructions="Answer briefly.")
'''
_PATIENCE = 1800  # seconds for one attack
_CASES = re.compile(r"([\d,]+) generated")


@dataclass(frozen=True, slots=True)
class Found:
    """`failures`: what schemathesis says of what it found; empty when it found nothing."""

    cases: int
    failures: str
    internal: tuple[str, ...]
    """Lines of the logs that tell of trouble of our own."""


@contextmanager
def server(folder: Path, database: str = "") -> Iterator[str]:
    """`fairlead serve` with a worker; its address. The logs are in `folder`. On SQLite the server has a worker within;
    on another database one is started beside it."""
    (folder / "fairlead.toml").write_text(_PROJECT)
    (folder / "agents.py").write_text(_AGENTS)
    port = free_port()
    settings = {
        "API_KEY_WHITELIST": KEY, "LOG_LEVEL": "INFO", "FAIRLEAD_LOG_FORMAT": "json",
        "FAIRLEAD_QUEUE_LIMIT": "1000000", "FAIRLEAD_RATE_LIMIT": "0",
        "WORKER_CONCURRENCY": "50", "MAX_CONCURRENT_AGENTS": "100",
    }  # fmt: skip
    more = {"DATABASE_URL": database} if database else {}
    commands = [("serve", "--port", str(port)), *([("work", "--port", "0")] if database else [])]
    processes: list[subprocess.Popen[bytes]] = []
    try:
        url = f"http://127.0.0.1:{port}"
        for name, *arguments in commands:
            with (folder / f"{name}.log").open("wb") as log:
                processes.append(subprocess.Popen(
                    [sys.executable, "-m", "fairlead", name, *arguments], cwd=folder, stdout=log, stderr=log,
                    env={**os.environ, **settings, **more},
                ))  # fmt: skip
            wait_until(lambda: _answers(url), seconds=60)
        httpx.get(f"{url}/openapi.json", timeout=60)  # written for the first who asks; schemathesis waits for 10 s
        yield url
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)


_ENDLESS = ("/threads/{thread_id}/stream", "/threads/{thread_id}/stream/events")


def attack(folder: Path, url: str, *, examples: int, seed: int) -> Found:
    """Every operation: the cases that its description asks for, and `examples` at random."""
    command = [
        str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(HERE / "schemathesis.toml"), "run",
        f"{url}/openapi.json", "--phases", "coverage,fuzzing", "--max-examples", str(examples), "--checks", "all",
        "--seed", str(seed),
        *(word for path in _ENDLESS for word in ("--exclude-path", path)),
        "--continue-on-failure", "--no-color", "--request-timeout", "60",
    ]  # fmt: skip
    hooked = {**os.environ, "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks", "PYTHONPATH": str(HERE.parent.parent)}
    said = subprocess.run(
        command, cwd=folder, env=hooked, capture_output=True, text=True, timeout=_PATIENCE, check=False
    )
    told = said.stdout + said.stderr
    cases = _CASES.search(told)
    if cases is None:
        raise RuntimeError(f"schemathesis did not run:\n{told[-4000:]}")
    log = [line for told in folder.glob("*.log") for line in told.read_text().splitlines()]
    internal = tuple(line for line in log if '"code":"internal"' in line)
    return Found(int(cases.group(1).replace(",", "")), told if said.returncode else "", internal)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ok", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False
