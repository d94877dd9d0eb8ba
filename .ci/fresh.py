"""Install Fairlead as a user would, and hold it to its figures.

Build the wheel; make a new virtual environment; install the locked packages with their hashes,
then the wheel; start it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = str(Path(sys.executable).with_name("uv"))
GOALS = {"packages": 45, "megabytes": 150.0, "import_seconds": 0.3, "dev_ready_seconds": 2.0}


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="fairlead-fresh-") as name:
        folder = Path(name)
        wheel = build(folder / "dist")
        forgotten = missing_from(wheel)
        python = install(folder / "venv", wheel)
        print(output(folder / "venv/bin/fairlead", "--version").strip())
        figures: dict[str, float | None] = {
            "packages": count_packages(python),
            "megabytes": size_of(folder / "venv"),
            "import_seconds": best(5, lambda: time_import(python)),
            "dev_ready_seconds": best(3, lambda: time_dev(folder)),
        }
    return report(figures, forgotten)


def report(figures: dict[str, float | None], forgotten: list[str]) -> int:
    missed = 0
    for name, goal in GOALS.items():
        figure = figures[name]
        verdict = "could not tell" if figure is None else "ok" if figure <= goal else "MISSED"
        missed += verdict != "ok"
        shown = "-" if figure is None else f"{figure:.3g}"
        print(f"  {name:<18} {shown:>8}   goal <= {goal:g}   {verdict}")
    for path in forgotten:
        print(f"  not in the wheel: {path}")
    return 1 if missed or forgotten else 0


def build(dist: Path) -> Path:
    lock = str(ROOT / "requirements-dev.lock")
    run(UV, "build", "--quiet", "--wheel", "--build-constraints", lock, "--out-dir", str(dist), str(ROOT))
    return next(dist.glob("*.whl"))


def missing_from(wheel: Path) -> list[str]:
    """Tracked files of the package that a user would not get."""
    with zipfile.ZipFile(wheel) as archive:
        shipped = set(archive.namelist())
    tracked = subprocess.run(["git", "ls-files", "fairlead"], cwd=ROOT, capture_output=True, text=True, check=True)
    return sorted(path for path in tracked.stdout.splitlines() if (ROOT / path).exists() and path not in shipped)


def install(venv: Path, wheel: Path) -> Path:
    run(UV, "venv", "--quiet", "--python", sys.executable, str(venv))
    python = venv / "bin/python"
    pip = (UV, "pip", "install", "--quiet", "--python", str(python))
    run(*pip, "--require-hashes", "-r", str(ROOT / "requirements.lock"))
    run(*pip, "--no-deps", str(wheel))
    run(UV, "pip", "check", "--quiet", "--python", str(python))
    return python


def count_packages(python: Path) -> int:
    return len(json.loads(output(UV, "pip", "list", "--python", python, "--format", "json")))


def size_of(folder: Path) -> float:
    """Megabytes on disk, compiled files included: that is what an image will hold."""
    run(str(folder / "bin/python"), "-m", "compileall", "-q", str(folder / "lib"), accept=(0, 1))
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink()) / 1e6


def time_import(python: Path) -> float:
    code = "import time; t = time.perf_counter(); import fairlead; print(time.perf_counter() - t)"
    return float(output(python, "-c", code))


def time_dev(folder: Path) -> float | None:
    """Seconds from the command to the first `ready`; None if that never came."""
    project = folder / "project"
    shutil.rmtree(project, ignore_errors=True)
    project.mkdir()
    fairlead = folder / "venv/bin/fairlead"
    if subprocess.run([fairlead, "init"], cwd=project, check=False, stdout=subprocess.DEVNULL).returncode != 0:
        return None
    port = free_port()
    began = time.perf_counter()
    server = subprocess.Popen(
        [fairlead, "dev", "--port", str(port)], cwd=project, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        while not ready(port):
            if server.poll() is not None or time.perf_counter() - began > 30:
                return None
            time.sleep(0.01)
        return time.perf_counter() - began
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


def ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=1) as answer:
            return answer.status == 200
    except OSError:
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def best(times: int, measure: Callable[[], float | None]) -> float | None:
    """The fastest of several: other work on the machine only ever slows one down."""
    figures: list[float] = []
    for _ in range(times):
        figure = measure()
        if figure is None:
            return None
        figures.append(figure)
    return min(figures)


def output(*words: object) -> str:
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=True).stdout


def run(*words: str, accept: tuple[int, ...] = (0,)) -> None:
    done = subprocess.run(words, check=False)
    if done.returncode not in accept:
        raise SystemExit(f"{' '.join(words)} ended with {done.returncode}")


if __name__ == "__main__":
    raise SystemExit(main())
