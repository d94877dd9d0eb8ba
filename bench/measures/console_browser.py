"""What the console's pages ask of a browser: the first paint, long tasks, memory, bytes."""

from __future__ import annotations

import asyncio
import gzip
import os
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Browser, Response, async_playwright

from bench import history, loopback, serving
from bench.figure import Figure, at_most
from bench.place import Place
from tests.servers import chromium

RUNS, STEPS, LOADS, LOOKED = 20_000, 5000, 5, 3.0
TITLE = "The console's pages in a browser"
WORK = (
    f"A headless Chromium of 1280 x 900 opens the dashboard, the list of runs and a run of {STEPS} steps, each time "
    f"with nothing kept, scrolls to the end and looks at it for {LOOKED:.0f} s. `fairlead serve` is on the same "
    f"machine, with {RUNS} runs on PostgreSQL. Bytes: the HTML and all that it loads, each file by itself through gzip."
)
_OBSERVE = """
window.longTasks = [];
new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map((one) => one.duration)))
    .observe({ type: "longtask", buffered: true });
"""
_ARGUMENTS = ["--no-sandbox"] if os.geteuid() == 0 else []
_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


@dataclass(frozen=True, slots=True)
class Seen:
    """Milliseconds; megabytes of JavaScript's heap; kilobytes through gzip, and as they were sent."""

    paint: float
    longest: float
    memory: float
    packed: float
    sent: float


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    url, folder = await place.new_database(), place.new_folder()
    await history.fill(place, url, place.stored(RUNS))
    provider = loopback.start(place)
    long = await history.long_run(url, folder, provider.url, steps=STEPS)
    provider.stop()
    ours = await serving.fairlead(place, url, folder)
    pages = {"dashboard": "/console", "runs": "/console/runs", "run": f"/console/runs/{long}"}
    seen: dict[str, list[Seen]] = {page: [] for page in pages}
    try:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium(), args=_ARGUMENTS)
            for number in range(place.amount(LOADS) + 1):
                for page, address in pages.items():
                    one = await _look(browser, f"http://127.0.0.1:{ours.port}{address}")
                    if number > 0:
                        seen[page].append(one)
            await browser.close()
    finally:
        ours.stop()
    await place.drop(url)
    return [figure for page, looks in seen.items() for figure in _figures(page, looks)], [
        "A task of less than 50 ms is not told by the browser and counts as none."
    ]


async def _look(browser: Browser, address: str) -> Seen:
    """In a context of its own: nothing is kept from the last time."""
    headers = {name: value for name, _, value in (one.partition(": ") for one in serving.HEADERS)}
    context = await browser.new_context(viewport={"width": 1280, "height": 900}, extra_http_headers=headers)
    page, answers = await context.new_page(), list[Response]()
    page.on("response", lambda answer: answers.append(answer) if "/live" not in answer.url else None)
    await page.add_init_script(_OBSERVE)
    answer = await page.goto(address, wait_until="load")
    if answer is None or answer.status != 200:
        raise RuntimeError(f"{address} was not answered with 200.")
    await page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    await asyncio.sleep(LOOKED)
    paint: float = await page.evaluate(_PAINT)
    tasks: list[float] = await page.evaluate("window.longTasks")
    session = await context.new_cdp_session(page)
    heap = await _heap(session)
    packed = sum([len(gzip.compress(await one.body(), 6)) for one in answers])
    sent = sum([(await one.request.sizes())["responseBodySize"] for one in answers])
    await context.close()
    return Seen(paint, max(tasks, default=0.0), heap / 1e6, packed / 1e3, sent / 1e3)


async def _heap(session: Any) -> float:
    await session.send("Performance.enable")
    told = await session.send("Performance.getMetrics")
    return next(one["value"] for one in told["metrics"] if one["name"] == "JSHeapUsedSize")


def _figures(page: str, looks: list[Seen]) -> list[Figure]:
    return [
        Figure(f"{page}: first contentful paint", "ms", [one.paint for one in looks], at_most(500)),
        Figure(f"{page}: longest task", "ms", [one.longest for one in looks], at_most(100)),
        Figure(f"{page}: memory of scripts", "MB", [one.memory for one in looks], at_most(150)),
        Figure(f"{page}: HTML and assets through gzip", "KB", [one.packed for one in looks], at_most(200)),
        Figure(f"{page}: HTML and assets as sent", "KB", [one.sent for one in looks]),
    ]
