"""A model provider on this machine that answers at once, and a generator of load: neither may be the bottleneck.

Two small C programs where they are found (`shared/bench/provider.c`, `load.c` beside this folder or above it): tens of
thousands of requests a second. Where they are not: `fairlead simulate` and `wrk`, which are slower, and we say so.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.place import Place
from bench.workers import Member
from tests.servers import free_port, wait_until

ROOT = Path(__file__).resolve().parent.parent
PROVIDER_BILLS = (1000, 500)  # tokens in and out, of every answer
_WRK = """
wrk.method = "POST"
wrk.body = io.open("{body}"):read("*a")
wrk.headers["content-type"] = "application/json"
{headers}
"""


@dataclass(frozen=True, slots=True)
class Loopback:
    """A provider under our control. `chunks`: of text in each stream; three more of each stream carry none."""

    member: Member
    port: int
    chunks: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def requests(self) -> int:
        """How many it was asked so far."""
        with urllib.request.urlopen(f"{self.url}/stats") as answer:
            said = json.load(answer)
        return said["requests"] if "requests" in said else said["calls"]

    def stop(self) -> None:
        self.member.stop(9)


@dataclass(frozen=True, slots=True)
class Load:
    """What a client saw; times in milliseconds."""

    count: int
    per_second: float
    p50: float
    p99: float
    errors: int


def start(place: Place, *, latency_ms: float = 0, chunks: int = 20, gap_ms: float = 0) -> Loopback:
    port, program = free_port(), native(place, "provider")
    if program:
        command = [str(program), str(port), str(latency_ms), str(chunks), str(gap_ms)]
    else:
        command = [
            sys.executable, "-m", "fairlead", "simulate", "--port", str(port), "--latency", str(latency_ms),
            "--tokens-per-second", str(1000 / gap_ms if gap_ms else 0),
        ]  # fmt: skip
    log = place.folder / f"provider-{port}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=ROOT)
    place.processes.append(process)
    wait_until(lambda: _answers(port))
    return Loopback(Member(process, log), port, chunks)


async def load(
    place: Place, port: int, path: str, body: object, *, together: int, seconds: float, headers: Sequence[str] = ()
) -> Load:
    """So many clients, each asking again when it is answered. RuntimeError: one was not answered with 200."""
    file = place.folder / f"body-{port}.json"
    file.write_bytes(json.dumps(body).encode())
    program = native(place, "load")
    if program:
        command = [str(program), str(port), path, str(together), str(seconds), str(file), *headers]
        said = await _said(command)
        seen = _of_load(said)
    else:
        script = place.folder / f"wrk-{port}.lua"
        lines = [f'wrk.headers["{name}"] = "{value}"' for name, _, value in (one.partition(": ") for one in headers)]
        script.write_text(_WRK.format(body=file, headers="\n".join(lines)))
        wrk = shutil.which("wrk") or "wrk"
        command = [wrk, "-t1", f"-c{together}", f"-d{max(1, round(seconds))}s", "--latency", "-s", str(script)]
        said = await _said([*command, f"http://127.0.0.1:{port}{path}"])
        seen = _of_wrk(said)
    if seen.errors:
        raise RuntimeError(f"{seen.errors} of {seen.count} requests to port {port}{path} failed; {said[-600:]}")
    return seen


def note(place: Place) -> str:
    if native(place, "provider"):
        return "Provider and load generator are native programs on loopback."
    return "Provider: `fairlead simulate`; load: `wrk`. They take part of the machine: look at ratios only."


def native(place: Place, name: str) -> Path | None:
    """The compiled tool, or None where it can't be had."""
    source = next((found for above in ROOT.parents if (found := above / "shared/bench" / f"{name}.c").exists()), None)
    compiler = shutil.which("cc")
    if source is None or compiler is None:
        return None
    program = place.folder / name
    if not program.exists():
        command = [compiler, "-O2", "-w", "-o", str(program), str(source), "-lm", "-lpthread"]
        subprocess.run(command, check=True)
    return program


async def _said(command: list[str]) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, problem = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: {problem.decode()[-500:]}")
    return (out + problem).decode()


def _of_load(text: str) -> Load:
    said = json.loads(text.splitlines()[0])
    return Load(said["n"], said["rps"], said["p50"], said["p99"], said["errors"])


def _of_wrk(text: str) -> Load:
    def milliseconds(percent: str) -> float:
        number, unit = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s)", text).groups()  # type: ignore[union-attr]
        return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]

    count = int(re.search(r"(\d+) requests in", text).group(1))  # type: ignore[union-attr]
    per_second = float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))  # type: ignore[union-attr]
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    broken = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    errors = int(failed.group(1)) if failed else 0
    errors += sum(map(int, broken.groups())) if broken else 0
    return Load(count, per_second, milliseconds("50"), milliseconds("99"), errors)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/stats", timeout=1):
            return True
    except OSError:
        return False
