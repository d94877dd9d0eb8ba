"""Where and with what it was measured."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path
from typing import Any

import psutil

from tests.servers import postgres_binaries

_PACKAGES = (
    "fairlead", "asyncpg", "uvloop", "orjson", "aiohttp", "dbos", "psycopg", "SQLAlchemy", "openai", "anthropic",
)  # fmt: skip
_PEERS = ("litellm", "tensorzero", "langgraph-api")  # in environments of their own
_ROOT = Path(__file__).resolve().parent.parent


def describe() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "cpu": _cpu(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "postgresql": _postgres(),
        "packages": {name: found for name in _PACKAGES if (found := _version(name))} | _peers(),
        "commit": _commit(),
    }


def load() -> float:
    """How many processes wanted a core in the last minute, ours and others."""
    return round(os.getloadavg()[0], 2)


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _peers() -> dict[str, str]:
    """Those in `.venv-peers`, where it was made."""
    folders = [*_ROOT.glob(".venv-*/lib/python*/site-packages")]
    found = {one.metadata["Name"]: one.version for one in distributions(path=[str(folder) for folder in folders])}
    versions = {name: found[name] for name in _PEERS if name in found}
    portkey = _ROOT / ".venv-peers/node/node_modules/@portkey-ai/gateway/package.json"
    return versions | ({"Portkey": json.loads(portkey.read_text())["version"]} if portkey.exists() else {})


def _postgres() -> str:
    said = subprocess.run([postgres_binaries() / "postgres", "--version"], capture_output=True, text=True, check=True)
    return said.stdout.split()[2]


def _commit() -> str:
    said = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return said.stdout.strip()
