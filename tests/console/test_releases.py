"""Releases and workers in the console: who serves what, what waits on nobody, and how full the workers are."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from playwright.async_api import Browser, expect

from fairlead.access import Role
from fairlead.access.key import NewKey
from fairlead.errors import DatabaseUnavailable
from fairlead.runs.figure_book import OfRelease
from fairlead.runs.figures import Sums
from fairlead.runs.oversight import Open
from fairlead.runs.run import Status, Worker
from fairlead.ship.ledger import Deploy
from fairlead.ship.strategy import Outcome, Plan
from fairlead.ship.terms import Terms
from fairlead.telemetry.health import Component, Condition
from fairlead.web.console.format import Format
from fairlead.web.console.pages import releases, workers
from fairlead.web.console.pages.releases import Known
from tests.api.serving import serving
from tests.console.desktop import desktop, house
from tests.console.test_case import AT
from tests.console.test_evaluations import made, trials

FMT = Format(AT)
LEASE = timedelta(seconds=15)
HOSTILE = "<script>alert('\"1\"')</script>"


async def echo(input: Any) -> Any:
    return input


def worker(release: str = "v2", **more: Any) -> Worker:
    given: dict[str, Any] = {
        "id": f"w-{release}", "agents": ("desk",), "host": "vm", "pid": 1, "slots": 4, "started_at": AT,
        "lease_until": AT + LEASE, "lost_at": None, "draining": False, "running": 1,
    } | more  # fmt: skip
    return Worker(release=release, **given)


def deploy(new: str, old: str | None = None, outcome: Outcome | None = Outcome.SUCCEEDED, minute: int = 0) -> Deploy:
    at = AT - timedelta(minutes=60 - minute)
    return Deploy(f"dpl_{new}", Plan(new, old, Terms()), "mika", at, None if outcome is None else at, outcome, 1)


def waits(release: str, agent: str = "desk", runs: int = 3, waiting: int | None = None) -> Open:
    many = runs if waiting is None else waiting
    return Open(release, agent, Status.PENDING, runs, many, AT - timedelta(minutes=2))


def known(**given: Any) -> Known:
    given = {"workers": (), "deploys": (), "stable": None, "runs": (), "evaluations": ()} | given
    return Known(**given)


def states(view: releases.ReleasesView) -> dict[str, str]:
    return {row.name: row.state.word for row in view.rows}


def test_a_release_is_stable_canary_retired_or_served() -> None:
    shipped = [deploy("v3", "v2", None, 30), deploy("v2", "v1", minute=20), deploy("v1", minute=10)]
    view = releases.shape(
        known(workers=[worker("v2"), worker("v3"), worker("dev"), worker("v0", draining=True)], deploys=shipped,
              stable="v2", runs=[Open("v2", "desk", Status.RUNNING, 2, 0, AT)]),
        FMT,
    )  # fmt: skip
    assert states(view) == {
        "v3": "canary", "v2": "stable", "dev": "served", "v0": "draining", "v1": "retired"
    }  # fmt: skip
    stable = next(row for row in view.rows if row.name == "v2")
    assert (stable.workers, stable.used, stable.slots, stable.share, stable.running) == (1, 1, 4, 25.0, 2)
    assert stable.deploy is not None and stable.deploy.id == "dpl_v2"


def test_runs_that_nobody_serves_are_warned_of() -> None:
    runs = [waits("v1"), waits("v2", "other", 2), waits("v2"), waits("v9", runs=5, waiting=0)]
    gone = worker("v1", alive=False, lease_until=AT - LEASE)
    view = releases.shape(known(workers=[worker("v2"), gone, worker("v1", draining=True)], runs=runs), FMT)
    warned = {row.name: (row.unserved, row.lost, row.waiting) for row in view.warned}
    assert warned == {"v1": (("desk",), 3, 3), "v2": (("other",), 2, 5)}
    assert view.warned[0].move.endswith("&status=pending") and view.warned[0].oldest == AT - timedelta(minutes=2)
    assert states(view)["v9"] == "no worker", "they sleep: nobody is missed yet"


def test_what_can_not_be_read_is_told_and_the_rest_stays() -> None:
    away = DatabaseUnavailable("The database does not answer.")
    view = releases.shape(known(workers=away, runs=[waits("v1")], evaluations=away, stable=away), FMT)
    assert [one[0] for one in view.failed] == ["Workers could not be read.", "Evaluations could not be read."]
    assert states(view) == {"v1": "no worker"} and view.warned == (), "without the workers nobody knows who serves it"


def test_the_newest_evaluation_of_a_release_is_shown() -> None:
    found = [made(2, trials("a", 1), release="v2"), made(1, trials("a", 0, 1), release="v2")]
    row = releases.shape(known(workers=[worker()], evaluations=found), FMT).rows[0]
    assert row.last is not None and row.last.id == "evl_2" and row.verdict is not None


def test_what_runs_of_a_release_were_like_leads_to_them() -> None:
    buckets = {40: 99, 48: 1}
    ran = {"v2": OfRelease(Sums(98, 1, 1, 9, 4_000_000), buckets), "v1": OfRelease(Sums(interrupted=1))}
    view = releases.shape(known(workers=[worker("v2"), worker("v3")], figures=ran), FMT)
    rows = {row.name: row for row in view.rows}
    assert states(view) == {"v2": "served", "v3": "served", "v1": "no worker"}
    seen = rows["v2"].figures
    assert seen is not None and (seen.errors, seen.failed, seen.p95, seen.cost) == ("1%", True, "0.92 s", "$0.0040")
    assert seen.late == "/console/runs?release=v2&from=24h&min_duration=0.917s"
    assert rows["v2"].costs == "/console/costs?release=v2&period=24h"
    idle = rows["v1"].figures
    assert rows["v3"].figures is None and idle is not None and (idle.errors, idle.p95, idle.late) == ("0%", "—", "")
    away = DatabaseUnavailable("The database does not answer.")
    told = releases.shape(known(workers=[worker("v2")], figures=away), FMT)
    assert told.rows[0].figures is None and told.failed[0][0] == "The figures of runs could not be read."


def test_workers_say_how_full_they_are_and_when_they_were_heard_of() -> None:
    servers = {"crm": Component(Condition.UNHEALTHY, "It has crashed."), "docs": Component(Condition.HEALTHY)}
    view = workers.shape(
        [
            worker("lost", lost_at=AT - timedelta(hours=1), tool_servers=servers),
            worker("late", lease_until=AT - LEASE), worker("full", running=4, tool_servers=servers),
            worker("ends", draining=True, slots=0, running=0),
        ],
        AT, lease=LEASE,
    )  # fmt: skip
    assert [(row.worker.release, row.state.word, row.share) for row in view.rows] == [
        ("late", "could not ask", 25.0), ("full", "working", 100.0), ("ends", "draining", 0.0), ("lost", "lost", 25.0)
    ]  # fmt: skip
    assert view.rows[1].heard == AT and (view.living, view.used, view.slots) == (2, 4, 4)
    assert [(one.name, one.message) for one in view.servers] == [("crm", "It has crashed.")]


async def test_releases_of_an_engine_with_what_waits(database_url: str | None) -> None:
    async with house({"echo": echo}, database_url=database_url, release="v2") as at:
        await at.running.run("echo", 1, release="v2")
        for _ in range(3):
            await at.running.submit("echo", 1, release=HOSTILE)
        await at.running.submit("echo", 1, release="v1", tenant="acme")
        page = await at.visitor.get("/console/releases")
        assert page.status == 200 and "<script>alert" not in page.text
        assert "/console/runs?release=v2&from=24h&status=error" in {one.get("href") for one in page.page.all("a")}
        assert f"Nobody serves {HOSTILE}" in page.page.said and "3 runs wait, of echo." in page.page.said
        assert "v1" not in page.page.said, "another tenant's run"
        move = next(one["href"] for one in page.page.all("a") if "status=pending" in str(one.get("href")))
        listed = await at.visitor.get(str(move))
        assert len([one for one in listed.page.all("a") if "row-link" in (one.get("class") or "")]) == 3
        opened = await at.engine.oversight.open_runs(tenant="default", most=2)
        assert [(one.release, one.runs, one.waiting) for one in opened] == [(HOSTILE, 2, 2)]


async def test_evaluations_of_the_installation_are_not_others() -> None:
    async with serving({"echo": echo}, keys=("root-key",), table=True, console=True) as api:
        issued = await api.running.engine.books.keys.create(NewKey("acme", tenant="acme", role=Role.ADMIN), by="test")
        await api.running.engine.evaluations.keep(made(1, trials("a", 1), release="dev"))
        ours = await api.client.get("/console/releases", headers={"x-api-key": "root-key"})
        theirs = await api.client.get("/console/releases", headers={"x-api-key": issued.secret})
        assert "/console/evaluations/evl_1" in ours.text
        assert theirs.status_code == 200 and "evl_1" not in theirs.text and "Last evaluation" not in theirs.text


async def test_a_release_without_a_worker_is_seen_to_be_served_again(browser: Browser) -> None:
    async with house({"echo": echo}, release="v2") as at:
        waiting = await at.running.submit("echo", 1, release="v1")
        async with desktop(browser, at.app) as seen:
            page = seen.page
            await seen.go("/console/runs")
            await page.keyboard.press("g")
            await page.keyboard.press("v")
            await expect(page.get_by_role("heading", name="Nobody serves v1")).to_be_visible()
            await at.engine.control.move("v2", tenant="default", run_id=waiting.id, by="test")
            await expect(page.get_by_role("heading", name="Nobody serves v1")).to_have_count(0)
            await page.keyboard.press("g")
            await page.keyboard.press("w")
            rows = page.locator(".workers tbody tr")
            await expect(rows).to_have_count(1)
            other = await at.running.start_worker()
            await expect(rows).to_have_count(2)
            await at.running.crash(other)
            await expect(page.locator(".workers")).to_contain_text("lost", timeout=30_000)
