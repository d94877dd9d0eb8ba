"""People at the door of the console, as their browsers come to it: cookies, redirects, and what a session opens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from fairlead.access import NewKey, NewUser, Role, Wanted
from fairlead.clock import SystemClock
from tests.access.sign_in_provider import CLIENT, ISSUER, SECRET, SignInProvider
from tests.api.serving import Serving, serving

HOST = "https://fairlead.example.com"
PAGE = {"accept": "text/html,*/*"}
COOKIE = "__Host-fairlead_session"


async def echo(input: Any) -> Any:
    return input


class Browser:
    """Keeps cookies as a browser does, and its reader signs in wherever the provider asks."""

    def __init__(self, api: Serving, provider: SignInProvider) -> None:
        self.provider = provider
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(api.app), base_url=HOST, headers=PAGE)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers=headers)

    async def post(self, path: str, **form: str) -> httpx.Response:
        token = self.client.cookies.get("fairlead_csrf", "")
        return await self.client.post(path, data={"csrf": token, **form}, headers={"sec-fetch-site": "same-origin"})

    async def sign_in(self, back: str = "/console/runs") -> httpx.Response:
        """What the provider's redirect brings."""
        started = await self.get(f"/console/sign-in/start?back={back}")
        assert started.status_code == 303, started.text
        return await self.get(f"/console/sign-in/callback?{self.provider.authorise(started.headers['location'])}")


@pytest.fixture
def provider() -> SignInProvider:
    return SignInProvider(SystemClock())


@pytest.fixture
async def api(provider: SignInProvider) -> AsyncIterator[Serving]:
    async with serving(
        {"echo": echo}, table=True, provider=provider, oidc_issuer=ISSUER, oidc_client_id=CLIENT,
        oidc_client_secret=SECRET, oidc_default_role="viewer", oidc_provider_name="Example SSO",
    ) as opened:  # fmt: skip
        yield opened


@pytest.fixture
def browser(api: Serving, provider: SignInProvider) -> Browser:
    return Browser(api, provider)


async def test_a_reader_is_sent_to_sign_in_and_comes_back_to_the_page_they_wanted(browser: Browser) -> None:
    sent = await browser.get("/console/runs?status=error")
    assert (sent.status_code, sent.headers["location"]) == (
        303,
        "/console/sign-in?back=%2Fconsole%2Fruns%3Fstatus%3Derror",
    )
    page = await browser.get(sent.headers["location"])
    assert page.status_code == 200 and "Sign in with Example SSO" in page.text and "Runs" not in page.text
    back = await browser.sign_in("/console/runs?status=error".replace("?", "%3F"))
    assert (back.status_code, back.headers["location"]) == (303, "/console/runs?status=error")
    shown = await browser.get("/console/runs?status=error")
    assert shown.status_code == 200 and "ada@example.com" in shown.text and "Sign out" in shown.text


async def test_the_cookie_is_for_this_host_alone_and_no_script_reads_it(browser: Browser) -> None:
    done = await browser.sign_in()
    (cookie,) = (one for one in done.headers.get_list("set-cookie") if one.startswith(COOKIE))
    said = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "secure", "path=/", "samesite=lax", "max-age=43200"} <= said
    assert not any(part.startswith("domain") for part in said)
    assert done.headers["cache-control"] == "no-store"


async def test_a_session_opens_the_console_and_nothing_else(api: Serving, browser: Browser) -> None:
    await browser.sign_in()
    for path in ("/runs", "/keys", "/v1/models", "/metrics"):
        assert (await browser.get(path)).status_code == 401, path
    secret = browser.client.cookies[COOKIE]
    for headers in ({"x-api-key": secret}, {"authorization": f"Bearer {secret}"}):
        assert (await api.client.get("/runs", headers=headers)).status_code == 401
        assert (await api.client.get("/console/runs", headers=headers)).status_code == 401


async def test_without_any_key_nobody_is_let_in_unasked(browser: Browser) -> None:
    """On this machine everybody would be an administrator, were there nobody to sign in with."""
    assert (await browser.get("/runs")).status_code == 401
    assert (await browser.get("/console/static/x/console.css")).status_code in (200, 404)


async def test_each_way_of_asking_is_told_in_its_own_words(browser: Browser) -> None:
    part = await browser.get("/console/runs", **{"hx-request": "true", "hx-current-url": f"{HOST}/console/runs/r1?a=b"})
    assert part.status_code == 401
    assert part.headers["hx-redirect"] == "/console/sign-in?back=%2Fconsole%2Fruns%2Fr1%3Fa%3Db"
    plain = await browser.get("/console/runs", accept="application/json")
    assert plain.status_code == 401 and plain.json()["code"] == "unauthorised"
    written = await browser.client.post("/console/preferences", data={"theme": "dark"})
    assert written.status_code == 401
    asked = await browser.get("/console/key?back=/console/workers")
    assert asked.status_code == 401 and asked.headers["www-authenticate"].startswith("Basic")


