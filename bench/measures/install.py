"""What a user installs, and how soon it stands: the check that every change passes, repeated here."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

from bench.figure import Figure, at_most
from bench.place import Place

TITLE = "A fresh install"
WORK = "`.ci/fresh.py`: a wheel in a new virtual environment with the locked packages; the best of several starts."
_FRESH = Path(__file__).resolve().parents[2] / ".ci/fresh.py"
_FIGURES = {
    "packages": ("packages", ""),
    "megabytes": ("on disk, compiled files included", "MB"),
    "import_seconds": ("`import fairlead`", "s"),
    "dev_ready_seconds": ("`fairlead dev` ready after", "s"),
}


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    values: dict[str, list[float]] = {name: [] for name in _FIGURES}
    goals: dict[str, float] = {}
    for _ in range(place.repeats):
        done = await asyncio.to_thread(subprocess.run, [sys.executable, _FRESH], capture_output=True, text=True)
        for name, value, goal in re.findall(r"(\w+) +([\d.e+]+) +goal <= ([\d.]+)", done.stdout):
            values[name].append(float(value))
            goals[name] = float(goal)
        if missing := [name for name in _FIGURES if not values[name]]:
            raise RuntimeError(f"{', '.join(missing)} could not be told:\n{done.stdout}{done.stderr}")
    return [Figure(what, unit, values[name], at_most(goals[name])) for name, (what, unit) in _FIGURES.items()], [
        "Packages come from a local cache or the network; neither is measured."
    ]
