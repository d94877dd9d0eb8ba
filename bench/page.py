"""The page of the manual: `python -m bench.page` writes docs/benchmarks.md from docs/benchmarks.json."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Any

from bench import report
from bench.__main__ import NAMES
from bench.figure import Figure, Result, number
from bench.place import POSTGRES

DOCS = Path(__file__).resolve().parent.parent / "docs"
SOURCE, PAGE = DOCS / "benchmarks.json", DOCS / "benchmarks.md"

INTRODUCTION = f"""<!-- Made by `python -m bench.page`. Measure again, do not edit. -->

# Benchmarks

    make bench ARGS="--json docs/benchmarks.json"                     # the engine; `ARGS="NAME --quick"` for a look
    make bench-gateway ARGS="gateway --json docs/benchmarks.json"     # the model layer
    make bench-api ARGS="api --json docs/benchmarks.json"             # the API
    make bench-ship ARGS="ship --json docs/benchmarks.json"           # deploys on a host
    make bench-telemetry ARGS="telemetry --json docs/benchmarks.json" # logs, metrics, Sentry, redaction
    make bench-console ARGS="console --json docs/benchmarks.json"     # the console
    .venv/bin/python -m bench.page                                    # write this page

Fairlead is measured as it is used: `fairlead work` and `fairlead serve` processes with the settings of
production (on SQLite those of staging, because production wants PostgreSQL), a
log line for each start and end of a run, and metrics. Its peer does the same work in the same minutes on the same
PostgreSQL, in turn with it, several times; a figure is the median of the repeats, and the least and the greatest of
them follow in brackets. A ratio is ours over theirs. Ratios and CPU seconds travel from machine to machine better than
figures per second do. The load says how many processes wanted a core, ours included, when a benchmark began and ended:
above the number of cores, something else was at work as well. Results of different commits are of different days, and
the machine is not always as fast: DBOS needed 2.8 ms of CPU for a run on the day of the engine's and the API's, and 5.8
to 11.7 ms on days before, when the engine made 5 694 runs of one step and 19 707 steps a second where it makes the
figures below. costs and knowledge_search are still of such days, and so are the model layer's, telemetry's and the
console's: on that day litellm made 365 calls a CPU second in the morning, and 183 when these were measured. Compare
ratios.

The model layer is measured on a provider of this machine that answers at once, because an added tenth of a millisecond
can't be seen beside a real one. Each caller and each gateway is a process of its own; the peers (litellm and its proxy,
TensorZero embedded, Portkey, the SDKs of OpenAI and Anthropic) ask the same provider in the same minutes, in turn with
ours. They have no budgets, limits, usage rows or logs of calls switched on; ours has all of them. A peer that could not
be installed or did not start is named.

The API is measured from outside, by clients on the same machine, which take their part of its cores. Beside it the
LangGraph dev server, which keeps everything in memory, and bare apps of Starlette and FastAPI, which keep nothing.

PostgreSQL is a server of our own with `fsync`, `synchronous_commit` and `full_page_writes` on, and
{", ".join(f"`{name} = {value}`" for name, value in POSTGRES.items())}.
"""


def main() -> None:
    kept: dict[str, Any] = json.loads(SOURCE.read_text())["results"]
    ordered = [dict(kept[name]) for name in NAMES if name in kept]
    results = [(result.pop("machine"), Result.from_json(result)) for result in ordered]
    parts = [INTRODUCTION, machine([machine for machine, _ in results]), goals([result for _, result in results])]
    parts += [section(result) for _, result in results]
    PAGE.write_text("\n".join(parts))


def machine(machines: list[dict[str, Any]]) -> str:
    one = machines[-1]
    packages = ", ".join(f"{name} {version}" for name, version in one["packages"].items())
    commits = ", ".join(sorted({machine["commit"] for machine in machines if machine["commit"]}))
    return (
        f"Machine: {one['cores']} cores of {one['cpu']}, {one['memory_gb']} GB, {one['system']}. "
        f"Python {one['python']}, PostgreSQL {one['postgresql']}, {packages}. Commit {commits}.\n"
    )


def goals(results: list[Result]) -> str:
    rows = [
        f"| [{result.name}](#{result.name}) | {figure.what} | {shown(figure)} | {figure.goal} {figure.unit} "
        f"| {'met' if figure.verdict == 'met' else '**not met**'} |"
        for result in results
        for figure in result.figures
        if figure.goal
    ]
    return "\n".join(["## Goals\n", "| benchmark | figure | reached | goal | |", "|---|---|---|---|---|", *rows, ""])


def section(result: Result) -> str:
    load = " to ".join(number(one) for one in result.load)
    quick = " A quick run: one repeat of a fifth of the work." if result.quick else ""
    lines = [
        f"## {result.name}\n",
        f"**{result.title}.** {result.work} {' '.join(result.notes)}{quick} Load {load}.\n",
        "| figure | Fairlead | beside it | ratio |",
        "|---|---|---|---|",
        *(row(figure) for figure in result.figures),
    ]
    if result.curve:
        lines += ["\n```text", *report.chart(result.curve), "```"]
    return "\n".join([*lines, ""])


def row(figure: Figure) -> str:
    other = f"{figure.peer}: {number(median(figure.theirs))} {figure.unit}" if figure.theirs else ""
    if figure.theirs:
        other += report.spread(figure.theirs)
    ratio = number(figure.ratio) if figure.ratio else ""
    return f"| {figure.what} | {shown(figure)} | {other} | {ratio} |"


def shown(figure: Figure) -> str:
    return f"{number(figure.value)} {figure.unit}{report.spread(figure.ours)}"


if __name__ == "__main__":
    main()