async def test_a_key_opens_where_people_sign_in_too(api: Serving, browser: Browser) -> None:
    """The way in while the provider is away."""
    issued = await api.json("POST", "/keys", {"name": "root", "role": "admin"}, status=None)
    assert issued["code"] == "unauthorised"
    key = (await api.running.engine.books.keys.create(NewKey("root", role=Role.ADMIN), by="test")).secret
    shown = await browser.client.get("/console/key?back=/console/workers", auth=("any", key))
    assert (shown.status_code, shown.headers["location"]) == (303, "/console/workers")
    page = await browser.client.get("/console/workers", auth=("any", key))
    assert page.status_code == 200 and "Sign out" not in page.text


async def test_what_goes_wrong_is_said_on_the_page_to_sign_in(browser: Browser) -> None:
    browser.provider.away = True
    started = await browser.get("/console/sign-in/start")
    assert started.status_code == 503 and "can&#39;t be asked now" in started.text
    browser.provider.away = False
    denied = await browser.get("/console/sign-in/callback?error=access_denied&state=<script>")
    assert denied.status_code == 401 and "did not sign you in: access_denied." in denied.text
    told = await browser.get("/console/sign-in/callback?error=Call+me+at+5551234")
    assert "did not sign you in." in told.text and "5551234" not in told.text
    assert COOKIE not in browser.client.cookies


async def test_a_return_that_another_browser_began_signs_nobody_in(api: Serving, browser: Browser) -> None:
    """Else a reader could be made to work in the name of somebody else."""
    attacker = Browser(api, browser.provider)
    started = await attacker.get("/console/sign-in/start")
    query = browser.provider.authorise(started.headers["location"])
    assert (await browser.get(f"/console/sign-in/callback?{query}")).status_code == 401
    await browser.get("/console/sign-in/start")  # they even are about to sign in themselves
    assert (await browser.get(f"/console/sign-in/callback?{query}")).status_code == 401
    assert COOKIE not in browser.client.cookies


async def test_a_session_that_somebody_planted_is_not_made_good(browser: Browser) -> None:
    """Session fixation: whoever signs in gets a new secret."""
    browser.client.cookies.set(COOKIE, "planted", domain="fairlead.example.com", path="/")
    await browser.sign_in()
    first = browser.client.cookies[COOKIE]
    assert first != "planted"
    await browser.sign_in()
    assert browser.client.cookies[COOKIE] != first
    browser.client.cookies.clear()
    browser.client.cookies.set(COOKIE, first, domain="fairlead.example.com", path="/")
    assert (await browser.get("/console/runs")).status_code == 303, "the session before has ended"


async def test_who_signs_out_is_out(browser: Browser) -> None:
    await browser.sign_in()
    secret = browser.client.cookies[COOKIE]
    await browser.get("/console/runs")
    forged = await browser.client.post("/console/sign-out", headers={"sec-fetch-site": "cross-site"})
    assert forged.status_code == 403
    assert (await browser.get("/console/runs")).status_code == 200
    out = await browser.post("/console/sign-out")
    assert (out.status_code, out.headers["location"]) == (303, "/console/sign-in")
    assert COOKIE not in browser.client.cookies
    browser.client.cookies.set(COOKIE, secret, domain="fairlead.example.com", path="/")
    assert (await browser.get("/console/runs")).status_code == 303


async def test_a_change_of_role_and_being_disabled_end_a_session_at_once(api: Serving, browser: Browser) -> None:
    users = api.running.engine.books.users
    of: dict[str, Any] = {"tenant": "default", "by": "root"}
    await browser.sign_in()
    await browser.get("/console/runs")
    assert (await browser.post("/console/preferences", theme="dark")).status_code == 303
    assert (await browser.post("/console/runs/r1/cancel")).status_code == 403, "a viewer moves no run"
    await users.set_role("ada@example.com", Role.OPERATOR, **of)
    assert (await browser.get("/console/runs")).status_code == 303
    await browser.sign_in()
    assert (await browser.post("/console/runs/r1/cancel")).status_code == 404
    await users.disable("ada@example.com", **of)
    assert (await browser.get("/console/runs")).status_code == 303
    assert "is disabled" in (await browser.sign_in()).text
    await users.delete("ada@example.com", **of)
    assert (await browser.sign_in()).status_code == 303


async def test_everybody_sees_the_runs_of_their_own_tenant(api: Serving, browser: Browser) -> None:
    engine = api.running.engine
    run = (await api.running.submit("echo", "hello")).id
    await engine.books.users.create(NewUser("grace", "acme", email="grace@example.com"), by="root")
    await browser.sign_in()
    assert run in (await browser.get("/console/runs")).text
    stranger = Browser(api, browser.provider)
    stranger.provider.claims = {"sub": "7", "email": "grace@example.com", "email_verified": True}
    await stranger.sign_in()
    assert run not in (await stranger.get("/console/runs")).text
    assert (await stranger.get(f"/console/runs/{run}")).status_code == 404


async def test_signing_in_and_out_is_in_the_audit_log(api: Serving, browser: Browser) -> None:
    await browser.sign_in()
    await browser.get("/console/runs")
    await browser.post("/console/sign-out")
    entries = await api.running.engine.books.audit.list("default", Wanted())
    done = [(entry.action, entry.by, entry.subject) for entry in entries]
    assert ("user.create", "sign-in", "ada@example.com") in done
    for action in ("session.open", "session.close"):
        assert (action, "user:ada@example.com", "ada@example.com") in done
