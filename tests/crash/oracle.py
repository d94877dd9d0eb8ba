"""What really happened: each tool appends a line to a file of its own, synced, that Fairlead knows nothing of."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Line:
    tool: str
    safe: bool
    run_id: str
    key: str  # the idempotency key: the same however often the call is tried
    result: Any
    pid: int
    at: float


def write(path: str, *, tool: str, safe: bool, run_id: str, key: str, result: Any) -> None:
    """The effect on the world. One write with O_APPEND: lines of many processes never mix."""
    line = Line(tool, safe, run_id, key, result, os.getpid(), time.time())
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, json.dumps(asdict(line)).encode() + b"\n")
        os.fsync(file)
    finally:
        os.close(file)


def read(path: Path) -> list[Line]:
    return [Line(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []
