"""What charts paint on their canvas: ticks in the reader's language and zone. No element holds it, so the brush is
listened to."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Browser

from fairlead.clock import SystemClock
from tests.api.serving import listening
from tests.console.desktop import house

LISTEN = """() => {
  const fill = CanvasRenderingContext2D.prototype.fillText;
  globalThis.painted = [];
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
    const at = this.getTransform();
    painted.push({ text, x: at.a * x + at.c * y + at.e, y: at.b * x + at.d * y + at.f, canvas: this.canvas });
    return fill.apply(this, arguments);
  };
}"""
HEARD = """(id) => {
  const chart = document.getElementById(id), over = chart.querySelector(".u-over").getBoundingClientRect();
  const canvas = chart.querySelector("canvas"), room = canvas.getBoundingClientRect();
  return painted.filter((one) => one.canvas === canvas).map((one) => ({
    text: one.text, x: one.x - (over.left - room.left), below: one.y > over.bottom - room.top, wide: over.width,
    left: one.x,
  }));
}"""
DRAW = """([id, data]) => {
  document.getElementById(id)?.remove();
  const made = document.getElementById("chart-runs").cloneNode(true);
  made.id = id;
  made.dataset.chart = JSON.stringify(data);
  made.querySelector(".plot-room").replaceChildren();
  document.getElementById("main").append(made);
}"""
DRAWN = "id => painted.some((one) => one.canvas.closest('[data-chart]')?.id === id)"
ZONES = ("Asia/Tokyo", "America/New_York", "Australia/Adelaide")


async def echo(input: Any) -> Any:
    return input


class Canvas:
    def __init__(self, page: Any) -> None:
        self._page = page

    async def data(self) -> dict[str, Any]:
        return json.loads(await self._page.get_attribute("#chart-runs", "data-chart"))

    async def said(self, chart: str = "chart-runs") -> list[dict[str, Any]]:
        async with asyncio.timeout(10):
            while not await self._page.evaluate(DRAWN, chart):
                await asyncio.sleep(0.02)
        return await self._page.evaluate(HEARD, chart)

    async def draw(self, data: dict[str, Any]) -> list[dict[str, Any]]:
        """A chart of its own, in the same page."""
        await self._page.evaluate(DRAW, ["chart-made", data])
        return await self.said("chart-made")


@asynccontextmanager
async def canvas(browser: Browser, *, zone: str = "Asia/Tokyo", language: str = "en") -> AsyncIterator[Canvas]:
    async with house({"echo": echo}) as at, listening(at.app) as address:
        await at.running.run("echo", 1)
        context = await browser.new_context(viewport={"width": 1280, "height": 900}, timezone_id=zone, locale=language)
        await context.add_init_script(f"({LISTEN})()")
        page = await context.new_page()
        await page.goto(f"{address}/console")
        await page.wait_for_selector(f'html[data-zone="{zone}"] #chart-runs canvas')
        yield Canvas(page)
        await context.close()


@pytest.mark.parametrize("zone", ZONES)
async def test_each_tick_says_the_hour_it_stands_at_in_the_readers_zone(browser: Browser, zone: str) -> None:
    async with canvas(browser, zone=zone) as seen:
        data, ticks = await seen.data(), [one for one in await seen.said() if one["below"]]
        first, last = data["starts"][0], data["starts"][-1] + data["step"]
        assert len(ticks) >= 5
        for tick in ticks:
            at = first + (last - first) * tick["x"] / tick["wide"]
            hour = datetime.fromtimestamp(round(at / 1800) * 1800, UTC).astimezone(ZoneInfo(zone))
            wanted = f"{hour:%m-%d}" if f"{hour:%H:%M}" == "00:00" else f"{hour:%H:%M}"
            assert tick["text"] == wanted, (zone, tick)
        assert sum(bool(re.fullmatch(r"\d\d-\d\d", one["text"])) for one in ticks) <= 2


def series(unit: str, top: float) -> dict[str, Any]:
    """Twelve hours that climb to `top`."""
    now = SystemClock().now().replace(minute=0, second=0, microsecond=0).timestamp()
    values = [top * n / 12 for n in range(1, 13)]
    one = {"label": "x", "values": values, "colour": "model", "dashed": False}
    return {
        "starts": [now - 3600 * n for n in range(12, 0, -1)], "step": 3600, "shape": "bars", "unit": unit,
        "series": [one], "limit": None, "partial": False, "drag": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("language", "counts", "seconds", "minutes"),
    [("en", "20K", "40 s", "5 min"), ("ja", "2万", "40 秒", "5 分"), ("zh", "2万", "40 秒", "5 分钟")],
)
async def test_values_are_in_the_units_of_the_readers_language(
    browser: Browser, language: str, counts: str, seconds: str, minutes: str
) -> None:
    async with canvas(browser, language=language) as seen:

        async def values(unit: str, top: float) -> set[str]:
            return {one["text"] for one in await seen.draw(series(unit, top)) if not one["below"]}

        assert counts in await values("count", 20_000)
        assert seconds in await values("seconds", 60)
        assert minutes in await values("seconds", 300)
        assert {"$0", "$0.002"} <= await values("money", 0.002)
        assert {"0%", "10%"} <= await values("share", 0.1)


async def test_no_value_is_cut_at_the_edge_however_long_it_is(browser: Browser) -> None:
    async with canvas(browser) as seen:
        said = await seen.draw(series("money", 2_500_000))
        widest = max((one for one in said if not one["below"]), key=lambda one: len(one["text"]))
        assert len(widest["text"]) >= 9
        assert widest["left"] >= 6.0 * len(widest["text"]), "the text ends at its place, and begins on the canvas"
