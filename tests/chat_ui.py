"""agent-chat-ui, an open chat page made for LangGraph, unchanged, against Fairlead in a real browser: `make chat-ui`.

The page is the template in the npm package create-agent-chat-app. It is built in a folder of its own, for minutes:
that is why this is no test of the suite. Pictures are left in that folder.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright, expect
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from fairlead import Context
from fairlead.agents import Agent
from tests.api.serving import listening, serving
from tests.servers import chromium

PACKAGE = "create-agent-chat-app@0.1.6"
KEY = "k" * 32
QUESTION = {
    "action_request": {"action": "paint", "args": {"colour": "blue"}},
    "config": {"allow_accept": True, "allow_edit": False, "allow_respond": True, "allow_ignore": True},
    "description": "May I paint it blue?",
}


async def ask(input: Any, ctx: Context) -> Any:
    return f"Answered: {await ctx.interrupt([QUESTION])}"


def build(folder: Path) -> Path:
    """The built page."""
    page = folder / "package/templates/vite"
    if not (page / "dist/index.html").exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "pack", PACKAGE, "--silent"], cwd=folder, check=True)
        subprocess.run(["tar", "xzf", next(folder.glob("create-*.tgz")).name], cwd=folder, check=True)
        quiet = ("--ignore-scripts", "--legacy-peer-deps", "--no-audit", "--no-fund", "--loglevel=error")
        subprocess.run(["npm", "install", *quiet], cwd=page, check=True)
        subprocess.run(["npx", "vite", "build", "--logLevel", "error"], cwd=page, check=True)
    return page / "dist"


async def main(folder: Path) -> None:
    pages = Starlette(routes=[Mount("/", StaticFiles(directory=build(folder), html=True))])
    agents = {"chat": Agent("chat", "simulated/echo"), "ask": ask}
    async with (
        listening(pages) as page_url,
        serving(agents, keys=(KEY,), cors_origins=page_url) as api,
        listening(api.app) as url,
        async_playwright() as browsers,
    ):
        browser = await browsers.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        await page.add_init_script(f"localStorage.setItem('lg:chat:apiKey', '{KEY}')")
        await chat(page, f"{page_url}/?apiUrl={url}&chatHistoryOpen=true&assistantId=chat")
        await page.screenshot(path=folder / "chat.png")
        await be_asked(page, f"{page_url}/?apiUrl={url}&chatHistoryOpen=true&assistantId=ask")
        await page.screenshot(path=folder / "asked.png")
        await answer(page)
        await page.screenshot(path=folder / "answered.png")
        await browser.close()


async def chat(page: Page, address: str) -> None:
    """A message is answered, and the thread stands in the side bar; after a reload both are still there."""
    await page.goto(address)
    await page.fill("textarea", "Hello Fairlead")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Simulated answer to: Hello Fairlead")).to_be_visible(timeout=10_000)
    await page.reload()
    await expect(page.get_by_text("Simulated answer to: Hello Fairlead")).to_be_visible(timeout=10_000)
    await expect(page.get_by_role("button", name="Hello Fairlead")).to_be_visible(timeout=10_000)


async def be_asked(page: Page, address: str) -> None:
    await page.goto(address)
    await page.fill("textarea", "Paint it")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Send Response")).to_be_visible(timeout=10_000)


async def answer(page: Page) -> None:
    """The run goes on with what a person wrote into the page."""
    await page.get_by_placeholder("Your response here").fill("rather green")
    await page.get_by_role("button", name="Send Response").click()
    await expect(page.get_by_text("Answered:").first).to_be_visible(timeout=10_000)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
