"""A person signs in, in a real Chromium, with a provider that is not ours: from a link to a run, and out again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from oidc_provider_mock import User, run_server_in_thread
from playwright.async_api import Browser, ConsoleMessage, Page, expect

from fairlead import testing
from fairlead.access import Role
from fairlead.wiring.application import open_application
from fairlead.wiring.keyring import open_keyring
from tests.api.serving import listening

# The provider's, which works in this process.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
ADA = User(sub="ada", claims={"email": "ada@example.com", "email_verified": True})
EVE = User(sub="eve", claims={"email": "eve@example.com", "email_verified": False})


async def echo(input: str) -> str:
    return input


@dataclass
class Desktop:
    page: Page
    address: str
    running: testing.Running
    complaints: list[str] = field(default_factory=list[str])

    def complain(self, said: ConsoleMessage) -> None:
        if said.location["url"].startswith(self.address):  # the provider's own are not ours
            self.complaints.append(said.text)


@pytest_asyncio.fixture(loop_scope="session")
async def desktop(browser: Browser) -> AsyncIterator[Desktop]:
    with run_server_in_thread(user_claims=(ADA, EVE), require_nonce=True) as provider:
        issuer = f"http://localhost:{provider.server_port}"
        async with testing.engine(
            {"echo": echo}, oidc_issuer=issuer, oidc_client_id="fairlead", oidc_client_secret="of fairlead",
            oidc_default_role="viewer", oidc_provider_name="Example SSO", egress_allow="localhost",
        ) as running:  # fmt: skip
            keys = await open_keyring(running.engine, host="127.0.0.1")
            app = open_application(running.engine, keys=keys, metrics=None, stopping=asyncio.Event())
            async with listening(app) as address:
                context = await browser.new_context(viewport={"width": 1280, "height": 900}, timezone_id="UTC")
                one = Desktop(await context.new_page(), address, running)
                one.page.on("console", lambda said: one.complain(said) if said.type == "error" else None)
                one.page.on("pageerror", lambda error: one.complaints.append(str(error)))
                yield one
                await context.close()
            await keys.close()


async def test_a_link_to_a_run_leads_there_through_the_provider(desktop: Desktop) -> None:
    page, run = desktop.page, await desktop.running.run("echo", "hello")
    await page.goto(f"{desktop.address}/console/runs/{run.id}?step=1")
    await page.get_by_role("link", name="Sign in with Example SSO").click()
    await page.get_by_role("button", name="ada", exact=True).click()
    await expect(page.locator("#facts")).to_contain_text("success")
    assert page.url == f"{desktop.address}/console/runs/{run.id}?step=1"
    await expect(page.locator(".foot")).to_contain_text("ada@example.com")
    assert desktop.complaints == []
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("link", name="Sign in with Example SSO")).to_be_visible()
    await page.go_back()
    await page.reload()
    await expect(page.get_by_role("link", name="Sign in with Example SSO")).to_be_visible()


async def test_who_is_not_known_for_sure_is_told_why(desktop: Desktop) -> None:
    page = desktop.page
    await page.goto(f"{desktop.address}/console")
    await page.get_by_role("link", name="Sign in with Example SSO").click()
    await page.get_by_role("button", name="eve", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("no `email` that it has verified")
    await page.get_by_role("link", name="Sign in with Example SSO").click()
    await page.get_by_role("button", name="Deny").click()
    await expect(page.get_by_role("alert")).to_contain_text("access_denied")


async def test_a_page_that_lives_on_sends_its_reader_to_sign_in_when_the_session_ends(desktop: Desktop) -> None:
    page, run = desktop.page, await desktop.running.run("echo", "hello")
    await page.goto(f"{desktop.address}/console/runs")
    await page.get_by_role("link", name="Sign in with Example SSO").click()
    await page.get_by_role("button", name="ada", exact=True).click()
    await expect(page.locator("#live-mark")).to_have_attribute("data-state", "live")
    users = desktop.running.engine.books.users
    await users.set_role("ada@example.com", Role.OPERATOR, tenant="default", by="root")
    await expect(page.get_by_role("link", name="Sign in with Example SSO")).to_be_visible(timeout=15000)
    assert urlsplit(page.url).query == "back=%2Fconsole%2Fruns"
    await page.get_by_role("link", name="Sign in with Example SSO").click()
    await page.get_by_role("button", name="ada", exact=True).click()
    await page.locator(f"#run-{run.id} .row-link").click()
    await expect(page.locator("#facts")).to_contain_text("success")
