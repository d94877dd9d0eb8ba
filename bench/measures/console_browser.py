"""What the console's pages ask of a browser: the first paint, long tasks, memory, bytes."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from playwright.async_api import Browser, Page, Response, async_playwright

from bench import history, serving, workers
from bench.figure import Figure, at_most
from bench.history import History
from bench.measures.console_reads import COPIES, FAR, RUNS, STEPS
from bench.place import Place
from fairlead.runs.run import NewRun
from tests.servers import chromium

LOADS, LOOKED, WATCHED = 3, 1.0, 10.0
PERIOD = 0.05  # seconds from step to step of the run that is watched
TITLE = "The console's pages in a browser"
WORK = (
    f"A headless Chromium of 1280 x 900 opens each page with nothing kept, scrolls to the end and looks at it for "
    f"{LOOKED:.0f} s; a run with a step each {PERIOD * 1000:.0f} ms it watches for {WATCHED:.0f} s. `fairlead serve` "
    f"is on the same machine, with 10^6 runs on PostgreSQL, one of them of {STEPS} steps. Memory: what the page's "
    "process has to itself, the browser's own part included. Bytes: the HTML and all that it loads, each file by "
    "itself through gzip. Main thread: CPU time of the page's process until it has painted."
)
_OBSERVE = """
window.longTasks = [];
new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map((one) => one.duration)))
    .observe({ type: "longtask", buffered: true });
