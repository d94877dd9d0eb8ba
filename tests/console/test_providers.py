"""The page of providers: the worst that is known of each, what calls came to, and how much of its limits is used."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from fairlead.access import Role
from fairlead.access.key import NewKey
from fairlead.gateway import Caller, parse_models
from fairlead.gateway.bucket import exchange, used
from fairlead.gateway.circuit import State as Circuit
from fairlead.gateway.prices import Prices
from fairlead.gateway.rate import SECOND, Ask, Limited, Rate, Use
from fairlead.gateway.standing import OfLate, Recent, Standing
from fairlead.gateway.switch import Stop
from fairlead.web.console.format import Format
from fairlead.web.console.pages import providers as page
from tests.api.serving import serving
from tests.console.desktop import desktop, house
from tests.console.test_costs import HOSTILE, NOW, echo, spend

HALF_A_SECOND = timedelta(milliseconds=500)


def recent(name: str = "openai", calls: int = 9, *, ok: int = 9, limited: int = 0, failed: int = 0) -> Recent:
    took = HALF_A_SECOND if ok else None
    return Recent(name, calls, ok, limited, failed, NOW, took, took)


def material(
    *, ready: bool = True, heard: bool = True, state: Circuit = Circuit.CLOSED, late: Recent | None = None,
    known: bool = True, stops: tuple[Stop, ...] = (),
) -> page.Material:  # fmt: skip
    told = OfLate((late,) if late else (), ()) if known else None
    return page.Material([Standing("openai", state, ready, heard)], (), stops, told, None, {}, {}, of_all=True)


STOP = Stop("default", "provider:openai", "", "local", NOW)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"ready": False, "late": recent()}, "no key"),
        ({"state": Circuit.OPEN, "late": recent()}, "left alone"),
        ({"state": Circuit.HALF_OPEN}, "being tried"),
        ({"late": recent(ok=0, failed=9)}, "no answer"),
        ({"late": recent(ok=6, failed=3)}, "fails often"),
        ({"late": recent(ok=8, limited=1)}, "limits us"),
        ({"late": recent()}, "answers"),
        ({}, "not asked"),
        ({"known": False, "heard": False}, "could not ask"),
        ({"known": False}, "answers"),
        ({"late": recent(), "stops": (STOP,)}, "stopped"),
    ],
)
def test_a_provider_stands_as_badly_as_is_known_of_it(given: dict[str, Any], word: str) -> None:
    [row] = page.shape(material(**given), Format(NOW), may=True).rows
    assert row.state.word == word


def test_what_was_not_measured_is_not_nothing() -> None:
    def told(**given: Any) -> page.Figures:
        return page.shape(material(**given), Format(NOW), may=True).rows[0].figures

    assert (told(late=recent()).calls, told(late=recent()).p95) == ("9", "0.50 s")
    assert told(late=recent(ok=0, failed=9)).p95 == "not measured"
    assert told().calls == "—"
    assert told(known=False).calls == "not read"
    assert page.shape(material(), Format(NOW), may=True).rows[0].cost == "not read"


def test_a_model_says_how_much_of_its_limits_is_used() -> None:
    told, quote = recent("openai/gpt-5"), Prices().quote("openai/gpt-5")
    uses: dict[str, tuple[Rate, Use] | None] = {
        "openai/gpt-5": (Rate(60, None), Use((54, 900), (1, 0), 0, 1.0, 2)),
    }  # fmt: skip
    given = replace(material(), late=OfLate((), (told,)), uses=uses, quotes={"openai/gpt-5": quote})
    [row] = page.shape(given, Format(NOW), may=True).models
    assert row.requests == page.Gauge("54", "60", 90.0, page.Tone.WARN)
    assert row.tokens == page.Gauge("900", "", 0.0, page.Tone.ACCENT)
    assert row.price == "$1.25 in, $10.00 out"
    paused = replace(given, uses={"openai/gpt-5": (Rate(60, None), Use((70, 0), (0, 0), 8 * SECOND, 0.7, 2))})
    [row] = page.shape(paused, Format(NOW), may=True).models
    assert (row.note, row.requests and row.requests.width) == ("paused for 8.00 s", 100.0)
    silent = replace(given, uses={"openai/gpt-5": None})
    [row] = page.shape(silent, Format(NOW), may=True).models
    assert (row.asked, row.requests) == (False, None)


def test_looking_at_a_rate_changes_nothing_of_it() -> None:
    rate, now = Rate(60, 1000), 1_000_000 * SECOND
    text, _ = exchange("", Ask("p", 1, need=(3, 90)), rate, now)
    told, answer = exchange(text, Ask("p", 2, held=(1, 30), used={now // SECOND: (2, 60)}), rate, now + SECOND)
    assert answer.granted == (0, 0)
    assert used(told, rate, now + SECOND) == Use((2, 60), (1, 30), 0, 1.0, 1)
    assert used(told, rate, now + 120 * SECOND).used == (0, 0)
    cut, _ = exchange(told, Ask("p", 3, limited=Limited(9 * SECOND)), rate, now + 2 * SECOND)
    assert (used(cut, rate, now + 3 * SECOND).paused_for, used(cut, rate, now + 3 * SECOND).factor) == (8 * SECOND, 0.7)
    assert used("", rate, now) == Use((0, 0), (0, 0), 0, 1.0, 0)


async def test_the_newest_calls_are_told_by_provider_and_model_with_their_times(
    database_url: str | None,
) -> None:
    async with house({"desk": echo}, database_url=database_url) as one:
        now = one.engine.clock.now()
        rows = [{"took": timedelta(milliseconds=n), "model": f"openai/{'ab'[n % 2]}"} for n in range(1, 101)]
        rows += [{"outcome": "model_timeout", "took": timedelta(seconds=30)}, {"outcome": "model_limited"}]
        rows += [{"cached": True, "took": timedelta()}, {"at": now - timedelta(hours=1)}, {"tenant": "other"}]
        await spend(one.engine, *rows)
        since = now - timedelta(minutes=15)
        late = await one.engine.models.usage.of_late(since, tenant="default")
        [openai] = late.providers
        assert (openai.calls, openai.ok, openai.limited, openai.failed) == (102, 100, 1, 1)
        assert (openai.p50, openai.p95) == (timedelta(milliseconds=50), timedelta(milliseconds=95))
        assert [(model.name, model.calls, model.p95) for model in late.models] == [
            ("openai/a", 50, timedelta(milliseconds=96)), ("openai/b", 50, timedelta(milliseconds=95)),
            ("openai/gpt-5", 2, None),
        ]  # fmt: skip
        assert (await one.engine.models.usage.of_late(since, tenant="*")).providers[0].calls == 103
        assert sum(m.calls for m in (await one.engine.models.usage.of_late(since, tenant="*", most=7)).models) == 7


async def test_calls_limits_and_declared_models_are_shown(database_url: str | None) -> None:
    async def ask(input: Any, ctx: Any) -> Any:
        return (await ctx.model([{"role": "user", "content": "hi"}], model="simulated/x")).text

    models = parse_models({"desk": {"targets": ["openai/gpt-5", "simulated/x"]}}, lambda name: None)
    async with house({"ask": ask}, database_url=database_url, models=models) as one:
        await one.running.run("ask")
        share = one.engine.models.limits.of("openai/gpt-5")
        await share.admit(1200, Caller(), timedelta(seconds=1))
        await share.aclose()  # tells the others what was used
        await spend(one.engine, {})
        told = (await one.visitor.get("/console/providers")).page.said
        assert "answers simulated closed 1 0 0" in told
        assert "no key openai" in told
        assert "1 of 60" in told
        assert "desk one after the other openai/gpt-5 $1.25 in, $10.00 out simulated/x" in told


async def test_names_stay_text_and_calls_of_other_tenants_are_not_told() -> None:
    async with serving({"desk": echo}, keys=("root-key-of-a-test",), table=True, console=True) as api:
        engine = api.running.engine
        key = await engine.books.keys.create(NewKey("far", tenant="other", role=Role.VIEWER), by="test")
        await spend(engine, {"provider": "simulated", "model": f"simulated/{HOSTILE}"})
        mine = (await api.client.get("/console/providers", headers={"x-api-key": "root-key-of-a-test"})).text
        assert "<img" not in mine
        assert "simulated/&#34;&gt;&lt;img" in mine
        assert "Stop…" in mine
        far = (await api.client.get("/console/providers", headers={"x-api-key": key.secret})).text
        assert "simulated/" not in far
        assert "calls of your tenant" in far
        assert "Stop…" not in far


async def test_the_page_is_live_and_a_provider_is_stopped_from_it(browser: Browser) -> None:
    async with house({"desk": echo}) as one, desktop(browser, one.app) as desk:
        await desk.go("/console/providers")
        await expect(desk.page.locator("#live-mark")).to_have_attribute("data-state", "live")
        await spend(one.engine, {"provider": "simulated", "model": "simulated/new"})
        await expect(desk.page.locator("#asked_models")).to_contain_text("simulated/new")
        await desk.page.get_by_role("link", name="Stop the calls to simulated").click()
        await expect(desk.page.get_by_role("dialog")).to_contain_text("Stop the model calls of simulated?")
        await desk.page.get_by_role("button", name="Stop the calls").click()
        await expect(desk.page.locator("#stops")).to_contain_text("Model calls of simulated are stopped")
        await desk.go("/console/providers")
        await expect(desk.page.locator("#providers")).to_contain_text("stopped")
        for width in (390, 768, 1280, 2560):
            await desk.page.set_viewport_size({"width": width, "height": 900})
            over = await desk.page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert over <= 0, (width, over)
