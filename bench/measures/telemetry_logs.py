"""How fast logs are analysed, on how much memory and how many cores."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from bench.figure import Figure, at_least, at_most
from bench.place import Place

_GIGABYTES, _BLOCK = 5, 250_000_000
TITLE = "Log analysis"
WORK = (
    f"`fairlead logs analyse` of {_GIGABYTES} GB of our own JSON lines (requests, model calls, tools, runs), as "
    "a process of its own: all of its report. Beside it a loop over orjson, and jq, that only count requests by "
    "status and add up how long they took, on a fifth of the file. MB of it for each second of CPU, imports included."
)
_LOOP = """
import sys, orjson
counts, took = {}, 0.0
with open(sys.argv[1], "rb") as file:
    for line in file:
        one = orjson.loads(line)
        if one["event"] == "http_request":
            counts[one["status_code"]] = counts.get(one["status_code"], 0) + 1
            took += one["latency_ms"]
print(counts, took)
"""
_JQ = ('reduce (inputs | select(.event == "http_request")) as $one ({}; .[$one.status_code | tostring] += 1 '
       '| .took += $one.latency_ms)')  # fmt: skip
_MB = 1e6


@dataclass(frozen=True, slots=True)
class _Spent:
    """`memory` in MB, the most there was."""

    cpu: float
    wall: float
    memory: float


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    log, part = _written(place)
    ours = [
        _spent([sys.executable, "-m", "fairlead", "logs", "analyse", str(log), "--json"]) for _ in range(place.repeats)
    ]
    loop = [_spent([sys.executable, "-c", _LOOP, str(part)]) for _ in range(place.repeats)]
    jq = [_spent(["jq", "-n", _JQ, str(part)])] if shutil.which("jq") else []
    size, fifth = log.stat().st_size / _MB, part.stat().st_size / _MB
    speed, beside = [size / one.cpu for one in ours], [fifth / one.cpu for one in loop]
    figures = [
        Figure("speed beside a loop over orjson", "MB/CPU s", speed, at_least(300), "orjson", beside),
        Figure("cores used", "", [one.cpu / one.wall for one in ours], at_least(1.5)),
        Figure("memory", "MB", [one.memory for one in ours], at_most(300)),
        Figure("the whole file", "s", [one.wall for one in ours]),
    ]  # fmt: skip
    if jq:
        figures.insert(1, Figure("and beside jq", "MB/CPU s", speed, None, "jq", [fifth / one.cpu for one in jq]))
    for file in (log, part):
        file.unlink()
    return figures, [f"{size / 1000:.1f} GB"]


def _spent(argv: Sequence[str]) -> _Spent:
    began = time.perf_counter()
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, argv)
    return _Spent(usage.ru_utime + usage.ru_stime, time.perf_counter() - began, usage.ru_maxrss / 1024)


def _written(place: Place) -> tuple[Path, Path]:
    """The whole log, and a fifth of it."""
    random.seed(1)
    block, at = bytearray(), datetime(2026, 11, 27, tzinfo=UTC)
    while len(block) < _BLOCK:
        at += timedelta(milliseconds=random.random() * 20)
        block += orjson.dumps(_line(at)) + b"\n"
    folder, times = place.new_folder(), place.amount(_GIGABYTES * 1_000_000_000 // _BLOCK)
    log, part = folder / "app.log", folder / "part.log"
    for path, count in ((log, times), (part, max(1, times // 5))):
        with path.open("wb") as file:
            for _ in range(count):
                file.write(block)
    return log, part


def _line(at: datetime) -> dict[str, Any]:
    what, digits = random.random(), f"{random.getrandbits(48):012x}"
    line = {"timestamp": at.isoformat(), "level": "info", "event": "", "service": "fairlead"}
    ids = {"run_id": f"01a21e69-c386-7608-b5e6-{digits}", "agent": "desk", "tenant": "default", "release": "v7"}
    took = round(random.expovariate(1 / 900), 3)
    if what < 0.5:
        route = random.choice(("/runs/{run_id}", "/threads/{thread_id}/runs", "/runs/wait", "/v1/chat/completions"))
        return line | {
            "event": "http_request", "request_id": digits, "method": "POST", "endpoint": route,
            "status_code": random.choice([200] * 50 + [404, 429, 500, 503]), "latency_ms": took / 10,
            "client": "10.0.0.7", "caller": "key:ops", "bytes_out": random.randint(100, 9000),
        }  # fmt: skip
    if what < 0.7:
        return line | ids | {
            "event": "llm_call", "provider": "openai", "model": random.choice(("gpt-5", "haiku")), "status": "ok",
            "latency_ms": took, "tokens_in": 900, "tokens_out": 120, "tokens": 1020, "cost_usd": 0.00123,
        }  # fmt: skip
    if what < 0.85:
        tool = random.choice(("search", "mail"))
        return line | ids | {"event": "tool_result", "tool": tool, "status": "ok", "latency_ms": 12.5,
                             "output": "x" * random.randint(10, 200)}  # fmt: skip
    if what < 0.97:
        return line | ids | {"event": "agent_completed", "status": "success", "latency_ms": took * 4, "steps": 5,
                             "tokens": 2040, "cost_usd": 0.004}  # fmt: skip
    return line | {"event": "error", "level": "error", "code": "internal", "message": f"boom {random.randint(1, 50)}"}