"""
_ARGUMENTS = ["--no-sandbox"] if os.geteuid() == 0 else []
_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
_TRACED = ["toplevel", "disabled-by-default-devtools.timeline", "loading", "blink.user_timing", "__metadata"]


@dataclass(frozen=True, slots=True)
class Seen:
    """Milliseconds; megabytes; kilobytes through gzip, and as they were sent."""

    paint: float
    longest: float
    memory: float
    packed: float
    sent: float


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    filled = await history.both(place, place.stored(RUNS), back=[FAR], steps=STEPS, copies=COPIES)
    stored = filled["PostgreSQL"]
    watched = await _begin(stored)
    member = workers.start("work", stored.url, stored.folder, slots=2)
    place.processes.append(member.process)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=_ARGUMENTS)
        fresh = [await _fresh(place, browser, stored) for _ in range(place.repeats)]
        ours = await serving.fairlead(place, stored.url, stored.folder)
        try:
            figures = list[Figure]()
            for page, path in _pages(stored).items():
                address = f"http://127.0.0.1:{ours.port}{path}"
                thread = await _until_paint(browser, address)
                looks = [await _look(browser, address, LOOKED) for _ in range(place.amount(LOADS))]
                figures += _figures(page, looks, thread)
            live = [await _look(browser, f"http://127.0.0.1:{ours.port}/console/runs/{watched}", WATCHED)
                    for _ in range(place.repeats)]  # fmt: skip
        finally:
            ours.stop()
            member.stop(9)
        await browser.close()
    return [
        *figures,
        Figure("a run under way: longest task", "ms", [one.longest for one in live], at_most(100)),
        Figure("a run under way: memory", "MB", [one.memory for one in live], at_most(150)),
        Figure("dashboard, first page of a process: first contentful paint", "ms", fresh, at_most(500)),
    ], ["A task of less than 50 ms is not told by the browser and counts as none."]


def _pages(stored: History) -> dict[str, str]:
    long = f"/console/runs/{stored.long[0]}"
    return {
        "dashboard": "/console", "dashboard of 7 d": "/console?period=7d", "runs": "/console/runs", "run": long,
        "run, model calls": f"{long}?tab=model", "run, events": f"{long}?tab=events", "threads": "/console/threads",
        "thread": "/console/threads/thread-0000007", "agents": "/console/agents", "providers": "/console/providers",
        "budgets": "/console/budgets", "costs": "/console/costs?period=7d", "approvals": "/console/approvals",
        "schedules": "/console/schedules", "workers": "/console/workers", "releases": "/console/releases",
        "deploys": "/console/deploys", "evaluations": "/console/evaluations", "audit": "/console/audit",
    }  # fmt: skip


async def _begin(stored: History) -> str:
    """A run that goes on while the pages are looked at; its id."""
    async with workers.engine_on(stored.url, stored.folder) as engine:
        run, _ = await engine.control.submit(NewRun("ticking", PERIOD, release=workers.RELEASE))
    return run.id


async def _fresh(place: Place, browser: Browser, stored: History) -> float:
    """The first contentful paint of the first page that a process is asked for."""
    ours = await serving.fairlead(place, stored.url, stored.folder)
    try:
        return (await _look(browser, f"http://127.0.0.1:{ours.port}/console", 0)).paint
    finally:
        ours.stop()


async def _opened(browser: Browser) -> Page:
    """In a context of its own: nothing is kept from the last time."""
    headers = {name: value for name, _, value in (one.partition(": ") for one in serving.HEADERS)}
    context = await browser.new_context(viewport={"width": 1280, "height": 900}, extra_http_headers=headers)
    page = await context.new_page()
    await page.add_init_script(_OBSERVE)
    return page


async def _look(browser: Browser, address: str, seconds: float) -> Seen:
    page, answers = await _opened(browser), list[Response]()
    page.on("response", lambda answer: answers.append(answer) if "/live" not in answer.url else None)
    answer = await page.goto(address, wait_until="load")
    if answer is None or answer.status != 200:
        raise RuntimeError(f"{address} was not answered with 200.")
    await page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    await asyncio.sleep(seconds)
    paint: float = await _painted(page)
    tasks: list[float] = await page.evaluate("window.longTasks")
    memory = _memory()
    packed = sum([len(gzip.compress(await one.body(), 6)) for one in answers])
    sent = sum([(await one.request.sizes())["responseBodySize"] for one in answers])
    await page.context.close()
    return Seen(paint, max(tasks, default=0.0), memory / 1e6, packed / 1e3, sent / 1e3)


def _memory() -> float:
    """Bytes that the page's process shares with no other. Of the browser's processes for pages, one has a page."""
    mine = psutil.Process().children(recursive=True)
    pages = [one.pid for one in mine if one.is_running() and "--type=renderer" in one.cmdline()]
    return max(map(_private, pages))


def _private(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))


async def _painted(page: Page) -> float:
    """It may be loaded before."""
    while not (paint := await page.evaluate(_PAINT)):  # Playwright's own waiting is a script that our policy forbids
        await asyncio.sleep(0.05)
    return paint


async def _until_paint(browser: Browser, address: str) -> float:
    """Milliseconds of CPU on the page's main thread from the first byte until it has painted. Traced by itself: a trace
    slows down what it looks at."""
    page = await _opened(browser)
    await browser.start_tracing(page=page, categories=_TRACED)
    await page.goto(address, wait_until="load")
    await _painted(page)
    events: list[dict[str, Any]] = json.loads(await browser.stop_tracing())["traceEvents"]
    await page.context.close()
    paint = next(one for one in events if one["name"] == "firstContentfulPaint")
    frame = paint["args"]["frame"]  # and not one of a script's own document
    begun = min(one["ts"] for one in events if one["name"] == "navigationStart" and one["args"]["frame"] == frame)
    return sum(
        one.get("tdur", 0) / 1000 for one in events
        if one["name"].endswith("RunTask") and (one["pid"], one["tid"]) == (paint["pid"], paint["tid"])
        and begun <= one["ts"] <= paint["ts"]
    )  # fmt: skip


def _figures(page: str, looks: Sequence[Seen], thread: float) -> list[Figure]:
    return [
        Figure(f"{page}: first contentful paint", "ms", [one.paint for one in looks], at_most(500)),
        Figure(f"{page}: main thread until then", "ms", [thread]),
        Figure(f"{page}: longest task", "ms", [one.longest for one in looks], at_most(100)),
        Figure(f"{page}: memory", "MB", [one.memory for one in looks], at_most(150)),
        Figure(f"{page}: HTML and assets through gzip", "KB", [one.packed for one in looks], at_most(200)),
        Figure(f"{page}: HTML and assets as sent", "KB", [one.sent for one in looks]),
    ]
