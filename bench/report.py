"""Results for a person at a terminal, and as JSON to be kept."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Any

from bench.figure import Figure, Result, number

_BAR = 50


def heading(machine: dict[str, Any]) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    return (
        f"{machine['cores']} cores of {machine['cpu']}, {machine['memory_gb']} GB, {machine['system']}\n"
        f"Python {machine['python']}, PostgreSQL {machine['postgresql']}, {packages}; commit {machine['commit']}\n"
    )


def told(result: Result) -> str:
    load = " to ".join(number(one) for one in result.load)
    lines = [f"{result.name}: {result.title}", f"  {result.work}"]
    lines += [f"  {line}" for line in [*result.notes, f"load {load}, {result.took:.0f} s"]]
    lines += [f"    {_told(figure)}" for figure in result.figures]
    if result.curve:
        lines += ["", *(f"    {line}" for line in chart(result.curve))]
    return "\n".join([*lines, ""])


def _told(figure: Figure) -> str:
    text = f"{figure.what:<46} {number(figure.value):>8} {figure.unit}{spread(figure.ours)}"
    if figure.theirs:
        text += f"   {figure.peer} {number(median(figure.theirs))} {figure.unit}{spread(figure.theirs)}"
    if figure.ratio:
        text += f"   ratio {number(figure.ratio)}"
    if figure.goal:
        text += f"   goal {figure.goal}: {figure.verdict}"
    return text


def spread(values: list[float]) -> str:
    """The least and the greatest of the repeats."""
    return f" ({number(min(values))} to {number(max(values))})" if len(values) > 1 else ""


def summary(results: list[Result]) -> str:
    judged = [(result, figure) for result in results for figure in result.figures if figure.goal]
    missed = [
        f"  {r.name}: {f.what} {number(f.value)} {f.unit}, goal {f.goal}" for r, f in judged if f.verdict != "met"
    ]
    return "\n".join([f"{len(judged) - len(missed)} of {len(judged)} goals met", *missed])


def chart(curve: list[tuple[float, float]]) -> list[str]:
    most = max(y for _, y in curve)
    return [f"{number(x):>10}  {'█' * max(1, round(y / most * _BAR)):<{_BAR}}  {number(y)}" for x, y in curve]


def keep(file: Path, machine: dict[str, Any], result: Result) -> None:
    """Write it to `file`, in place of an older one of the same name."""
    kept: dict[str, Any] = json.loads(file.read_text())["results"] if file.exists() else {}
    kept[result.name] = {"machine": machine, **result.to_json()}
    file.write_text(json.dumps({"results": kept}, indent=1) + "\n")
