"""Processes of their own share one limit, and one of them is killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.gateway.sharing import open_store

_SECONDS = 5
_PER_MINUTE = 600


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres), "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.db"
    return request.getfixturevalue(f"{request.param}_url")


def start(url: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.gateway.limit_process", url, str(_PER_MINUTE), str(_SECONDS)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


async def test_three_processes_of_which_one_is_killed_keep_to_one_limit(url: str) -> None:
    async with open_store(url):  # with its tables, before anybody comes
        pass
    processes = [start(url) for _ in range(3)]
    for process in processes:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
    victim = processes[0].stdout
    assert victim is not None
    first = [int(victim.readline()) for _ in range(5)]
    processes[0].kill()
    went = [[*first, *lines(processes[0])], lines(processes[1]), lines(processes[2])]
    moments = sorted(moment for each in went for moment in each)
    took = (moments[-1] - moments[0]) / 1e6
    pace = _PER_MINUTE / 61
    assert len(moments) <= 3 * pace + pace * (took + 0.2) + 1  # what the level holds, and what comes
    assert len(moments) >= 0.75 * pace * took
    assert min(len(went[1]), len(went[2])) >= 0.4 * max(len(went[1]), len(went[2]))


def lines(process: subprocess.Popen[str]) -> list[int]:
    out, _ = process.communicate(timeout=60)
    return [int(line) for line in out.splitlines() if line.isdigit() and len(line) == 16]
