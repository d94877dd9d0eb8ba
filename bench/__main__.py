"""`python -m bench [NAME …] [--quick] [--runs N] [--json FILE]`."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

import uvloop

from bench import machine, report
from bench.figure import Result
from bench.place import Place

ENGINE = (
    "steps_postgres", "runs_postgres", "steps_sqlite", "record_latency", "start_latency", "takeover", "memory",
    "install", "growth", "costs",
)  # fmt: skip
GATEWAY = (
    "gateway_in_process", "gateway_http", "gateway_stream", "gateway_sdk", "gateway_recorded", "gateway_budget",
    "gateway_outage", "gateway_size",
)  # fmt: skip
API = ("api_submit", "api_streams", "api_wait", "api_reads")
KNOWLEDGE = ("knowledge_search",)
SHIP = ("ship_switches", "ship_canaries", "ship_proxy")
TELEMETRY = ("telemetry_cost", "telemetry_metrics", "telemetry_redaction", "telemetry_logs")
CONSOLE = ("console_reads", "console_browser", "console_watched")
NAMES = (*ENGINE, *GATEWAY, *API, *KNOWLEDGE, *SHIP, *TELEMETRY, *CONSOLE)
SETS = {
    "engine": ENGINE, "gateway": GATEWAY, "api": API, "knowledge": KNOWLEDGE, "ship": SHIP, "telemetry": TELEMETRY,
    "console": CONSOLE,
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Fairlead beside its peers.")
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"any of: {', '.join(NAMES)}, or a set: {', '.join(SETS)}; engine is the default",
    )
    parser.add_argument("--quick", action="store_true", help="one repeat of a fifth of the work")
    parser.add_argument("--runs", type=int, default=0, metavar="N", help="store at most so many runs (the console)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the results; those of other names stay in it")
    given = parser.parse_args()
    names = [name for one in given.names or ["engine"] for name in SETS.get(one, (one,))]
    if unknown := set(names) - set(NAMES):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}. There are: {', '.join(NAMES)}")
    described = machine.describe()
    print(report.heading(described))

    def heard(result: Result) -> None:
        print(report.told(result), flush=True)
        if given.json:
            report.keep(given.json, described, result)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # the loop of our processes
        results = runner.run(run(names, heard, quick=given.quick, runs=given.runs))
    print(report.summary(results))
    return 0 if all(figure.verdict != "NOT MET" for result in results for figure in result.figures) else 1


async def run(names: Sequence[str], heard: Callable[[Result], None], *, quick: bool, runs: int) -> list[Result]:
    """One after the other; each is told when it is done."""
    place, results = Place(quick, runs), list[Result]()
    try:
        for name in names:
            results.append(await measured(name, place))
            heard(results[-1])
    finally:
        await place.close()
    return results


async def measured(name: str, place: Place) -> Result:
    measure = import_module(f"bench.measures.{name}")
    before, began = machine.load(), time.monotonic()
    figures, notes, *curve = await measure.measure(place)
    return Result(
        name, measure.TITLE, measure.WORK, figures, notes, curve[0] if curve else [], [before, machine.load()],
        place.quick, round(time.monotonic() - began, 1),
    )  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
