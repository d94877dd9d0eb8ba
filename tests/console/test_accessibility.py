"""Every page as axe sees it: both themes in each of three languages, wide and narrow. Nothing serious, nothing that
scrolls sideways, and nothing that the page's own policy refuses.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.async_api import Browser
from starlette.routing import Route

from fairlead.runs.assistants import Wanted
from fairlead.runs.schedules import ScheduleWanted
from fairlead.web.console.router import Console
from fairlead.wiring import Engine
from tests.console.desktop import Desktop, desktop
from tests.console.showroom import showroom

AXE = (Path(__file__).resolve().parents[1] / "node/node_modules/axe-core/axe.min.js").read_text()
_RUN = """async (rules) => {
  const found = await axe.run(document, {resultTypes: ["violations"], ...(rules && {runOnly: rules})});
  return found.violations.filter((one) => ["serious", "critical"].includes(one.impact))
    .map((one) => [one.id, one.help, one.nodes.slice(0, 3).map((node) => node.html.slice(0, 200))]);
}"""
WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
PAGES = (
    "/console", "/console?period=7d", "/console/runs", "/console/runs?status=error", "/console/runs?q=zzz",
    "/console/runs?tool=get_order&model=openai/gpt-5-mini",
    "/console/threads", "/console/approvals", "/console/service-levels", "/console/agents",
    "/console/agents/refund-desk", "/console/agents/refund-desk/new",
    "/console/playground", "/console/evaluations", "/console/evaluations/cases",
    "/console/schedules", "/console/schedules/new", "/console/deploys", "/console/releases", "/console/checklists",
    "/console/checklists/daily", "/console/workers", "/console/providers", "/console/budgets", "/console/costs",
    "/console/keys", "/console/keys/new", "/console/users", "/console/audit", "/console/settings",
    "/console/keys/key?name=web-shop", "/console/keys/rotate?name=web-shop", "/console/keys/revoke?name=web-shop",
    "/console/users/user?name=sam", "/console/users/new", "/console/users/disable?name=sam",
    "/console/users/delete?name=sam", "/console/audit/verify", "/console/budgets/set",
    "/console/budgets/remove?scope=agent:refund-desk&period=day", "/console/budgets/stop?scope=agent:refund-desk",
    "/console/budgets/resume?scope=agent:order-desk", "/console/checklists/deploy?item=tls",
    "/console/threads/chiyo-48392", "/console/runs/nobody",
)  # fmt: skip
LOOKS: dict[str, tuple[tuple[Any, int], ...]] = {
    "en": (("light", 1280), ("dark", 390)),
    "ja": (("dark", 1280), ("light", 390)),
    "zh": (("light", 390), ("dark", 1280)),
}
"""Each page in three languages, both themes and both widths. A second look is for what differs there: the colours."""
_OF_COLOUR = ["color-contrast", "link-in-text-block"]


async def addresses(engine: Engine) -> list[str]:
    """Pages of one thing, too."""
    runs = await engine.control.list(limit=20)
    failed = next(run for run in runs if run.error is not None)
    asked = next(run for run in runs if run.agent == "refund-desk")
    steps = [event.key for event in await engine.feed.events(asked.id, tenant="default") if event.type == "step"]
    (schedule, *_), _ = await engine.schedules.search(ScheduleWanted(), tenant="default")
    assistants, _ = await engine.assistants.search(Wanted(agent="refund-desk"), tenant="default")
    assistant = next(one for one in assistants if not one.declared)
    evaluations = [one.id for one in await engine.evaluations.list()]
    (kept, *_) = await engine.evaluations.cases.list(tenant="default")
    deploys = await engine.ledger.history()
    (approval, *_) = await engine.control.approvals()
    return [
        *(f"/console/agents/refund-desk/{assistant.id}{word}" for word in ("", "/edit", "/delete", "/use?version=1")),
        *(f"/console/deploys/{one.id}" for one in deploys), f"/console/deploys/{deploys[0].id}/halt",
        f"/console/approvals/{approval.id}/approve", f"/console/runs/{approval.run_id}?tab=logs",
        f"/console/evaluations/cases/{kept.id}/remove",
        *PAGES, f"/console/runs/{failed.id}", f"/console/runs/{asked.id}?step={steps[0]}",
        *(f"/console/runs/{asked.id}?tab={tab}" for tab in ("events", "model", "tools", "json")),
        f"/console/runs/{asked.id}/fork?step={steps[0]}", f"/console/runs/{failed.id}/case",
        f"/console/runs/bulk?move=retry&id={failed.id}", f"/console/runs/{failed.id}/retry",
        *(f"/console/schedules/{schedule.id}{word}" for word in ("", "/edit", "/delete")),
        f"/console/evaluations/{evaluations[0]}", f"/console/evaluations/{evaluations[0]}?with={evaluations[1]}",
    ]  # fmt: skip


_NO_PAGE = re.compile(r"^/$|/live$|/value$|\.(csv|json|jsonl)$|/static/|/playground/live")


def unseen(app: Console, paths: Sequence[str]) -> list[str]:
    """Pages that none of the paths is of."""
    found: list[str] = []
    for route in app.routes:
        assert isinstance(route, Route)
        known = (route.path_regex.match(path.partition("?")[0]) for path in paths)
        if "GET" in (route.methods or ()) and not _NO_PAGE.search(route.path) and not any(known):
            found.append(route.path)
    return found


async def looked_at(one: Desktop, paths: Sequence[str], language: str) -> list[str]:
    """What is wrong with each page."""
    wrong: list[str] = []
    for path in paths:
        for again, (theme, width) in enumerate(LOOKS[language]):
            await one.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            await one.page.set_viewport_size({"width": width, "height": 900})
            if not again:
                await one.go(path)
                await one.page.evaluate(AXE)
            look = f"{theme} {language} {width} {path}"
            found: list[Any] = await one.page.evaluate(_RUN, _OF_COLOUR if again else None)
            wrong += [f"{look}: {rule}: {why} {nodes}" for rule, why, nodes in found]
            if (wider := await one.page.evaluate(WIDER)) > 0:
                wrong.append(f"{look}: scrolls sideways by {wider} px")
        wrong += [f"{language} {path}: {said}" for said in one.complaints if "404" not in said]
        one.complaints.clear()
    return wrong


async def test_no_page_keeps_anybody_out(browser: Browser) -> None:
    async with showroom(hours=2) as (app, engine):
        paths = await addresses(engine)
        assert unseen(app, paths) == []

        async def as_seen(language: str) -> list[str]:
            async with desktop(browser, app, locale=language) as one:
                return await looked_at(one, paths, language)

        wrong = await asyncio.gather(*(as_seen(language) for language in LOOKS))
    assert [line for lines in wrong for line in lines] == []


async def test_what_keeps_somebody_out_would_be_found(browser: Browser) -> None:
    page = await browser.new_page()
    await page.set_content("<html lang=en><title>x</title><main><input><p style='color:#999'>pale</p></main>")
    await page.evaluate(AXE)
    assert {rule for rule, *_ in await page.evaluate(_RUN)} == {"label", "color-contrast"}
